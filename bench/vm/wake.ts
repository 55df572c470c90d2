// The first answer after nobody has asked for a while. By a socket: a client in C (bench/kv/latency.c) on one connection asks once a second, and waits in the kernel until the answer is there. Client
// and store sleep in between, so that the waking of both, and the kernel's TCP twice, is in it. By the ring: the thread that has the guest sleeps, and asks it. Not here: the stores (main.ts).

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { compile } from '../host/compile.js';
import { Rig } from './soak/rig.js';

const idleMs = 1000;
/** Asked in a row of one store, before the next one is asked. */
const inARow = 5;

/** Medians of first answers in microseconds: for each port one a round; the ports are asked in turn. @throws Error with what the client said */
export function measureWakes(ports: readonly number[], rounds: number): number[][] {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bench-'));
  try {
    const client = join(folder, 'latency');
    compile('bench/kv/latency.c', client);
    const firstAnswerUs = (port: number): number => {
      const words = ['127.0.0.1', port, 'block', inARow, idleMs].map(String);
      const { status, stdout, stderr } = spawnSync(client, words, { encoding: 'utf8', timeout: 60_000 });
      if (status !== 0) throw new Error(`the client ended with status ${status}: ${stderr}`);
      return (JSON.parse(stdout) as { p50Ns: number }).p50Ns / 1000;
    };
    const found = ports.map(() => [] as number[]);
    for (let round = 0; round < rounds; round++)
      for (const [index, port] of ports.entries()) found[index]!.push(firstAnswerUs(port));
    return found;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Answers before anything is measured, so that it is compiled code that sleeps. */
const warmAnswers = 20_000;

/** First answers of a guest in microseconds, one a round, of a client that writes to its ring in the thread that enters it. @throws Error with what the guest said */
export async function measureRingWakes(image: string, rounds: number): Promise<number[]> {
  const rig = await Rig.open(image, 'turns', 'maxmemory=32M', 1);
  try {
    const ask = (): void => void rig.ask(['*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n'], ['$-1\r\n']);
    for (let answers = 0; answers < warmAnswers; answers++) ask();
    const found: number[] = [];
    for (let round = 0; round < rounds * inARow; round++) {
      await pause(idleMs);
      const begun = process.hrtime.bigint();
      ask();
      found.push(Number(process.hrtime.bigint() - begun) / 1000);
    }
    return found;
  } finally {
    await rig.close();
  }
}
