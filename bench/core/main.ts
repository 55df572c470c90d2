// `npm run bench:core`: what a TCP segment costs in the core's stack beside a floor in C that does only what cannot be left out. Rounds are interleaved; ratios are
// medians of the rounds' ratios. It needs a C compiler, no kernel and no rights.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeHost, hostFacts } from '../host/about.js';
import { setSessionNiceness } from '../host/autogroup.js';
import { compile, compilerAbsence } from '../host/compile.js';
import { completeWords } from '../options.js';
import { renderTable, show } from '../report.js';
import { median, pairedRatio, quantile, range, roundRatios } from '../statistics.js';
import { parts } from './parts.js';
import { SegmentLoad } from './segments.js';

const usage = `npm run bench:core -- [--rounds N (15)] [--nice N (0)] [--markdown [FILE] (docs/bench-core.md)]`;
const defaultPage = 'docs/bench-core.md';
const connections = 256;
const batch = 1024;
const batches = 40;
/** Of the batches of a round the one counts than which so many took less, in the core and in the floors (floor.c): most others were interrupted. */
const share = 0.1;
const bound = 1.15;

const preface = `# Benchmark of the core's TCP

Written by \`npm run bench:core -- --markdown\`. Segments in order on ${connections} connections, whose peers are all on the link, come out of a ring as AF_XDP's and go through Ethernet, IPv4 and TCP, both checksums
verified over all bytes; the application, in JavaScript, reads a row of each payload, with its socket, where it lies and its length, and counts it; its frame goes back. A million segments a second by the stack's clock:
acknowledgements, delayed ones too, are sent within what is timed. All on the same processors, in turns. Of the ${batches} batches of ${batch} segments of a round the one counts, of the core and of each floor, than which
a tenth took less: after an interruption caches are others', and what they are filled with again is counted as time of whoever was interrupted. Ratios are medians of the rounds' ratios. Time is that of the clock on
the wall: one of the processor's time costs a call of the kernel, which in Node was 2 ns of each segment.

* **The floor** (\`bench/core/floor.c\`, gcc -O2) does only what cannot be left out of a packet's way: parse, verify, look up, move on, acknowledge every second segment.
* **The whole floor** (the same with \`-DWHOLE\`) does what cannot be left out when bytes are handed to an application and nobody is trusted: frames have owners, payload waits in its connection's row within a
  window, the application hears of it, takes it and gives it back, a duty to acknowledge has a deadline, packets and bytes are counted. It knows no timestamps, losses, gaps, ends, IPv6, or sending.
* **The module** is the core's \`turn\` alone, which has all duties of the whole floor: it writes the rows and takes the frames back. **The core** is all of it, with the application in JavaScript.

The floor touches its memory in advance: before it did, pages that the process had not had yet cost more than its segments of 64 bytes (65 ns instead of 28). As many frames go round in the core as in the floors: 1,024, of 4,096.
`;

interface Round {
  readonly core: number;
  readonly module: number;
  readonly floor: number;
  readonly whole: number;
}

interface Programs {
  readonly floor: string;
  readonly whole: string;
}

function measure(
  frameBytes: number,
  programs: Programs,
  rounds: number,
): { readonly rounds: Round[]; readonly answers: number } {
  const load = new SegmentLoad(frameBytes, connections);
  // V8's best code comes after some runs.
  for (let run = 0; run < 40; run++) load.run(batch);
  const before = load.acknowledgements;
  const floorOf = (program: string): number =>
    Number(execFileSync(program, [`${frameBytes}`, `${batch * batches}`], { encoding: 'utf8' }));
  const measured = Array.from({ length: rounds }, () => {
    const core = new Float64Array(batches);
    const inModule = new Float64Array(batches);
    for (let run = 0; run < batches; run++) {
      core[run] = load.run(batch);
      inModule[run] = load.runOfModule(batch);
    }
    const typical = (times: Float64Array): number => quantile(times.sort(), share);
    return {
      core: typical(core),
      module: typical(inModule),
      floor: floorOf(programs.floor),
      whole: floorOf(programs.whole),
    };
  });
  return { rounds: measured, answers: (load.acknowledgements - before) / (2 * rounds * batches * batch) };
}

/** A line of the table: ratios of the core and of the module alone to both floors. */
function lineOf(frameBytes: number, programs: Programs, rounds: number): string[] {
  const { rounds: measured, answers } = measure(frameBytes, programs, rounds);
  const of = (name: keyof Round): number[] => measured.map((round) => round[name]);
  const ratio = pairedRatio(of('core'), of('floor'));
  const spread = range(roundRatios(of('core'), of('floor')));
  return [
    `${frameBytes} bytes`,
    show(ratio, 'x'),
    spread === undefined ? '-' : `${show(spread.least)} to ${show(spread.most)}`,
    `<= ${bound}x: ${ratio <= bound ? 'met' : 'missed'}`,
    show(pairedRatio(of('core'), of('whole')), 'x'),
    show(pairedRatio(of('module'), of('floor')), 'x'),
    show(pairedRatio(of('module'), of('whole')), 'x'),
    ...(['core', 'module', 'floor', 'whole'] as const).map((name) => show(median(of(name)))),
    show(answers),
  ];
}

function main(words: readonly string[]): void {
  const { values } = parseArgs({
    args: completeWords(words, defaultPage),
    options: {
      rounds: { type: 'string', default: '15' },
      nice: { type: 'string', default: '0' },
      markdown: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const rounds = Number(values.rounds);
  if (!(Number.isInteger(rounds) && rounds >= 1 && rounds <= 100))
    throw new Error('--rounds is a whole number from 1 to 100');
  const absence = compilerAbsence();
  if (absence !== undefined) throw new Error(absence);
  setSessionNiceness(Number(values.nice));
  const folder = mkdtempSync(join(tmpdir(), 'clearway-core-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const programs = { floor: join(folder, 'floor'), whole: join(folder, 'whole') };
  compile('bench/core/floor.c', programs.floor);
  compile('bench/core/floor.c', programs.whole, '-DWHOLE');
  const table = renderTable(
    [
      'a segment',
      'core / floor',
      'of the rounds',
      'bound',
      'core / whole floor',
      'module / floor',
      'module / whole floor',
      'core ns',
      'module ns',
      'floor ns',
      'whole ns',
      'answers a segment',
    ],
    [64, 1514].map((frameBytes) => lineOf(frameBytes, programs, rounds)),
    [0, 3],
  );
  const text = `${table}\n\n${rounds} rounds. ${describeHost({ ...hostFacts(), placement: 'not pinned' })}`;
  console.log(text);
  if (values.markdown === undefined) return;
  mkdirSync(dirname(values.markdown), { recursive: true });
  writeFileSync(values.markdown, `${preface}\n${text}\n\n${parts}`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`bench:core: ${(error as Error).message}`);
  process.exitCode = 1;
}
