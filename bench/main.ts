// `npm run bench`: side-by-side measurements of Clearway and its peers. It installs nothing; what is absent is skipped and said.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { renderChurn, runChurn } from './churn.js';
import { renderCold, runCold } from './cold.js';
import { renderHeld, runHeld } from './held.js';
import { describeHost, hostFacts } from './host/about.js';
import { setSessionNiceness } from './host/autogroup.js';
import { wrkAbsence } from './load/wrk.js';
import { type Options, parseOptions, usage } from './options.js';
import { renderResult } from './report.js';
import { parseRows, type Row, rowName } from './rows.js';
import { selectPeers } from './servers/list.js';
import { runTable } from './table.js';
import { type Evidence, judge, renderTargets, targetRowNames } from './targets.js';

interface Outcome {
  readonly json: object;
  readonly text: string;
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
  return { json: { ...evidence, targets: judged.flat() }, text: sections.join('\n\n') };
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
  const { json, text } = await perform(options);
  console.log(`${text}\n\n${describeHost(host)}`);
  if (options.jsonFile) write(options.jsonFile, `${JSON.stringify({ host, ...json }, undefined, 1)}\n`);
  if (options.markdownFile) {
    const earlier = existsSync(options.markdownFile) ? readFileSync(options.markdownFile, 'utf8') : '';
    write(options.markdownFile, markdownPage(text, describeHost(host), earlier));
  }
}

const preface = `# Benchmark

Written by \`npm run bench -- --markdown\`. Every server has one worker on a processor of its own, the load runs on another, all
in the same run, one after the other in each round. Each answer was checked (status, length, SHA-256) before it was measured.

* Ratios come first, because absolute numbers depend on the machine. CPU is the server's process with all its threads, from
  /proc/PID/task/*/schedstat; system CPU is all that was not idle in /proc/stat: it holds the load and the kernel's work for
  both ends, some of which loopback moves from one end to the other.
* Requests are made by wrk with one thread, bodies of 1 GiB by a downloader that reads and discards. Where one of them was at
  the limit of its processor the rate says nothing about the server, and the notes say so.
* 1 GiB has few connections and no requests/s: no response would end within a round. CPU per GiB counts what arrived.
* Loopback has no network card: throughput here says little, CPU and copies say more.
* copied B per body B is user-space copies by Clearway's own account (its metrics); the others have none.
`;

/** The heading from which a page is written by hand: it stays when the page is written anew. */
const byHand = '\n## By hand: ';

function markdownPage(text: string, host: string, earlier: string): string {
  const kept = earlier.indexOf(byHand);
  return `${preface}\n${text}\n\n${host}\n${kept < 0 ? '' : earlier.slice(kept)}`;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
