// `npm test [-- PATTERN...]`: from a fresh clone to the runner's closing counts in one command.
// A PATTERN keeps the test files whose path contains it, and leaves the formatter and linter out. Without one, files named `*.whole.test.ts` are left
// out, and what repeats itself does so least: `npm run test:all` is `--all` and runs them too. `npm run test:long` is `--long`: all of them, and what repeats itself does so as often as it ever does.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { become, build, install, root, run, secondsSince } from './run.mjs';
import { shareProcesses } from './test-sharing.mjs';

// A file that hangs is ended after this long, and counted as cancelled; the whole run is not lost with it.
const FILE_TIMEOUT_MS = 10 * 60_000;
// What a test of the product as a whole is called.
const WHOLE = '.whole.test.js';
// These wait or work longest: they begin first, so that none is left alone at the end.
const LONGEST = [
  'test/browser/',
  'test/conformance/serve/over-bypass',
  'test/conformance/engine',
  'test/node/engines',
  'test/vhost/dpdk',
  'src/media/presentation/presentation',
  'src/media/progressive/progressive',
  'bench/main',
  'test/bypass/compare',
  'test/audio/pump',
  'test/kv/command',
  'test/audio/jack',
  'test/bypass/shared-address',
  'test/doctor/doctor',
  'test/vm/',
  'test/conformance/serve/operation',
  'test/conformance/serve/limits',
  'test/conformance/serve/mounts',
  'test/conformance/serve/worker-deaths',
  'test/conformance/serve/workers',
  'test/vhost/restart',
  'test/vhost/disk',
  'test/audio/play',
  'tools/commands',
  'test/why/why',
  'test/conformance/serve/quick-and-general',
  'test/conformance/serve/pages',
  'test/conformance/serve/changes',
  'test/core/',
  'test/compile/',
  'test/kernel/headers',
];

const startedAt = performance.now();
install();
build();
const patterns = process.argv.slice(2).filter((word) => word !== '--long' && word !== '--all');
const isLongRun = process.argv.includes('--long');
const isWholeRun = isLongRun || process.argv.includes('--all') || patterns.length > 0;
const found = ['src', 'test', 'tools', 'bench'].flatMap(testFiles).filter(isWanted);
const files = found.filter((file) => isWholeRun || !file.endsWith(WHOLE)).sort(byLength);
if (files.length === 0) {
  console.error(`no test file matches ${patterns.join(' ')}`);
  process.exit(1);
}
process.on('exit', () => {
  console.log(`total time ${secondsSince(startedAt)}, installation and compilation included`);
  const leftOut = found.length - files.length;
  if (leftOut > 0)
    console.log(`${leftOut} of ${found.length} test files were left out: npm run test:all runs them too`);
});
if (patterns.length === 0) {
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome');
  run(process.execPath, [biome, 'check', '.', '--diagnostic-level=error']);
}
// Films that tests make, shared by the test files of this run.
const films = mkdtempSync(join(tmpdir(), 'clearway-films-'));
const shared = mkdtempSync(join(tmpdir(), 'clearway-shared-'));
become(
  process.execPath,
  [
    '--test',
    // Two more than there are processors: tests wait for half of their time.
    `--test-concurrency=${availableParallelism() + 2}`,
    `--test-timeout=${FILE_TIMEOUT_MS}`,
    '--test-reporter=./tools/npm-test-reporter.mjs',
    ...shareProcesses(files, shared),
  ],
  {
    env: {
      ...process.env,
      // Node parses them at every start, a quarter of its processor time; no test asks a foreign host.
      NODE_EXTRA_CA_CERTS: undefined,
      CLEARWAY_TEST_FILMS: films,
      CLEARWAY_TEST_FILES: String(files.length),
      ...(isLongRun ? { CLEARWAY_TEST_LONG: '1' } : {}),
      ...(isWholeRun ? {} : { CLEARWAY_TEST_SHORT: '1' }),
      CLEARWAY_TEST_SHARED: shared,
      CLEARWAY_TEST_PROGRAM: join(root, 'dist/bundle/main.js'),
    },
  },
  () => {
    for (const folder of [films, shared]) rmSync(folder, { recursive: true, force: true });
  },
);

/** The compiled test files of a folder whose source is still there: the compiler removes nothing from dist/. */
function testFiles(folder) {
  const compiled = join(root, 'dist', folder);
  if (!existsSync(compiled)) return [];
  return readdirSync(compiled, { recursive: true })
    .filter((name) => name.endsWith('.test.js') && existsSync(join(root, folder, name.replace(/\.js$/, '.ts'))))
    .map((name) => `dist/${folder}/${name}`);
}

/** Those of LONGEST in its order, then the others by name. */
function byLength(one, other) {
  return rankOf(one) - rankOf(other) || (one < other ? -1 : 1);
}

function rankOf(file) {
  const rank = LONGEST.findIndex((name) => file.startsWith(`dist/${name}`));
  return rank < 0 ? LONGEST.length : rank;
}

function isWanted(file) {
  return patterns.length === 0 || patterns.some((pattern) => file.includes(pattern));
}
