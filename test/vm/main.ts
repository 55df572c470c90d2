// `npm run test:vm [-- SERIES|devices... [--only NAME]... [--resume] [--table FILE] [--stream BYTES] [--setting WORDS]]`: runs the guest tests (compiled
// test/vm/*.guest.js) on Debian's kernels 6.1, 6.12 and the newest one that there is, one after the other, tells each test as
// it ends, and prints the table of errors in bytes and a summary. Needs no rights. The exit status is 0 where every file ran
// and passed with 0 bytes of error on every kernel. `--resume` leaves out what passed in this build before. `devices`: guests
// that use this program's devices, which the host's side of a test talks to (test/vm/*.machine.ts); `--stream`: how much TCP carries each way,
// `--setting`: only tests whose names have these words.

import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runInGuest } from './guest.js';
import { guestsImpossible } from './initial-disk.js';
import { fetchKernel, type Kernel } from './kernels.js';
import { guestModules, guestSeries } from './modules.js';
import { errorTable, type GuestTest, isExact, readTap, summaryLine } from './results.js';
import { buildDigest, type FileResult, ResultStore, scriptOf, splitOutput } from './store.js';

const here = fileURLToPath(new URL('.', import.meta.url));
const suffix = '.guest.js';
/** What is run beside the kernels. */
const devices = 'devices';

/** A guest is ended by force then: four times what a kernel took where it was measured (docs/meter.md). */
const guestLimitSeconds = 3600;
const fileLimitSeconds = 1500;
/** How many times slower than this machine a guest may be. */
const slowness = 20;

const since = (startedMs: number): string => `${((Date.now() - startedMs) / 1000).toFixed(0)} s`;

/** What node:test counts at the end of a file. */
const totals = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;

/** Tells each test once, as it ends: its outcome and what it remarked. */
function teller(startedMs: number): { take(text: string): void; end(): void } {
  let output = '';
  let told = 0;
  const tell = (tests: readonly GuestTest[]): void => {
    for (const { path, outcome, reason, remarks } of tests.slice(told)) {
      const why = reason === '' ? '' : ` (${reason})`;
      process.stdout.write(
        `${since(startedMs).padStart(6)}  ${outcome.padEnd(7)} ${'  '.repeat(path.length - 1)}${path.at(-1)}${why}\n`,
      );
      for (const remark of remarks.filter((each) => !totals.test(each)))
        process.stdout.write(`${' '.repeat(18)}${remark}\n`);
    }
    told = Math.max(told, tests.length);
  };
  // The remarks of a test come behind its result, so the last one waits for the next.
  return {
    take: (text) => {
      output += text;
      tell(readTap(output.slice(0, output.lastIndexOf('\n') + 1)).slice(0, -1));
    },
    end: () => tell(readTap(output)),
  };
}

/** Runs files in one guest. @returns what those did that began; the last may have the status `undefined` */
async function runFiles(kernel: Kernel, files: readonly string[], store: ResultStore): Promise<FileResult[]> {
  const run = (file: string): string =>
    `env HOME=/tmp CLEARWAY_TEST_SLOWNESS=${slowness} '${process.execPath}' --test-reporter=tap '${here}${file}${suffix}'`;
  const command = `cd '${process.cwd()}'\n${scriptOf(files, run, fileLimitSeconds)}`;
  const tell = teller(Date.now());
  let output = '';
  const kept = new Set<string>();
  const keepEnded = (): void => {
    for (const result of splitOutput(output)) {
      if (result.status === undefined || kept.has(result.file)) continue;
      kept.add(result.file);
      store.keep(kernel.version, result);
    }
  };
  const progress = (text: string): void => {
    output += text;
    tell.take(text);
    keepEnded();
  };
  const guest = await runInGuest(kernel, command, { limitSeconds: guestLimitSeconds, modules: guestModules, progress });
  tell.end();
  const results = splitOutput(guest.output);
  for (const { file, status, output: text } of results) {
    if (status !== 0 && status !== undefined) process.stdout.write(`\n${file} failed (${status}):\n${text}\n`);
  }
  if (guest.status === undefined) process.stdout.write(`the guest did not finish:\n${guest.console}\n`);
  return results;
}

