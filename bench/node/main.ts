// `npm run bench:node`: serveStatic in Express 5 against express.static, by the rules of the main benchmark: the same load,
// the same CPU accounts, interleaved rounds, checked answers. Not here: how anything is measured (bench/measure.ts).

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeHost, hostFacts } from '../host/about.js';
import { setSessionNiceness } from '../host/autogroup.js';
import { wrkAbsence } from '../load/wrk.js';
import { parseOptions } from '../options.js';
import { findCell, medianOf, renderTable, show, valuesOf } from '../report.js';
import { parseRows, siteFiles } from '../rows.js';
import { commandPeer, type Peer, repositoryRoot } from '../servers/peer.js';
import { pairedRatio } from '../statistics.js';
import { runTable, type TableResult } from '../table.js';

const program = join(repositoryRoot, 'dist/bench/node/server.js');

function expressPeer(name: string, kind: string, largest = Number.POSITIVE_INFINITY): Peer {
  const refusal = (fileName: string): string | undefined => {
    const file = siteFiles.find((each) => each.name === fileName);
    return file !== undefined && file.bytes > largest ? 'not held in memory: over 1 MiB' : undefined;
  };
  const command = (site: string): string[] => [process.execPath, program, site, kind];
  return commandPeer(name, () => undefined, command, refusal);
}

const ours = expressPeer('clearway/node', 'clearway');
const theirs = expressPeer('express.static', 'express');
/** What Express and Node's own HTTP cost with nothing left to do: no middleware can be below it. */
const floor = expressPeer('res.end(buffer)', 'memory', 1 << 20);

/** CPU per request of ours over theirs, at most. */
const targets = [
  { row: '1KiB:64', bound: 0.5 },
  { row: '64KiB:64', bound: 0.4 },
  { row: '100MiB:8', bound: 0.3 },
] as const;

function render(table: TableResult): string {
  const lines = targets.map(({ row, bound }) => {
    const cells = [ours, theirs, floor].map((peer) => findCell(table, row, peer.name));
    const ratio = (field: 'cpuUsPerRequest' | 'systemCpuUsPerRequest', to: number) =>
      pairedRatio(valuesOf(cells[0], field), valuesOf(cells[to], field));
    const value = ratio('cpuUsPerRequest', 1);
    const trouble = cells.slice(0, 2).map((cell) => cell?.trouble ?? '');
    return [
      row,
      `<= ${show(bound, 'x')}`,
      show(value, 'x'),
      Number.isNaN(value) ? 'not measured' : value <= bound ? 'met' : 'missed',
      show(ratio('systemCpuUsPerRequest', 1), 'x'),
      show(ratio('cpuUsPerRequest', 2), 'x'),
      ...cells.map((cell) => show(medianOf(cell, 'cpuUsPerRequest'))),
      ...cells.slice(0, 2).map((cell) => show(medianOf(cell, 'rssBytes') / 2 ** 20)),
      trouble.join(' ').trim(),
    ];
  });
  const head = ['file:connections', 'bound', 'CPU / express.static', 'verdict', 'system CPU / express.static'];
  const more = [
    'CPU / res.end(buffer)',
    'CPU us/req',
    'express.static',
    'res.end(buffer)',
    'RSS MiB',
    'express.static',
  ];
  return renderTable([...head, ...more, 'notes'], lines, [0, 3, 11]);
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
  const table = await runTable({ ...options, rows }, [ours, theirs, floor]);
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
