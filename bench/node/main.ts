// `npm run bench:node`: serveStatic in Express 5 against express.static, by the rules of the main benchmark: the same load,
// the same CPU accounts, interleaved rounds, checked answers. Not here: how anything is measured (bench/measure.ts).

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeHost, hostFacts } from '../host/about.js';
import { setSessionNiceness } from '../host/autogroup.js';
import { wrkAbsence } from '../load/wrk.js';
import { parseOptions } from '../options.js';
import { findCell, medianOf, renderTable, show, valuesOf } from '../report.js';
import { parseRows } from '../rows.js';
import { commandPeer, type Peer, repositoryRoot } from '../servers/peer.js';
import { pairedRatio } from '../statistics.js';
import { runTable, type TableResult } from '../table.js';

const program = join(repositoryRoot, 'dist/bench/node/server.js');

function expressPeer(name: string, kind: string): Peer {
  return commandPeer(
    name,
    () => undefined,
    (site) => [process.execPath, program, site, kind],
  );
}

const ours = expressPeer('clearway/node', 'clearway');
const theirs = expressPeer('express.static', 'express');

/** CPU per request of ours over theirs, at most. */
const targets = [
  { row: '1KiB:64', bound: 0.5 },
  { row: '64KiB:64', bound: 0.4 },
  { row: '100MiB:8', bound: 0.3 },
] as const;

function render(table: TableResult): string {
  const lines = targets.map(({ row, bound }) => {
    const cells = [findCell(table, row, ours.name), findCell(table, row, theirs.name)] as const;
    const ratio = (field: 'cpuUsPerRequest' | 'systemCpuUsPerRequest') =>
      pairedRatio(valuesOf(cells[0], field), valuesOf(cells[1], field));
    const value = ratio('cpuUsPerRequest');
    const trouble = cells
      .map((cell) => cell?.trouble ?? '')
      .join(' ')
      .trim();
    return [
      row,
      `<= ${show(bound, 'x')}`,
      show(value, 'x'),
      Number.isNaN(value) ? 'not measured' : value <= bound ? 'met' : 'missed',
      show(ratio('systemCpuUsPerRequest'), 'x'),
      ...cells.map((cell) => show(medianOf(cell, 'cpuUsPerRequest'))),
      ...cells.map((cell) => show(medianOf(cell, 'requestsPerSecond'))),
      ...cells.map((cell) => show(medianOf(cell, 'rssBytes') / 2 ** 20)),
      trouble,
    ];
  });
  const head = [
    'file:connections',
    'bound',
    'CPU ratio',
    'verdict',
    'system CPU ratio',
    'CPU us/req',
    'of express.static',
  ];
  const more = ['requests/s', 'of express.static', 'RSS MiB', 'of express.static', 'notes'];
  return renderTable([...head, ...more], lines, [0, 3, 11]);
}

async function main(words: readonly string[]): Promise<void> {
  const options = parseOptions(words);
  if (options === 'help') {
    console.log('npm run bench:node -- [--rounds N] [--seconds N] [--json FILE] [--nice N] [--work-dir DIR]');
    return;
  }
  if (process.platform !== 'linux') throw new Error('the benchmark reads /proc: it runs on Linux only');
  const missing = wrkAbsence();
  if (missing !== undefined) throw new Error(missing);
  const host = hostFacts();
  if (options.niceness !== 0) setSessionNiceness(options.niceness);
  const rows = parseRows(targets.map((target) => target.row).join(','));
  const table = await runTable({ ...options, rows }, [ours, theirs]);
  console.log(`${render(table)}\n\n${describeHost(host)}`);
  if (options.jsonFile === undefined) return;
  mkdirSync(dirname(options.jsonFile), { recursive: true });
  writeFileSync(options.jsonFile, `${JSON.stringify({ host, table }, undefined, 1)}\n`);
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  console.error(`bench:node: ${(error as Error).message}`);
  process.exitCode = 1;
}
