// `npm run bench:bypass`: our own TCP/IP over AF_XDP beside its peers, on pairs of virtual devices. Rounds are interleaved; ratios are medians of the rounds' ratios. It needs
// root, a C compiler, and for one table DPDK. Not here: the measurements and the tables' words.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeHost, hostFacts } from '../host/about.js';
import { setSessionNiceness } from '../host/autogroup.js';
import { choosePlacement, type Placement } from '../host/child.js';
import { compilerAbsence } from '../host/compile.js';
import { completeWords, numberOf } from '../options.js';
import { say } from '../session.js';
import { median } from '../statistics.js';
import { dpdkAbsence, measureEchoes, measureOurEcho } from './echo.js';
import { measureGuard } from './guard.js';
import { measureLatencies } from './latency.js';
import { renderEchoes, renderGuard, renderLatencies, renderTransfers } from './render.js';
import { giantRows, measureTransfers, transferRows } from './transfer.js';

const usage = `npm run bench:bypass -- [echo] [latency] [transfer] [giant] [guard] [OPTIONS]

  echo        echoes of UDP a second and CPU a packet: ours, DPDK's driver for AF_XDP, a plain socket of the kernel's
  latency     round trips of one message on a connection of TCP: ours, polling, and sockets of the kernel's
  transfer    streams over a wire that loses, reorders, doubles and corrupts packets, to and from the kernel's TCP
  giant       the same over minutes, once: 1 GiB, where nothing is lost and where 1 % is, over IPv4 and IPv6
  guard       what it costs to look in whose hands each frame is: the core as it is, and compiled without

  --rounds N         rounds, interleaved (5)
  --seconds N        of each measurement, 0.5 to 60 (2)
  --size MIB         of a transfer, 4 to 1024 (32)
  --giant MIB        of each giant transfer, 4 to 4096 (1024)
  --nice N           niceness of everything that is measured, -20 to 19 (0)
  --markdown [FILE]  puts the tables in the place of those of the same name (docs/bench-bypass.md)`;

const defaultPage = 'docs/bench-bypass.md';

const preface = `# Benchmark of our own TCP/IP past the kernel

Written by \`npm run bench:bypass -- --markdown\`. Everything runs over pairs of virtual devices (veth) between network namespaces, where AF_XDP copies each packet and sends by a
system call: see [what to expect](bypass.md#what-to-expect). Rounds are interleaved; ratios are medians of the ratios of each round, with the smallest and the largest.
`;

/** A table of the page. */
interface Section {
  readonly title: string;
  readonly text: string;
  /** How many there were, where it is not as many as were asked for. */
  readonly rounds?: number;
}

interface Options {
  readonly wanted: readonly string[];
  readonly rounds: number;
  readonly seconds: number;
  readonly niceness: number;
  readonly mebibytes: number;
  readonly giant: number;
  readonly markdown: string | undefined;
}

type Measure = (options: Options, placement: Placement, folder: string) => Promise<Section>;

/** What can be measured, by name. */
const measures: Readonly<Record<string, Measure>> = {
  echo: async ({ rounds, seconds }, placement, folder) => {
    const cells = await measureEchoes(rounds, seconds, placement, folder, say);
    const absence = dpdkAbsence();
    return {
      title: 'Echoes of UDP',
      text: `${renderEchoes(cells)}
${absence === undefined ? '' : `\n* not in this run: ${dpdkAbsence()}`}
The load keeps 512 datagrams under way through a packet socket, on a processor of its own, and compares each byte that comes back; each server has the other processor. Ours verifies
and makes both checksums, and sends each datagram back in the frame in which it came; DPDK's testpmd swaps addresses and ports (5tswap) and looks at no checksum; the kernel's
socket takes and sends up to 64 at a time. "Polling" looks for packets without end, as DPDK does. CPU is the server's process; what the kernel does in its time for the other side of the pair (the load receives
in the time of who sends) is in it, for all alike.`,
    };
  },
  latency: async ({ rounds, seconds }, placement, folder) => ({
    title: 'Round trips',
    text: `${renderLatencies(await measureLatencies(rounds, seconds, placement, folder, say))}

A message of TCP goes to a server and comes back, one under way, all on the same pair; client and server have a processor each. "Waiting" is a call that blocks in the kernel,
"spinning" asks a socket without end; ours looks at its rings without end. A client of the kernel's that waits has to be woken, and pays for that itself, whoever the server is: the rows of one that spins
show the server's part, and the last ones what is left without any of the kernel's TCP.`,
  }),
  transfer: async ({ rounds, mebibytes }, placement, folder) => ({
    title: 'Streams over a bad wire',
    text: `${renderTransfers(await measureTransfers(transferRows(mebibytes), rounds, placement, folder, say))}

A process between the two ends takes packets by AF_XDP and loses, delays (by up to 8 packets or 2 ms), doubles or flips a bit of them, as numbers from a seed say, the same for each way
in a round; nothing else delays. Ends of the kernel's make whole checksums and single packets (\`ethtool -K DEVICE tx off\`), as for a wire they must; all senders use CUBIC. Goodput is what the receiver saw,
from the connection to the last byte; every byte is compared. The three processes share two processors. Ours are the streams of \`clearway/bypass\`.`,
  }),
  giant: async ({ giant }, placement, folder) => ({
    title: 'A long way over a bad wire',
    text: `${renderTransfers(await measureTransfers(giantRows(giant), 1, placement, folder, say))}

As above, once each: sequence numbers, windows and timestamps go on for minutes, and losses come by the thousand. Every byte is compared with the one that was sent, where it arrives.`,
    rounds: 1,
  }),
  guard: async ({ rounds, seconds }, placement, folder) => {
    const cells = measureGuard(rounds, folder, say);
    const packetNs = await measureOurEcho(64, Math.min(rounds, 5), seconds, placement, folder);
    return {
      title: 'The guard of frames',
      text: `${renderGuard(cells, packetNs)}

The core as it is built, and a copy compiled without the checks of owners and addresses (\`src/core/guarded.ts\`), which is never shipped, in turns in one process: packets out of a ring in memory, through
the stack to the application and back, without a kernel. A whole packet is our echo of 64 bytes over a veth, waiting in the kernel between packets: ${Math.round(median(packetNs))} ns of CPU, most of it the kernel's copy.`,
    };
  },
};

