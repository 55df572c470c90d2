// `npm run field-guide`: who copies what. Starts each server that is here, puts it under load, meters it, holds the meter's
// payload against the client's own count, and prints markdown. It starts and stops its own servers, in folders of its own.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createMeter, refusalSentence } from '../../src/meter/index.js';
import { runInGuest } from '../../test/vm/guest.js';
import { guestsImpossible } from '../../test/vm/initial-disk.js';
import { fetchKernel } from '../../test/vm/kernels.js';
import { guestModules } from '../../test/vm/modules.js';
import { httpSubjects } from './http-subjects.js';
import { postgresSubject } from './postgres-subject.js';
import { redisSubject } from './redis-subject.js';
import { isExact, runSubject, type SubjectFindings } from './run.js';
import { type Subject, siteFiles } from './subject.js';
import { renderGuide } from './tables.js';

/** Every program of the guide. */
export const subjects: readonly Subject[] = [...httpSubjects, redisSubject, postgresSubject];

const usage = `npm run field-guide -- [--only NAME,...] [--load PART] [--guest SERIES] [--bytes N] [--requests N] [--json] [--no-usual]

Meters nginx, Node, Clearway, Redis and PostgreSQL under load and prints who copies what, as markdown. Needs root; what is not
installed is left out, with the reason. --only takes parts of names: nginx, Node, clearway, Redis, PostgreSQL.
--load takes a part of a load's name: 64 KiB, GET, COPY. --guest runs all of it in a QEMU guest with Debian's kernel of that series
(6.1, 6.12, newest), where the functions tier sees what this host may hide: slow, so with --load. --bytes and --requests bound each load (default 32 MiB, at most 4000 requests). Exit status 1 where a figure differs.
`;

/** A folder with the files that servers are asked for, and room for each server. */
export function makeRoot(): { root: string; siteDirectory: string; remove(): void } {
  const root = mkdtempSync(join(tmpdir(), 'clearway-guide-'));
  const siteDirectory = join(root, 'site');
  mkdirSync(siteDirectory);
  writeFileSync(join(siteDirectory, 'index.html'), 'field guide\n');
  for (const [name, bytes] of Object.entries(siteFiles)) writeFileSync(join(siteDirectory, name), 'x'.repeat(bytes));
  return { root, siteDirectory, remove: () => rmSync(root, { recursive: true, force: true }) };
}

/** Why nothing can be metered on this host, in a sentence; undefined where it can. */
export function refusal(): string | undefined {
  try {
    createMeter().close();
    return undefined;
  } catch (error) {
    return refusalSentence(error);
  }
}

/** Runs this program with the same arguments, but for --guest, in a guest, and prints what it printed. */
async function inGuest(series: string): Promise<number> {
  const impossible = guestsImpossible();
  if (impossible !== undefined) {
    process.stderr.write(`field guide: ${impossible}\n`);
    return 3;
  }
  const given = process.argv.slice(2);
  const at = given.findIndex((argument) => argument.startsWith('--guest'));
  given.splice(at, given[at]!.includes('=') ? 1 : 2);
  const quoted = given.map((argument) => `'${argument.replaceAll("'", '')}'`).join(' ');
  const command = `cd / && '${process.execPath}' '${fileURLToPath(import.meta.url)}' ${quoted}`;
  const kernel = fetchKernel(series);
  const { status, output, console } = await runInGuest(kernel, command, { limitSeconds: 1500, modules: guestModules });
  process.stdout.write(`Linux ${kernel.version} in a guest\n\n${output}`);
  if (status === undefined)
    process.stderr.write(`field guide: the guest did not come to an end: ${console.slice(-500)}\n`);
  return status ?? 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      load: { type: 'string' },
      guest: { type: 'string' },
      bytes: { type: 'string', default: String(32 << 20) },
      requests: { type: 'string', default: '4000' },
      json: { type: 'boolean', default: false },
      'no-usual': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(usage);
    return 0;
  }
  if (values.guest !== undefined) return inGuest(values.guest);
  const refused = refusal();
  if (refused !== undefined) {
    process.stderr.write(`field guide: ${refused}\n`);
    return 3;
  }
  const wanted = values.only?.split(',');
  const chosen = subjects.filter(({ name }) => wanted === undefined || wanted.some((part) => name.includes(part)));
  const { root, siteDirectory, remove } = makeRoot();
  const all: SubjectFindings[] = [];
  try {
    for (const subject of chosen) {
      process.stderr.write(`${subject.name}\n`);
      const context = {
        root,
        siteDirectory,
        bytesPerLoad: Number(values.bytes),
        mostRequests: Number(values.requests),
        loads: values.load,
      };
      all.push(await runSubject(subject, context, { usual: !values['no-usual'] }));
    }
  } finally {
    remove();
  }
  process.stdout.write(values.json ? `${JSON.stringify(all, null, 2)}\n` : renderGuide(all));
  return all.every(({ findings }) => findings.every(isExact)) ? 0 : 1;
}

if (process.argv[1]?.endsWith('field-guide/main.js')) process.exitCode = await main();
