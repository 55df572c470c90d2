// `npm run bench`: side-by-side measurements of Clearway and its peers. It installs nothing; what is absent is skipped and said.

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { renderChurn, runChurn } from './churn.js';
import { renderCold, runCold } from './cold.js';
import { renderHeld, runHeld } from './held.js';
import { describeHost, hostFacts } from './host/about.js';
import { setSessionNiceness } from './host/autogroup.js';
import { wrkAbsence } from './load/wrk.js';
import { refreshReadme, writePage } from './markdown.js';
import { type Options, parseOptions, usage } from './options.js';
import { renderResult } from './report.js';
import { parseRows, type Row, rowName } from './rows.js';
import { selectPeers } from './servers/list.js';
import { runTable } from './table.js';
import { type Evidence, type Judged, judge, renderTargets, targetRowNames } from './targets.js';

interface Outcome {
  readonly json: object;
  readonly text: string;
  /** The targets, judged for each of our servers, where all of them were measured. */
  readonly judged?: readonly (readonly Judged[])[];
}

/** The rows asked for and those the targets need. */
function withTargetRows(rows: readonly Row[]): Row[] {
  const missing = targetRowNames.filter((name) => !rows.some((row) => rowName(row) === name));
  return missing.length === 0 ? [...rows] : [...rows, ...parseRows(missing.join(','))];
}

async function performAll(options: Options): Promise<Outcome> {
  // The default peers of each measurement, whatever the table is restricted to: a target names what it is compared with.
  const own = { ...options, peers: ['clearway-uring', 'clearway-epoll'] };
  const evidence: Evidence = {
    table: await runTable({ ...options, rows: withTargetRows(options.rows) }),
    idle: await runHeld('idle', own),
    stalled: await runHeld('stalled', own),
    // nginx shows what the same readers cost a server that waits for the disk where it serves.
    cold: await runCold({ ...own, peers: [...own.peers, 'nginx'] }),
    churn: await runChurn(own),
  };
  const judged = ['clearway-uring', 'clearway-epoll'].map((server) => judge(evidence, server));
  const sections = [
    renderTargets(judged),
    renderResult(evidence.table),
    renderHeld([...evidence.idle, ...evidence.stalled]),
    renderCold(evidence.cold),
    renderChurn(evidence.churn),
  ];
  return { json: { ...evidence, targets: judged.flat() }, text: sections.join('\n\n'), judged };
}

async function perform(options: Options): Promise<Outcome> {
  switch (options.command) {
    case 'table': {
      const table = await runTable(options);
      return { json: { table }, text: renderResult(table) };
    }
    case 'idle':
    case 'stalled': {
      const held = await runHeld(options.command, options);
      return { json: { [options.command]: held }, text: renderHeld(held) };
    }
    case 'cold': {
      const cold = await runCold(options);
      return { json: { cold }, text: renderCold(cold) };
    }
    case 'churn': {
      const churn = await runChurn(options);
      return { json: { churn }, text: renderChurn(churn) };
    }
    case 'targets':
      return performAll(options);
  }
}

function write(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

async function main(words: readonly string[]): Promise<void> {
  const options = parseOptions(words);
  if (options === 'help') {
    process.stdout.write(usage);
    return;
  }
  selectPeers(options.peers); // a wrong name is said before gigabytes are written
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc: it runs on Linux only');
  const missing =
    options.command === 'table' || options.command === 'cold' || options.command === 'targets'
      ? wrkAbsence()
      : undefined;
  if (missing) throw new Error(missing);
  const host = hostFacts();
  if (options.niceness !== 0) setSessionNiceness(options.niceness);
  const { json, text, judged } = await perform(options);
  console.log(`${text}\n\n${describeHost(host)}`);
  if (options.jsonFile) write(options.jsonFile, `${JSON.stringify({ host, ...json }, undefined, 1)}\n`);
  if (options.markdownFile) {
    writePage(options.markdownFile, text, describeHost(host));
    if (judged && options.readme) refreshReadme('README.md', conditions(options, describeHost(host)), judged);
  }
}

/** What stands above the README's table. */
function conditions({ rounds, seconds }: Options, host: string): string {
  return [
    `One run of \`npm run bench -- targets --markdown\`: ${rounds} rounds of ${seconds} s, interleaved, every answer verified; one worker each.`,
    `${host}`,
    'Ratios, so smaller is better but for the rate. [docs/bench.md](docs/bench.md) has every row and the absolute numbers.',
  ].join('\n');
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