/** @returns undefined where help was asked for. @throws in plain words */
function parse(words: readonly string[]): Options | undefined {
  const { values, positionals } = parseArgs({
    args: completeWords(words, defaultPage),
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '2' },
      size: { type: 'string', default: '32' },
      giant: { type: 'string', default: '1024' },
      markdown: { type: 'string' },
      nice: { type: 'string', default: '0' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const names = Object.keys(measures);
  const unknown = positionals.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new Error(`${unknown} is none of ${names.join(', ')}`);
  return {
    // Long ones only by name.
    wanted: positionals.length > 0 ? positionals : names.filter((name) => name !== 'giant'),
    rounds: numberOf('rounds', values.rounds, 1, 100),
    seconds: numberOf('seconds', values.seconds, 0.5, 60),
    mebibytes: numberOf('size', values.size, 4, 1024),
    giant: numberOf('giant', values.giant, 4, 4096),
    niceness: numberOf('nice', values.nice, -20, 19),
    markdown: values.markdown,
  };
}

const heading = (title: string): string => `## ${title}\n`;

/** Puts a section in the place of the one of its title, or at the end. */
function placed(page: string, { title, text }: Section): string {
  const whole = `${heading(title)}\n${text}\n`;
  const at = page.indexOf(`\n${heading(title)}`);
  if (at < 0) return `${page}\n${whole}`;
  const next = page.indexOf('\n## ', at + 1);
  return `${page.slice(0, at + 1)}${whole}${next < 0 ? '' : page.slice(next)}`;
}

function writePage(path: string, sections: readonly Section[]): void {
  const earlier = existsSync(path) ? readFileSync(path, 'utf8') : preface;
  const first = earlier.indexOf('\n## ');
  const page = `${preface}${first < 0 ? '' : earlier.slice(first)}`;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, sections.reduce(placed, page));
}

async function main(words: readonly string[]): Promise<void> {
  const options = parse(words);
  if (options === undefined) {
    console.log(usage);
    return;
  }
  if (process.getuid?.() !== 0) throw new Error('network namespaces and AF_XDP want root: sudo');
  const absence = compilerAbsence();
  if (absence !== undefined) throw new Error(absence);
  setSessionNiceness(options.niceness);
  const host = describeHost(hostFacts());
  const placement = choosePlacement(options.niceness);
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bypass-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const sections: Section[] = [];
  for (const name of options.wanted) {
    const { title, text, rounds = options.rounds } = await measures[name]!(options, placement, folder);
    const load = loadavg()[0]!.toFixed(1);
    const conditions = `${rounds === 1 ? '1 round' : `${rounds} rounds`}. Load average at the end: ${load}. ${host}`;
    sections.push({ title, text: `${text}\n\n${conditions}` });
    console.log(`${heading(title)}\n${text}\n\n${conditions}\n`);
    if (options.markdown !== undefined) writePage(options.markdown, sections);
  }
  if (options.markdown !== undefined) say(`wrote ${options.markdown}`);
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(`bench:bypass: ${error.message}`);
  process.exitCode = 1;
});
