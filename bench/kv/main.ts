// `npm run bench:kv`: `clearway kv` on both engines beside Redis, with redis-benchmark as the load: requests a second, CPU a request, latency; then the same, and past the
// kernel, over pairs of devices. Rounds are interleaved; ratios are medians of the rounds' ratios. Not here: the store, the tables' words (render.ts, render-wired.ts).

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeHost, hostFacts } from '../host/about.js';
import { setSessionNiceness } from '../host/autogroup.js';
import { choosePlacement } from '../host/child.js';
import { compilerAbsence } from '../host/compile.js';
import { completeWords, numberOf } from '../options.js';
import { say } from '../session.js';
import { kvRows, measureRow } from './load.js';
import { type KvCell, renderKv } from './render.js';
import { renderLatencies, renderLoads } from './render-wired.js';
import { type RunningStore, redisAbsence, startStore, storesOf } from './stores.js';
import { measureWired } from './wired.js';

const usage = `npm run bench:kv -- [OPTIONS]

  --rounds N         rounds, interleaved (5)
  --seconds N        about how long each measurement takes, 0.5 to 60 (2)
  --only ROW,ROW     rows: ${kvRows.map(({ name }) => name).join(' | ')} | veth: all over pairs of virtual devices, past the kernel too
  --markdown [FILE]  writes the table (docs/bench-kv.md)
  --nice N           niceness of stores and load, -20 to 19 (0)`;

/** The name of what is measured over pairs of devices, all of it. */
const wired = 'veth';

const defaultPage = 'docs/bench-kv.md';

const preface = `# Benchmark of the key-value store

Written by \`npm run bench:kv -- --markdown\`. The load is redis-benchmark with 50 connections over loopback, values of 32 bytes and 100,000 keys, on a processor of its
own; each store has the other. Redis has one thread, as ours does, and neither saves anything (\`--save '' --appendonly no\`). CPU is the store's process with all
its threads (/proc/PID/task/*/schedstat), divided by the requests that redis-benchmark made. Ratios to Redis are medians of the ratios of each round, with the
smallest and the largest. Latency is as redis-benchmark sees it at full load: mostly waiting behind others.
`;

interface Options {
  readonly rows: readonly string[];
  /** Over pairs of devices, too. */
  readonly isWired: boolean;
  readonly rounds: number;
  readonly seconds: number;
  readonly niceness: number;
  readonly markdown: string | undefined;
}

/** @returns undefined where help was asked for. @throws in plain words */
function parse(words: readonly string[]): Options | undefined {
  const { values } = parseArgs({
    args: completeWords(words, defaultPage),
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      only: { type: 'string' },
      markdown: { type: 'string' },
      nice: { type: 'string', default: '0' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const wanted = values.only?.split(/,(?! )/) ?? [...kvRows.map(({ name }) => name), wired];
  const rows = wanted.filter((row) => row !== wired);
  const wrong = rows.find((row) => !kvRows.some(({ name }) => name === row));
  if (wrong !== undefined) throw new Error(`there is no row ${wrong}`);
  return {
    rows,
    isWired: wanted.includes(wired),
    rounds: numberOf('rounds', values.rounds, 1, 100),
    seconds: numberOf('seconds', values.seconds, 0.5, 60),
    niceness: numberOf('nice', values.nice, -20, 19),
    markdown: values.markdown,
  };
}

async function measure(options: Options, folder: string): Promise<readonly KvCell[]> {
  const placement = choosePlacement(options.niceness);
  const running: RunningStore[] = [];
  try {
    for (const store of storesOf()) running.push(await startStore(store, folder, placement.server));
    const cells = kvRows
      .filter(({ name }) => options.rows.includes(name))
      .flatMap((row) => running.map((store) => ({ row, store, rounds: [] as KvCell['rounds'][number][] })));
    for (let round = 1; round <= options.rounds; round++) {
      for (const cell of cells) {
        cell.rounds.push(await measureRow(cell.row, cell.store, options.seconds, placement.load));
      }
      say(`round ${round} of ${options.rounds}`);
    }
    return cells.map(({ row, store, rounds }) => ({ row: row.name, store: store.name, rounds }));
  } finally {
    for (const store of running) await store.stop();
  }
}

/** Over pairs of devices, where that can be made. @returns Markdown */
async function wiredText({ rounds, seconds, niceness }: Options, folder: string): Promise<string> {
  const absence = process.getuid?.() !== 0 ? 'it needs root' : compilerAbsence();
  if (absence !== undefined) return `\nNot measured over pairs of devices: ${absence}.`;
  const { loads, latencies } = await measureWired(rounds, seconds, choosePlacement(niceness), folder, say);
  return `
## Over a pair of devices

${renderLoads(loads)}

One client on one connection, one request under way; \`--bypass\` looks for packets all the while (\`--bypass-poll 2000\`):

${renderLatencies(latencies)}

Each store has a pair of virtual devices (veth) of its own between two network namespaces; the clients are at the other end, on the kernel's sockets. AF_XDP copies each packet there, and sends by
a system call. What is done in the time of who sends (the other side's receiving) is in each figure of CPU alike; the kernel's receiving for Redis is in the client's time, our own TCP's in ours.
A client that waits in the kernel is woken up by it, which takes longer than all else; that part is the same for all stores.`;
}

async function main(words: readonly string[]): Promise<void> {
  const options = parse(words);
  if (options === undefined) {
    console.log(usage);
    return;
  }
  const absence = redisAbsence();
  if (absence !== undefined) throw new Error(absence);
  setSessionNiceness(options.niceness);
  const host = hostFacts();
  const folder = mkdtempSync(join(tmpdir(), 'clearway-kv-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const about = `${options.rounds} rounds of about ${options.seconds} s. ${describeHost(host)}`;
  const parts: string[] = [];
  if (options.rows.length > 0) parts.push(`${renderKv(await measure(options, folder))}\n\n${about}`);
  if (options.isWired) parts.push(`${await wiredText(options, folder)}\n\n${about}`);
  const text = parts.join('\n');
  console.log(text);
  if (options.markdown === undefined) return;
  mkdirSync(dirname(options.markdown), { recursive: true });
  writeFileSync(options.markdown, `${preface}\n${text}\n`);
  say(`wrote ${options.markdown}`);
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`bench:kv: ${error.message}`);
  process.exitCode = 1;
});
