// `npm run test:vm [-- SERIES... [--only NAME]... [--table FILE]]`: runs the guest tests (compiled test/vm/*.guest.js) on
// Debian's kernels 6.1, 6.12 and the newest one that there is, one after the other, tells each test as it ends, and prints
// the table of errors in bytes. Needs no rights.

import { readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { guestsImpossible, runInGuest } from './guest.js';
import { fetchKernel } from './kernels.js';
import { guestModules, guestSeries } from './modules.js';
import { errorTable, type GuestTest, readTap } from './results.js';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Each kernel is ended by force then: four times what it took where it was measured (docs/meter.md). */
const limitSeconds = 2400;

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

async function runSeries(
  series: string,
  only: readonly string[],
): Promise<{ version: string; tests: GuestTest[]; passed: boolean }> {
  const kernel = fetchKernel(series);
  process.stdout.write(`\n== ${kernel.version}\n`);
  const started = Date.now();
  const tests = readdirSync(here)
    .filter((name) => name.endsWith('.guest.js'))
    .filter((name) => only.length === 0 || only.some((part) => name.includes(part)));
  const flags = '--test --test-concurrency=1 --test-reporter=tap';
  const command = `cd '${process.cwd()}' && HOME=/tmp exec '${process.execPath}' ${flags} ${tests
    .map((name) => `'${here}${name}'`)
    .join(' ')}`;
  const tell = teller(started);
  const result = await runInGuest(kernel, command, { limitSeconds, modules: guestModules, progress: tell.take });
  tell.end();
  const passed = result.status === 0;
  if (!passed) process.stdout.write(`${result.output}\n`);
  if (result.status === undefined) process.stdout.write(`the guest did not finish:\n${result.console}\n`);
  process.stdout.write(`== ${kernel.version}: ${passed ? 'passed' : 'FAILED'} in ${since(started)}\n`);
  return { version: kernel.version, tests: readTap(result.output), passed };
}

async function runAll(
  asked: readonly string[],
  only: readonly string[],
  tableFile: string | undefined,
): Promise<boolean> {
  const byKernel = new Map<string, GuestTest[]>();
  let allPassed = true;
  for (const series of asked.length > 0 ? asked : guestSeries) {
    const { version, tests, passed } = await runSeries(series, only);
    byKernel.set(version, tests);
    allPassed &&= passed;
  }
  const table = errorTable(byKernel);
  process.stdout.write(`\n${table}\n`);
  if (tableFile !== undefined) writeFileSync(tableFile, `${table}\n`);
  return allPassed;
}

const reason = guestsImpossible();
if (reason !== undefined) {
  process.stdout.write(`skipped: ${reason}\n`);
} else {
  const options = { only: { type: 'string', multiple: true }, table: { type: 'string' } } as const;
  const { values, positionals } = parseArgs({ allowPositionals: true, options });
  process.exitCode = (await runAll(positionals, values.only ?? [], values.table)) ? 0 : 1;
}
