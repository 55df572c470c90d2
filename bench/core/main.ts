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
import { median, pairedRatio, range, roundRatios } from '../statistics.js';
import { SegmentLoad } from './segments.js';

const usage = `npm run bench:core -- [--rounds N (15)] [--nice N (0)] [--markdown [FILE] (docs/bench-core.md)]`;
const defaultPage = 'docs/bench-core.md';
const connections = 256;
const batch = 1024;
const batches = 20;
const bound = 1.15;

const preface = `# Benchmark of the core's TCP

Written by \`npm run bench:core -- --markdown\`. Segments in order on ${connections} connections come out of a ring as AF_XDP's and go through Ethernet, IPv4 and TCP, both checksums verified over all
bytes; the application takes each payload where it lies and gives its frame back. The floor is a small C program (\`bench/core/floor.c\`, gcc -O2) that does only what cannot be left out: parse,
verify, look up, move on, acknowledge every second segment. The core does all that TCP is beside it: windows, timers, owners of frames, events, figures. CPU time, both on the same processors, in turns.
`;

interface Round {
  readonly core: number;
  readonly floor: number;
}

function measure(frameBytes: number, program: string, rounds: number): Round[] {
  const load = new SegmentLoad(frameBytes, connections);
  // V8's best code comes after some runs.
  for (let run = 0; run < 20; run++) load.run(batch);
  return Array.from({ length: rounds }, () => {
    let core = 0;
    for (let run = 0; run < batches; run++) core += load.run(batch);
    const floor = Number(execFileSync(program, [`${frameBytes}`, `${batch * batches}`], { encoding: 'utf8' }));
    return { core: core / batches, floor };
  });
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
  const program = join(folder, 'floor');
  compile('bench/core/floor.c', program);
  const lines = [64, 1514].map((frameBytes) => {
    const measured = measure(frameBytes, program, rounds);
    const [core, floor] = [measured.map((round) => round.core), measured.map((round) => round.floor)];
    const ratio = pairedRatio(core, floor);
    const spread = range(roundRatios(core, floor));
    return [
      `${frameBytes} bytes`,
      show(ratio, 'x'),
      spread === undefined ? '-' : `${show(spread.least)} to ${show(spread.most)}`,
      `<= ${bound}x: ${ratio <= bound ? 'met' : 'missed'}`,
      show(median(core)),
      show(median(floor)),
    ];
  });
  const table = renderTable(
    ['a segment', 'core / C floor', 'of the rounds', 'bound', 'core ns', 'floor ns'],
    lines,
    [0, 3],
  );
  const text = `${table}\n\n${rounds} rounds. ${describeHost(hostFacts())}`;
  console.log(text);
  if (values.markdown === undefined) return;
  mkdirSync(dirname(values.markdown), { recursive: true });
  writeFileSync(values.markdown, `${preface}\n${text}\n`);
}

try {
  main(process.argv.slice(2));
} catch (error) {
  console.error(`bench:core: ${(error as Error).message}`);
  process.exitCode = 1;
}
