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
import { peerVersions, selectPeers } from './servers/list.js';
import { renderStart, runStart } from './start.js';
import { runTable } from './table.js';
import { type Evidence, type Judged, judge, renderTargets, summarise } from './targets.js';

interface Outcome {
  readonly json: object;
  readonly text: string;
  /** The targets that were asked for, judged for each of our servers. */
  readonly judged: readonly (readonly Judged[])[];
}

const ourServers = ['clearway-uring', 'clearway-epoll'];

/** Judges what was measured, and puts the verdicts above the tables. */
function conclude(evidence: Evidence, tables: readonly string[], peers = ourServers as readonly string[]): Outcome {
  const servers = ourServers.filter((server) => peers.includes(server));
  const judged = servers.length > 0 ? judge(evidence, servers) : [];
  const verdicts = judged.length > 0 ? [summarise(judged), renderTargets(judged)] : [];
  return { json: { ...evidence, targets: judged.flat() }, text: [...verdicts, ...tables].join('\n\n'), judged };
}

async function performAll(options: Options): Promise<Outcome> {
  // The default peers of each measurement, whatever the table is restricted to: a target names what it is compared with.
  const own = { ...options, peers: ourServers };
  const evidence = {
    table: await runTable(options),
    start: await runStart({ ...options, peers: undefined }),
    idle: await runHeld('idle', own),
    stalled: await runHeld('stalled', own),
    // nginx shows what the same readers cost a server that waits for the disk where it serves.
    cold: await runCold({ ...own, peers: [...own.peers, 'nginx'] }),
    churn: await runChurn(own),
  };
  return conclude(evidence, [
    renderResult(evidence.table),
    renderStart(evidence.start),
    renderHeld([...evidence.idle, ...evidence.stalled]),
    renderCold(evidence.cold),
    renderChurn(evidence.churn),
  ]);
}

/** One measurement is judged where all our servers are in it. */
async function perform(options: Options): Promise<Outcome> {
  switch (options.command) {
    case 'table': {
      const table = await runTable(options);
      return conclude({ table }, [renderResult(table)], options.peers);
    }
    case 'start': {
      const start = await runStart(options);
      return conclude({ start }, [renderStart(start)], options.peers);
    }
    case 'idle':
    case 'stalled': {
      const held = await runHeld(options.command, options);
      return conclude({ [options.command]: held }, [renderHeld(held)], options.peers);
    }
    case 'cold': {
      const cold = await runCold(options);
      return conclude({ cold }, [renderCold(cold)], options.peers);
    }
    case 'churn': {
      const churn = await runChurn(options);
      return conclude({ churn }, [renderChurn(churn)], options.peers);
    }
    case 'all':
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
    options.command === 'table' || options.command === 'cold' || options.command === 'all' ? wrkAbsence() : undefined;
  if (missing) throw new Error(missing);
  const host = hostFacts();
  if (options.niceness !== 0) setSessionNiceness(options.niceness);
  const { json, text, judged } = await perform(options);
  const surroundings = `${peerVersions()}; ${describeHost(host)}`;
  console.log(`${text}\n\n${surroundings}`);
  if (options.jsonFile) write(options.jsonFile, `${JSON.stringify({ host, ...json }, undefined, 1)}\n`);
  if (options.markdownFile) {
    writePage(options.markdownFile, text, surroundings);
    if (options.command === 'all' && options.readme) {
      refreshReadme('README.md', conditions(options, surroundings), judged);
    }
  }
}

/** What stands above the README's table. */
function conditions({ rounds, seconds }: Options, host: string): string {
  return [
    `One run of \`npm run bench -- --markdown\`: ${rounds} rounds of ${seconds} s, interleaved, every answer verified; one worker each.`,
    `${host}`,
    'Smaller is better but for the rate; missed bounds come first. [docs/bench.md](docs/bench.md) has every row and the absolute numbers.',
  ].join('\n');
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench: ${(error as Error).message}`);
  process.exitCode = 1;
}
