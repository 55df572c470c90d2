// What the tests of the measured journey share: stamps made by hand, and two processes that exchange messages under a tracer.
// It holds no test of its own.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ReadMode, Seen } from '../../test/support/message-workload.js';
import { temporary } from '../meter/support.test.js';
import type { Journey } from './path.js';
import type { PointName } from './points.js';
import type { Flow, Stamp } from './record.js';
import type { JourneyTracer } from './tracer.js';

export const flow: Flow = { source: '10.0.0.1', sourcePort: 40000, destination: '10.0.0.2', destinationPort: 80 };

/** A stamp with what matters given and the rest plain. */
export function stamp(point: PointName, timeNs: number, rest: Partial<Stamp> = {}): Stamp {
  return {
    ...{ point, timeNs, journey: 1, start: 0, end: 0, value: 0n, thread: 0, process: 0, enteredNs: 0, call: 0 },
    ...{ interfaceIndex: 0, namespace: 0, name: '', flow: undefined, headers: undefined },
    ...rest,
  };
}

/** The program of test/support that exchanges messages. */
export const messageProgram = fileURLToPath(new URL('../../test/support/message-workload.js', import.meta.url));

/** Both ends of an exchange, after it. */
export interface Exchange {
  readonly sender: number;
  readonly receiver: number;
  readonly port: number;
  readonly sent: readonly Seen[];
  readonly received: readonly Seen[];
}

/**
 * An address of loopback that is this process's alone. A tracer that is told it stays clear of what others on this machine
 * send meanwhile: seconds of somebody's load fill any ring.
 */
export const ownAddress = `127.${64 + ((process.pid >>> 16) & 127)}.${(process.pid >>> 8) & 255}.${process.pid & 255}`;

let exchanges = 0;

/** Runs an exchange in two processes; `inSender` and `inReceiver` are commands to run them under (`ip netns exec NAME`). */
export async function exchange(
  sizes: readonly number[],
  { mode = 'whole' as ReadMode, host = ownAddress, inSender = [] as string[], inReceiver = [] as string[] } = {},
): Promise<Exchange> {
  exchanges++;
  const portFile = temporary(`journey-port-${exchanges}`);
  const run = (role: string, under: string[]) => {
    const result = temporary(`journey-${role}-${exchanges}`);
    const rest = [messageProgram, role, result, portFile, mode, JSON.stringify(sizes), host];
    const [program = '', ...given] = [...under, process.execPath, ...rest];
    return { child: spawn(program, given, { stdio: ['ignore', 'ignore', 'inherit'] }), result };
  };
  const receiver = run('receiver', inReceiver);
  const sender = run('sender', inSender);
  await Promise.all([ended(receiver.child), ended(sender.child)]);
  const read = (path: string) => JSON.parse(readFileSync(path, 'utf8')) as Seen[];
  return {
    sender: sender.child.pid!,
    receiver: receiver.child.pid!,
    port: Number(readFileSync(portFile, 'utf8')),
    sent: read(sender.result),
    received: read(receiver.result),
  };
}

async function ended(child: ChildProcess): Promise<void> {
  const [status] = (await once(child, 'exit')) as [number];
  assert.equal(status, 0);
}

/** The journeys of an exchange's messages in their order; the answers are left out. */
export function messagesOf(tracer: JourneyTracer, { port }: Exchange): Journey[] {
  return tracer
    .journeys()
    .filter((journey) => journey.flow?.destinationPort === port)
    .sort((a, b) => a.path[0]!.timeNs - b.path[0]!.timeNs);
}

/** What holds for every journey: points in the order of time, stages that touch and sum to the whole. */
export function assertWhole({ id, path, stages, totalNs }: Journey): void {
  let at = path[0]!.timeNs;
  for (const { startNs, durationNs } of stages) {
    assert.equal(startNs, at, `journey ${id}: a gap`);
    assert.ok(durationNs >= 0, `journey ${id}: ${durationNs} ns`);
    at += durationNs;
  }
  assert.equal(at, path.at(-1)!.timeNs);
  assert.equal(
    stages.reduce((sum, stage) => sum + stage.durationNs, 0),
    totalNs,
  );
}
