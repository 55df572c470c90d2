// `npm run bench:vm`: the store in a virtual machine. Round trips over its rings, clients over loopback beside `clearway kv` and Redis in the same rounds, how long it takes to
// begin, what it costs when nobody asks, what a stop costs beside a loop in C. `--rounds N` (3), `--only NAME,NAME` (ring, module, compilers, exits, boot, idle, wake, load). Ratios are medians of the rounds' ratios. Not here: the rings' client (ring.ts).

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { nativeRefused } from '../../test/compile/native.js';
import { guestsRefused } from '../../test/vmm/support.js';
import { describeHost, hostFacts } from '../host/about.js';
import { compilerAbsence } from '../host/compile.js';
import { freePort } from '../host/port.js';
import { readProcessStat, tickNs } from '../host/proc.js';
import { redisAbsence } from '../kv/stores.js';
import { repositoryRoot } from '../servers/peer.js';
import { median, pairedRatio } from '../statistics.js';
import { measureCompilers } from './compilers.js';
import { measureExits } from './exits.js';
import { makeModuleRings, measureRing, type RingFigures } from './ring.js';
import { measureRingWakes, measureWakes } from './wake.js';

const program = join(repositoryRoot, 'dist/bundle/main.js');
const image = join(repositoryRoot, 'dist/image/kv.elf');
const children = new Set<ChildProcess>();

interface Store {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess;
  readonly said: string;
}

/** Starts a store, and waits until it says that it is ready. @throws with what it said */
function start(name: string, command: string, args: readonly string[], port: number, ready: RegExp): Promise<Store> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let said = '';
  return new Promise((resolve, reject) => {
    const hear = (text: Buffer): void => {
      said += text;
      if (ready.test(said)) resolve({ name, port, child, said });
    };
    for (const stream of [child.stdout, child.stderr]) stream.on('data', hear);
    child.on('exit', () => {
      children.delete(child);
      reject(new Error(`${name} did not begin: ${said}`));
    });
  });
}

async function startGuest(): Promise<Store> {
  const port = await freePort();
  return start('kv --vm', process.execPath, [program, 'kv', '--vm', '--port', `${port}`], port, /clearway kv: ready/);
}

async function startProcess(): Promise<Store> {
  const port = await freePort();
  return start('kv', process.execPath, [program, 'kv', '--port', `${port}`], port, /clearway kv: up to/);
}

async function startRedis(): Promise<Store> {
  const port = await freePort();
  const args = ['--port', `${port}`, '--save', '', '--appendonly', 'no'];
  return start('redis', 'redis-server', args, port, /Ready to accept connections/);
}

/** Ends one, and waits for that. */
async function end({ child }: Store): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** Requests a second and the median latency in us, by redis-benchmark. */
function load(port: number, connections: number, pipeline: number, requests: number, test: string) {
  const args = ['-p', `${port}`, '-c', `${connections}`, '-P', `${pipeline}`, '-n', `${requests}`, '-d', '32'];
  const { stdout } = spawnSync('redis-benchmark', [...args, '-r', '1000', '-t', test, '--csv'], { encoding: 'utf8' });
  const row = stdout.trim().split('\n').at(-1)!.replaceAll('"', '').split(',');
  return { rate: Number(row[1]), p50Us: Number(row[4]) * 1000 };
}

