// `npm run bench:virtio`: disks over vhost-user beside qemu-storage-daemon, with the same front end; what rings alone can do beside DPDK's vhost; round
// trips; what the guard of addresses costs; and the soak. Not here: the load (load.ts), the tables (render.ts).

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeHost, hostFacts } from '../host/about.js';
import { setSessionNiceness } from '../host/autogroup.js';
import { choosePlacement, ended, type Placement, startPinned } from '../host/child.js';
import { completeWords, numberOf } from '../options.js';
import { repositoryRoot } from '../servers/peer.js';
import { say } from '../session.js';
import { startSubject, subjectsOf } from './back-ends.js';
import { blockRows } from './block-load.js';
import { measureTripsInC, type TripsInC } from './c-trips.js';
import type { LoadPlan, LoadResult } from './load.js';
import { measureRings } from './measure-rings.js';
import { measureSoak } from './measure-soak.js';
import { measureTaps } from './measure-taps.js';
import {
  renderBlock,
  renderDomain,
  renderRings,
  renderRingTrips,
  renderSoak,
  renderTaps,
  renderTrips,
} from './render.js';

const usage = `npm run bench:virtio -- [block] [rings] [tap] [soak] [OPTIONS]

  block     reads and writes of 4 and 64 KiB from a hot page cache, 32 at once: CPU a request of clearway disk and of
            qemu-storage-daemon, with the same front end; round trips; the share of the Domain's checks
  rings     operations a second and round trips of rings alone, split and packed, beside DPDK's vhost where it is installed
  tap       packets of 64 bytes from the front end to a tap: CPU a packet of clearway net and of DPDK's vhost with its tap
  soak      nobody waits for what is done: suppressed notices, bursts and pauses, a request may take a second (--soak SECONDS)
Without a name, block, rings and tap, and the soak where --soak is given.

Options:
  --rounds N         rounds, interleaved (5)
  --seconds N        seconds of each measurement, 0.1 to 600 (3)
  --only ROW,ROW     rows of block: ${blockRows.map(({ name }) => name).join(', ')}
  --soak SECONDS     length of the soak (60)
  --soak-limit MS    how long a request of it may take, for hosts that do other things as well (1000)
  --markdown [FILE]  writes the tables (docs/bench-virtio.md)
  --json FILE        writes everything measured
  --nice N           niceness of back ends and load, -20 to 19 (0)
  --work-dir DIR     where images go (the system's temporary directory)`;

const defaultPage = 'docs/bench-virtio.md';

interface Options {
  readonly wanted: readonly string[];
  readonly rows: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly soakSeconds: number;
  readonly soakLimitMs: number;
  readonly niceness: number;
  readonly markdown: string | undefined;
  readonly json: string | undefined;
  readonly folder: string;
}