/** Runs every file on a kernel; where one takes the guest down, the rest runs in another guest. */
async function runSeries(series: string, only: readonly string[], store: ResultStore, resume: boolean) {
  const kernel = fetchKernel(series);
  process.stdout.write(`\n== ${kernel.version}\n`);
  const started = Date.now();
  const files = readdirSync(here)
    .filter((name) => name.endsWith(suffix))
    .map((name) => name.slice(0, -suffix.length))
    .filter((name) => only.length === 0 || only.some((part) => name.includes(part)));
  const results = new Map<string, FileResult>();
  for (const file of resume ? files : []) {
    const before = store.passed(kernel.version, file);
    if (before === undefined) continue;
    process.stdout.write(`${file} passed before\n`);
    results.set(file, before);
  }
  for (let left = files; ; ) {
    left = left.filter((file) => !results.has(file));
    if (left.length === 0) break;
    const ran = await runFiles(kernel, left, store);
    if (ran.length === 0) break;
    for (const result of ran) results.set(result.file, result);
  }
  const ran = files.flatMap((file) => results.get(file) ?? []);
  const tests = ran.flatMap(({ output }) => readTap(output));
  const failed = files.filter((file) => results.get(file)?.status !== 0);
  const summary = `${kernel.version}: ${summaryLine(tests, failed)}, ${since(started)}`;
  process.stdout.write(`== ${summary}\n`);
  return { version: kernel.version, tests, summary, passed: failed.length === 0 && isExact(tests) };
}

/** Runs the tests of devices in guests, one file after the other. Returns whether all passed. */
function runMachines(only: readonly string[], stream: string | undefined, setting: string | undefined): boolean {
  const files = readdirSync(here)
    .filter((name) => name.endsWith('.machine.js') && (only.length === 0 || only.some((part) => name.includes(part))))
    .map((name) => join(here, name));
  if (files.length === 0) return true;
  process.stdout.write('\n== devices\n');
  const chosen = setting === undefined ? [] : ['--test-name-pattern', setting.replaceAll(/[^\w ,]/g, '.')];
  const args = ['--test', '--test-concurrency=1', '--test-reporter=spec', ...chosen, ...files];
  const env = stream === undefined ? process.env : { ...process.env, CLEARWAY_VM_STREAM_BYTES: stream };
  return spawnSync(process.execPath, args, { stdio: 'inherit', env }).status === 0;
}

async function main(): Promise<boolean> {
  const options = {
    only: { type: 'string', multiple: true },
    table: { type: 'string' },
    resume: { type: 'boolean' },
    stream: { type: 'string' },
    setting: { type: 'string' },
  } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  const dist = fileURLToPath(new URL('../..', import.meta.url));
  const store = new ResultStore(buildDigest([`${dist}src`, `${dist}test`]));
  const runs = [];
  const parts = positionals.length > 0 ? positionals : [...guestSeries, devices];
  const havePassed = !parts.includes(devices) || runMachines(values.only ?? [], values.stream, values.setting);
  for (const series of parts.filter((part) => part !== devices)) {
    runs.push(await runSeries(series, values.only ?? [], store, values.resume === true));
  }
  if (runs.length === 0) return havePassed;
  const table = errorTable(new Map(runs.map(({ version, tests }) => [version, tests])));
  process.stdout.write(`\n${table}\n\n${runs.map(({ summary }) => summary).join('\n')}\n`);
  if (values.table !== undefined) writeFileSync(values.table, `${table}\n`);
  return havePassed && runs.every(({ passed }) => passed);
}

const reason = guestsImpossible();
if (reason === undefined) process.exitCode = (await main()) ? 0 : 1;
else process.stdout.write(`skipped: ${reason}\n`);