/** CPU time of a process so far, in ms. */
function cpuMs(pid: number): number {
  return (readProcessStat(pid)!.cpuTicks * tickNs) / 1e6;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function measureLoads(rounds: number): Promise<string[]> {
  const stores = [await startGuest(), await startProcess(), await startRedis()];
  const lines: string[] = [];
  for (const [connections, pipeline, requests] of [
    [50, 16, 200_000],
    [50, 1, 50_000],
    [1, 1, 5_000],
  ] as const) {
    for (const test of ['set', 'get']) {
      const found = stores.map(() => ({ rates: [] as number[], ratios: [] as number[], p50: [] as number[] }));
      for (let round = 0; round < rounds; round++) {
        const now = stores.map(({ port }) => load(port, connections, pipeline, requests, test));
        for (const [index, { rate, p50Us }] of now.entries()) {
          found[index]!.rates.push(rate);
          found[index]!.ratios.push(rate / now.at(-1)!.rate);
          found[index]!.p50.push(p50Us);
        }
      }
      for (const [index, { name }] of stores.entries()) {
        const { rates, ratios, p50 } = found[index]!;
        const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`;
        lines.push(
          `| ${test} -c ${connections} -P ${pipeline} | ${name} | ${Math.round(median(rates) / 1000)}k | ${median(ratios).toFixed(2)} (${range}) | ${Math.round(median(p50))} us |`,
        );
      }
    }
  }
  for (const store of stores) await end(store);
  return ['| load | store | requests/s | of redis | p50 |', '| --- | --- | --- | --- | --- |', ...lines];
}

const million = (rate: number): string => `${(rate / 1e6).toFixed(2)} M commands/s`;

/** Rounds of one ring after another, so that all have the same neighbours. */
async function measureRings(rounds: number, rings: Readonly<Record<string, () => Promise<RingFigures>>>) {
  const found: Record<string, RingFigures[]> = {};
  for (let round = 0; round < rounds; round++)
    for (const [name, ring] of Object.entries(rings)) found[name] = [...(found[name] ?? []), await ring()];
  return Object.entries(found).map(([name, list]) => {
    const of = (figure: Exclude<keyof RingFigures, 'guestShare'>): number => median(list.map((each) => each[figure]));
    const shares = list.flatMap(({ guestShare }) => guestShare ?? []);
    return [
      `ring, ${name}, both sides polling: one GET in flight p50 ${of('p50Us').toFixed(2)} us, p99 ${of('p99Us').toFixed(2)} us`,
      `50 streams x 16 GETs, all asked at once and all awaited ${million(of('inBatches'))}, each asked again when it was answered ${million(of('inFlow'))}`,
      ...(shares.length === 0 ? [] : [`of that time the guest works ${(median(shares) * 100).toFixed(0)} %`]),
    ].join('; ');
  });
}

/** The store's module without a machine. */
async function measureModuleRings(rounds: number): Promise<string[]> {
  const rings = makeModuleRings();
  try {
    const named = Object.entries(rings.measure).map(([compiler, ring]) => {
      return [`the module in a thread without a machine, by ${compiler}`, () => ring(20_000)] as const;
    });
    return await measureRings(rounds, Object.fromEntries(named));
  } finally {
    rings.close();
  }
}

async function measureBoots(times: number): Promise<string> {
  const boots: number[] = [];
  const own: number[] = [];
  for (let index = 0; index < times; index++) {
    const store = await startGuest();
    const words = /ready ([\d.]+) ms after \/dev\/kvm was opened, ([\d.]+) ms of it/.exec(store.said)!;
    boots.push(Number(words[1]));
    own.push(Number(words[2]));
    await end(store);
  }
  return `from /dev/kvm opened to the guest's first rest: median ${median(boots)} ms (${Math.min(...boots)} to ${Math.max(...boots)}), of it in the guest ${median(own)} ms (${Math.min(...own)} to ${Math.max(...own)}), ${times} times`;
}

async function measureIdle(): Promise<string> {
  const store = await startGuest();
  load(store.port, 1, 1, 100, 'get');
  await pause(1000);
  const before = cpuMs(store.child.pid!);
  await pause(5000);
  const used = cpuMs(store.child.pid!) - before;
  await end(store);
  return `idle after one second: ${(used / 50).toFixed(1)} % of a processor, the whole process`;
}

/** Waits until a store does nothing any more, ten seconds at most: the guest's warms itself up where nobody asks. */
async function untilIdle({ child }: Store): Promise<void> {
  for (let looks = 0; looks < 20; looks++) {
    const before = cpuMs(child.pid!);
    await pause(500);
    if (cpuMs(child.pid!) - before <= 10) return;
  }
}

/** The first answer after a second of nothing, of each store, and of a guest that is asked by its ring. */
async function measureFirstAnswers(rounds: number): Promise<string[]> {
  const stores = [await startGuest(), await startProcess(), await startRedis()];
  for (const store of stores) await untilIdle(store);
  const found = measureWakes(
    stores.map(({ port }) => port),
    rounds,
  );
  for (const store of stores) await end(store);
  const of = (values: readonly number[]): string =>
    `${Math.round(median(values))} us (${Math.round(Math.min(...values))} to ${Math.round(Math.max(...values))})`;
  const redis = found.at(-1)!;
  const rows = stores.map(({ name }, index) => {
    const own = found[index]!;
    return `${name} ${of(own)}, ${pairedRatio(own, redis).toFixed(2)} of Redis in the same round`;
  });
  return [
    `first answer after a second of nothing, a client in C, ${rounds} rounds: median ${rows.join('; ')}`,
    `the same of a guest, by its ring in its own thread: median ${of(await measureRingWakes(image, rounds))}`,
  ];
}

/** A part of what is measured. */
interface Part {
  /** Why it cannot be measured here; none: it can. */
  lacks(): string | false | undefined;
  measure(): Promise<readonly string[]> | readonly string[];
}

const help = `Usage: npm run bench:vm -- [--rounds N] [--only NAME,NAME]

The store in a virtual machine, beside clearway kv and Redis in the same rounds.

  --rounds N         1 to 20, interleaved (3)
  --only NAME,NAME   ring, module, compilers, exits, boot, idle, wake, load (all of them)
`;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      help: { type: 'boolean', short: 'h' },
      rounds: { type: 'string', default: '3' },
      only: { type: 'string' },
    },
  });
  if (values.help === true) return void process.stdout.write(help);
  const rounds = Math.min(20, Math.max(1, Number(values.rounds) || 3));
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  say(describeHost({ ...hostFacts(), placement: 'nothing is pinned but rings, where there are two processors' }));
  say('');
  const parts: Readonly<Record<string, Part>> = {
    ring: {
      lacks: guestsRefused,
      measure: () => measureRings(rounds, { 'in a machine': () => measureRing(image, 20_000) }),
    },
    module: {
      lacks: () => nativeRefused() || compilerAbsence(),
      measure: () => measureModuleRings(rounds),
    },
    compilers: { lacks: nativeRefused, measure: () => measureCompilers(rounds * 5) },
    exits: {
      lacks: () => guestsRefused() || compilerAbsence(),
      measure: () => measureExits(rounds * 2 + 1),
    },
    boot: { lacks: guestsRefused, measure: async () => [await measureBoots(rounds * 3)] },
    idle: { lacks: guestsRefused, measure: async () => [await measureIdle()] },
    wake: {
      lacks: () => guestsRefused() || compilerAbsence() || redisAbsence(),
      measure: () => measureFirstAnswers(rounds),
    },
    load: { lacks: () => guestsRefused() || redisAbsence(), measure: () => measureLoads(rounds) },
  };
  const chosen = values.only?.split(',') ?? Object.keys(parts);
  const unknown = chosen.find((name) => parts[name] === undefined);
  if (unknown !== undefined) throw new Error(`--only ${unknown}: there are ${Object.keys(parts).join(', ')}`);
  for (const name of chosen) {
    const { lacks, measure } = parts[name]!;
    const missing = lacks();
    if (missing) say(`${name}: not measured: ${missing}`);
    else for (const line of await measure()) say(line);
    say(`load average then: ${readFileSync('/proc/loadavg', 'latin1').trim()}`);
    say('');
  }
}

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
});
await main();
