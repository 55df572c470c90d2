// `npm run bench:media`: what segments made of references cost, and how smoothly many viewers are served, beside nginx with plain
// files and Node with streams. Not here: the films (films.ts), the load (viewers.c).

import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { describeHost, hostFacts } from '../host/about.js';
import { setSessionNiceness } from '../host/autogroup.js';
import { wrkAbsence } from '../load/wrk.js';
import { parseOptions } from '../options.js';
import { say, withSession } from '../session.js';
import { measureCost, renderCost } from './cost.js';
import { ffmpegAbsence } from './films.js';
import { measureMasters, renderMasters } from './masters.js';
import { measureTables, renderTables } from './tables.js';
import { measureTrouble, renderTrouble } from './trouble.js';
import { measureViewers, prepareViewers, renderViewers } from './viewers.js';

const usage = `npm run bench:media -- [cost] [viewers] [trouble] [masters] [tables] [OPTIONS]

  cost      CPU seconds a GiB of segments, beside nginx with the same segments as plain files
  viewers   viewers with play-out buffers: stalls, jitter, CPU a viewer, on loopback and on a veth
  trouble   the same on loopback while a cold file is read from disk and one of two workers dies
  masters   how long master playlists take: of films of an hour that are seen for the first time, and kept ones
  tables    tables of films of three hours: their memory, and how long reading them keeps others waiting
Without a name, all.

Options:
  --rounds N      rounds, interleaved over the servers (default 5)
  --seconds N     seconds of each round of cost (default 3)
  --viewers N     (default 500)
  --play N        seconds that viewers play in each round (default 30)
  --cold-gib N    GiB of the cold file of trouble (default 10)
  --nice N        niceness of servers and load, -20 to 19
  --json FILE     writes everything measured as JSON
  --work-dir DIR  where films and programs are written for the time of the run`;

async function main(words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '3' },
      viewers: { type: 'string', default: '500' },
      play: { type: 'string', default: '30' },
      'cold-gib': { type: 'string', default: '10' },
      nice: { type: 'string', default: '0' },
      json: { type: 'string' },
      'work-dir': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return;
  }
  const absence = ffmpegAbsence() ?? wrkAbsence();
  if (absence !== undefined) throw new Error(absence);
  const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name);
  const workDirectory = values['work-dir'] === undefined ? [] : ['--work-dir', values['work-dir']];
  const options = parseOptions([
    '--rounds',
    values.rounds,
    '--seconds',
    values.seconds,
    `--nice=${values.nice}`,
    ...workDirectory,
  ]);
  if (options === 'help') return;
  setSessionNiceness(options.niceness);
  const host = hostFacts();
  const { rounds, seconds } = options;
  const cost = wanted('cost') ? await withSession(options, [], (session) => measureCost(session, rounds, seconds)) : [];
  const plan = { viewers: Number(values.viewers), seconds: Number(values.play), rounds };
  const [viewers, trouble] = await withSession(options, [], async (session) => {
    if (!wanted('viewers') && !wanted('trouble')) return [[], []];
    const list = await prepareViewers(session);
    return [
      wanted('viewers') ? await measureViewers(session, plan, list) : [],
      wanted('trouble') ? await measureTrouble(session, plan, list, Number(values['cold-gib'])) : [],
    ];
  });
  const masters = wanted('masters') ? await withSession(options, [], (session) => measureMasters(session)) : [];
  const tables = wanted('tables') ? await withSession(options, [], (session) => measureTables(session)) : [];
  if (cost.length > 0) console.log(`${renderCost(cost)}\n`);
  if (viewers.length > 0)
    console.log(`${plan.viewers} viewers, ${plan.seconds} s a round:\n\n${renderViewers(viewers)}\n`);
  if (trouble.length > 0) console.log(`${renderTrouble(trouble)}\n`);
  if (masters.length > 0) console.log(`${renderMasters(masters)}\n`);
  if (tables.length > 0) console.log(`${renderTables(tables)}\n`);
  console.log(describeHost(host));
  if (values.json === undefined) return;
  mkdirSync(dirname(values.json), { recursive: true });
  writeFileSync(values.json, JSON.stringify({ host, cost, viewers, trouble, masters, tables }, undefined, 2));
  say(`wrote ${values.json}`);
}

main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message);
  process.exitCode = 1;
});