/** @returns undefined where help was asked for. @throws in plain words */
function parse(words: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: completeWords(words, defaultPage),
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      only: { type: 'string' },
      soak: { type: 'string' },
      'soak-limit': { type: 'string', default: '1000' },
      markdown: { type: 'string' },
      json: { type: 'string' },
      nice: { type: 'string', default: '0' },
      'work-dir': { type: 'string', default: tmpdir() },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const names = ['block', 'rings', 'tap', 'soak'];
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${names.join(', ')}`);
  const rows = values.only?.split(',') ?? blockRows.map(({ name }) => name);
  const wrong = rows.find((row) => !blockRows.some(({ name }) => name === row));
  if (wrong !== undefined) throw new Error(`there is no row ${wrong}`);
  const usual = values.soak === undefined ? ['block', 'rings', 'tap'] : names;
  return {
    wanted: positionals.length > 0 ? positionals : usual,
    rows,
    rounds: numberOf('rounds', values.rounds, 1, 100),
    seconds: numberOf('seconds', values.seconds, 0.1, 600),
    soakSeconds: numberOf('soak', values.soak ?? '60', 1, 86_400),
    soakLimitMs: numberOf('soak-limit', values['soak-limit'], 1, 60_000),
    niceness: numberOf('nice', values.nice, -20, 19),
    markdown: values.markdown,
    json: values.json,
    folder: resolve(values['work-dir']),
  };
}

async function measureDisks(options: Options, program: string, folder: string, placement: Placement) {
  const running: Awaited<ReturnType<typeof startSubject>>[] = [];
  const absent: string[] = [];
  try {
    for (const subject of subjectsOf(program)) {
      try {
        const reason = subject.absence();
        if (reason !== undefined) throw new Error(reason);
        running.push(await startSubject(subject, folder, placement.server));
      } catch (error) {
        absent.push(`${subject.name}: ${(error as Error).message}`);
      }
    }
    const { rows, rounds, seconds } = options;
    const subjects = running.map(({ name, layout, socket, pid }) => ({ name, layout, socket, pid }));
    const plan: LoadPlan = { subjects, rows, rounds, seconds };
    const load = fileURLToPath(new URL('./load.js', import.meta.url));
    const child = startPinned(placement.load, process.execPath, [load, JSON.stringify(plan)]);
    child.stderr?.pipe(process.stderr, { end: false });
    const limitSeconds = rounds * (rows.length + 2) * (subjects.length + 1) * (seconds + 2) + 60;
    const { status, stdout } = await ended(child, limitSeconds * 1000);
    if (status !== 0) throw new Error(`the load ended with ${status}`);
    let inC: TripsInC = {};
    try {
      inC = await measureTripsInC(subjects, options, folder, placement.load);
    } catch (error) {
      absent.push(`the front end in C: ${(error as Error).message}`);
    }
    return { result: JSON.parse(stdout) as LoadResult, inC, absent };
  } finally {
    for (const { stop } of running) await stop();
  }
}

const preface = `# Benchmark of disks and rings for virtual machines

Written by \`npm run bench:virtio -- --markdown\`. All of a table is measured in the same run, one after the other in each round; ratios are medians of
the ratios of each round, with the smallest and the largest.

* Disks: each back end has a raw image of 64 MiB, all of it in the page cache, and one queue of 128 entries. One front end asks them all: the project's
  own, on a processor of its own, with 32 requests under way, event index, and a driver that sleeps until it is interrupted. CPU is the back end's process
  with all its threads, io_uring's among them (/proc/PID/task/*/schedstat). Kicks and interrupts are those that were sent.
* Rings alone: a driver in one thread, a null device in another, requests of one piece, both looking without end. DPDK: testpmd with its vhost library
  receives what another testpmd with virtio-user sends, 64 bytes a packet, without huge pages, packed rings with its vectorized code; its packets are
  copied once, ours are not touched. Each side has a processor.
* Round trips: one request after the other. Rings alone: our driver and our null device, and both in C (\`bench/virtio/rings.c\`) over the same memory
  and eventfds, in all four pairs; both look without end, or both sleep and ask by the event index. A driver in C knows of one request and believes the
  device; ours holds what comes back against what is out. Our null device is a thread of our driver's process, those in C are processes.
  Of a disk it is a request for its id, which moves nothing, by eventfds; with our front end and with one in C (\`bench/virtio/front-end.c\`), of our
  back end and of qemu-storage-daemon's, which is C.
* The Domain: the checks of one request's addresses (header, data, status) alone in a loop, against the CPU of a whole 4 KiB read.
* Taps: the front end sends packets of 64 bytes as fast as they go, on a processor of its own, looking without end; they come out of a tap in a network
  namespace, where the host lets go of them. Packets are those that the tap counted; DPDK (testpmd, vhost to net_tap) looks without end.
* Soak: random bursts and pauses, both sides ask to be told as late as they can; it fails where a request takes longer than a second.
`;

/** The heading from which the page is written by hand. */
const byHand = '\n## By hand: ';

function writePage(path: string, sections: readonly string[]): void {
  const earlier = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const kept = earlier.indexOf(byHand);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${preface}\n${sections.join('\n\n')}\n${kept < 0 ? '' : earlier.slice(kept)}`);
}

async function main(words: readonly string[]): Promise<void> {
  const options = parse(words);
  if (options === undefined) {
    console.log(usage);
    return;
  }
  setSessionNiceness(options.niceness);
  const host = hostFacts();
  const placement = choosePlacement(options.niceness);
  const program = join(repositoryRoot, 'dist/bundle/main.js');
  const folder = mkdtempSync(join(options.folder, 'clearway-virtio-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const { wanted, rounds, seconds, niceness } = options;
  const disks = wanted.includes('block') ? await measureDisks(options, program, folder, placement) : undefined;
  const rings = wanted.includes('rings') ? await measureRings(rounds, seconds, niceness, folder) : undefined;
  const taps = wanted.includes('tap') ? await measureTaps(program, options, folder, placement) : undefined;
  const soak = wanted.includes('soak')
    ? await measureSoak(program, options.soakSeconds, options.soakLimitMs, folder, placement.server)
    : undefined;
  const absent = [...(disks?.absent ?? []), ...(taps?.absent ?? []), ...(rings?.absent ?? [])];
  const sections = [
    ...(disks === undefined ? [] : [renderBlock(disks.result), renderDomain(disks.result)]),
    ...(rings === undefined ? [] : [renderRings(rings.rings, rings.dpdk), renderRingTrips(rings.rings)]),
    ...(disks === undefined ? [] : [renderTrips(disks.result, disks.inC)]),
    ...(taps === undefined ? [] : [renderTaps(taps.result)]),
    ...(soak === undefined ? [] : [renderSoak(soak)]),
    ...absent.map((reason) => `* not in this run: ${reason}`),
    `${rounds} rounds of ${seconds} s. ${describeHost(host)}`,
  ];
  console.log(sections.join('\n\n'));
  if (options.markdown !== undefined) writePage(options.markdown, sections);
  if (options.json === undefined) return;
  mkdirSync(dirname(options.json), { recursive: true });
  writeFileSync(options.json, JSON.stringify({ host, disks, rings, taps, soak }, undefined, 2));
  say(`wrote ${options.json}`);
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`bench:virtio: ${error.message}`);
  process.exitCode = 1;
});
