// `npm start` and `npm test` on a small made-up checkout: no network, no compiler, a server that only says what it got.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { repositoryRoot } from './tidy.js';

const FAKE_SERVER = `
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR2']) process.on(signal, () => console.log('got ' + signal));
  process.on('SIGTERM', () => setTimeout(() => process.exit(7), 500));
  process.on('SIGUSR2', () => process.kill(process.pid, 'SIGKILL'));
  setInterval(() => {}, 1000);
  console.log(JSON.stringify(process.argv.slice(2)) + ' ' + process.cwd());
`;

const folder = mkdtempSync(join(tmpdir(), 'clearway-commands-'));
after(() => rmSync(folder, { recursive: true, force: true }));
checkout();

/** What is read of a package in package-lock.json. */
interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Where a package that is installed at `path` may find another one, the nearest folder first. */
function placesFor(path: string, name: string): string[] {
  const places: string[] = [];
  for (let folder = path; folder !== ''; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    places.push(`${folder}/node_modules/${name}`);
  }
  return [...places, `node_modules/${name}`];
}

function write(path: string, text: string): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
}

function checkout(): void {
  const tests = ['npm-test.mjs', 'npm-test-reporter.mjs', 'test-sharing.mjs'];
  for (const name of ['run.mjs', 'npm-start.mjs', ...tests]) {
    cpSync(join(repositoryRoot, 'tools', name), join(folder, 'tools', name));
  }
  write('tools/build.mjs', "import { appendFileSync } from 'node:fs'; appendFileSync('asked', 'x');");
  write('tools/build-pages.mjs', '');
  write('tools/build-core.mjs', '');
  write('tools/build-image.mjs', '');
  write('package.json', '{"type":"module"}');
  write('package-lock.json', '{}');
  write('node_modules/.clearway-installed', `${process.version} ${process.platform}-${process.arch} {}`);
  write('node_modules/typescript/bin/tsc', "import { appendFileSync } from 'node:fs'; appendFileSync('built', 'x');");
  write('node_modules/typescript/package.json', '{"type":"module"}');
  write('node_modules/@biomejs/biome/bin/biome', '');
  write('tools/bundle.mjs', '');
  write('dist/bundle/main.js', FAKE_SERVER);
  const serve = pathToFileURL(join(repositoryRoot, 'dist/src/cli/serve.js')).href;
  write('dist/src/cli/serve.js', `export * from '${serve}';`);
}

async function start(
  given: string[] = [],
): Promise<{ child: ChildProcess; lines: string[]; ended: Promise<unknown[]> }> {
  const child = spawn(process.execPath, [join(folder, 'tools/npm-start.mjs'), ...given], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, INIT_CWD: tmpdir() },
  });
  const lines: string[] = [];
  let rest = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const parts = (rest + text).split('\n');
    rest = parts.pop() ?? '';
    lines.push(...parts);
  });
  const ended = once(child, 'close');
  await once(child.stdout!, 'data');
  return { child, lines, ended };
}

test('npm start serves the example, or the directory that is named, wherever it stands', async () => {
  for (const [given, expected] of [
    [[], ['serve', join(folder, 'examples/site')]],
    [
      ['--port', '0'],
      ['serve', join(folder, 'examples/site'), '--port', '0'],
    ],
    [
      ['files', '--port', '0'],
      ['serve', 'files', '--port', '0'],
    ],
    [
      ['--port', '0', 'files'],
      ['serve', '--port', '0', 'files'],
    ],
    [
      ['--dashboard', 'files', '--listing'],
      ['serve', '--dashboard', 'files', '--listing'],
    ],
    [
      ['--port', 'x', '--sites'],
      ['serve', '--port', 'x', '--sites'],
    ],
  ] as const) {
    const { child, lines, ended } = await start([...given]);
    child.kill('SIGTERM');
    await ended;
    assert.equal(lines[0], `${JSON.stringify(expected)} ${tmpdir()}`);
  }
});

test('a signal reaches the server once, and its exit status comes back', async () => {
  const { child, lines, ended } = await start();
  child.kill('SIGTERM');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [7, null]);
  assert.deepEqual(lines.slice(1), ['got SIGTERM']);
});

test('a signal reaches the server through the shell that npm starts, also through one that stays in between', async () => {
  const { scripts } = JSON.parse(readFileSync(join(repositoryRoot, 'package.json'), 'utf8'));
  assert.equal(scripts.start, 'node tools/npm-start.mjs', 'no word that only some shells have');
  assert.equal(scripts.test, 'node tools/npm-test.mjs', 'no word that only some shells have');
  for (const script of [scripts.start, `${scripts.start}; :`]) {
    const shell = spawn('sh', ['-c', script], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, npm_lifecycle_event: 'start' },
    });
    let said = '';
    shell.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await eventually(() => said.includes('\n') || undefined);
    shell.kill('SIGTERM');
    // The pipe is closed by the server's end, whoever was its parent then.
    await once(shell, 'close');
    assert.match(said, /\ngot SIGTERM\n$/, script);
  }
});

test('the lock file: every optional package of every platform has an entry, and no host is named', () => {
  const { packages } = JSON.parse(readFileSync(join(repositoryRoot, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, LockedPackage>;
  };
  const missing = Object.entries(packages).flatMap(([path, locked]) =>
    Object.keys(locked.optionalDependencies ?? {})
      .filter((name) => !placesFor(path, name).some((place) => packages[place] !== undefined))
      .map((name) => `${name} of ${path}`),
  );
  assert.deepEqual(
    missing,
    [],
    'in an empty copy, for each platform: npm install --package-lock-only --os=darwin --cpu=arm64 (linux also with --libc=musl)',
  );
  const hosted = Object.entries(packages).filter(
    ([, { resolved, version }]) => resolved !== undefined || version?.includes(':') === true,
  );
  assert.deepEqual(hosted, [], 'omit-lockfile-registry-resolved in .npmrc keeps hosts out');
});

test('npm test that is ended ends its tests', async () => {
  write('src/long.test.ts', '');
  write(
    'dist/src/long.test.js',
    `import { test } from 'node:test'; import { writeFileSync } from 'node:fs';
    writeFileSync('long.pid', String(process.pid));
    test('long', () => new Promise((resolve) => setTimeout(resolve, 60_000)));`,
  );
  const child = spawn(process.execPath, [join(folder, 'tools/npm-test.mjs'), 'src/long'], { env: testEnvironment() });
  const ended = once(child, 'close');
  child.stderr.pipe(process.stderr);
  child.stdout.resume();
  const pid = await eventually(() => Number(readFileSync(join(folder, 'long.pid'), 'utf8')) || undefined);
  child.kill('SIGTERM');
  await ended;
  await eventually(() => !isRunning(pid) || undefined);
  rmSync(join(folder, 'src/long.test.ts'));
});

/** What `probe` gives as soon as it gives something, asked for up to 20 s; an exception counts as nothing. */
async function eventually<T>(probe: () => T | undefined): Promise<T> {
  for (let attempt = 0; attempt < 400; attempt++) {
    try {
      const value = probe();
      if (value !== undefined) return value;
    } catch {}
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('it did not happen within 20 s');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test('a server that dies of a signal ends the command the same way', async () => {
  const { child, ended } = await start();
  child.kill('SIGUSR2');
  assert.deepEqual(await ended, [null, 'SIGKILL']);
});

/** Without what tells Node that it runs inside a test, which would change how the inner runner reports. */
function testEnvironment(): NodeJS.ProcessEnv {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  return env;
}

function npmTest(...patterns: string[]): { status: number | null; output: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const done = spawnSync(process.execPath, [join(folder, 'tools/npm-test.mjs'), ...patterns], {
    env,
    encoding: 'utf8',
  });
  return { status: done.status, output: done.stdout + done.stderr };
}

test('npm test: a line a file, reasons of skips, the counts, and no test whose source is gone', () => {
  write('src/a.test.ts', '');
  write(
    'dist/src/a.test.js',
    "import { test } from 'node:test'; test('a', () => {}); test('b', { skip: 'no x' }, () => {});",
  );
  write('dist/src/gone.test.js', "throw new Error('its source is gone')");
  const { status, output } = npmTest();
  assert.equal(status, 0, output);
  assert.match(output, /^1\/1 +\d+\.\d s {2}src\/a\.test\.ts$/m);
  assert.match(output, /﹣ b .*# no x/);
  assert.doesNotMatch(output, /✔ a /);
  assert.match(output, /^ℹ pass 1$/m);
  assert.match(output, /^ℹ skipped 1$/m);
  assert.match(output, /^total time \d+\.\d s/m);
});

test('npm test: a failure is shown with its reason and fails the command', () => {
  write('test/b.test.ts', '');
  write(
    'dist/test/b.test.js',
    "import { test } from 'node:test'; test('outer', (t) => t.test('inner', () => { throw new Error('broken') }));",
  );
  // The first line, from its first column on, is line 11 of the source.
  write('dist/test/b.test.js.map', '{"version":3,"sources":["b.test.ts"],"names":[],"mappings":"AAUA"}');
  const { status, output } = npmTest('test/b');
  rmSync(join(folder, 'test/b.test.ts'));
  assert.equal(status, 1);
  assert.match(output, /test\/b\.test\.ts {2}FAILED/);
  assert.match(output, /▶ outer\n +✖ inner .*\n +Error: broken\n +at .*\(?test\/b\.test\.ts:11:\d+\)?\n/);
  assert.match(output, /^ℹ fail 2$/m);
});

/** Writes compiled test files, and their sources for those that look. */
function writeTests(tests: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(tests)) {
    write(`${name}.test.ts`, '');
    write(`dist/${name}.test.js`, `import { test } from 'node:test';\n${text}`);
  }
}

function removeTests(tests: Readonly<Record<string, string>>): void {
  for (const name of Object.keys(tests)) {
    for (const path of [`${name}.test.ts`, `dist/${name}.test.js`]) rmSync(join(folder, path));
  }
}

test('npm test: files that leave nothing behind share a process, and a failure in one hides no other', () => {
  const tests = {
    'test/shared/a': "import 'node:net';\ntest('alone', () => {});",
    'test/shared/b': "test('b', () => {});",
    'test/shared/c': "test('c', () => { throw new Error('broken'); });",
    'test/shared/d': "import './not-there.js';\ntest('d', () => {});",
    'test/shared/e': "test('e', () => {}); test('f', { skip: 'no x' }, () => {});",
  };
  writeTests(tests);
  const { status, output } = npmTest('test/shared');
  removeTests(tests);
  assert.equal(status, 1, output);
  assert.match(output, /^[15]\/5 +\d+\.\d s {2}test\/shared\/a\.test\.ts$/m, output);
  const together =
    /^[45]\/5 +\d+\.\d s {2}test\/shared\/b\.test\.ts {2}FAILED\n(?: +test\/shared\/[cde]\.test\.ts\n){3}/m;
  assert.match(output, together, output);
  assert.match(output, /✖ c .*\n +Error: broken/);
  assert.match(output, /✖ .*test\/shared\/d\.test\.js can be loaded .*\n +Error .*Cannot find module .*not-there/);
  for (const count of ['tests 6', 'pass 3', 'fail 2', 'skipped 1']) {
    assert.match(output, new RegExp(`^ℹ ${count}$`, 'm'));
  }
  assert.deepEqual(output.match(/^.*: (?:not run$|the process ended in)/gm), ['test/shared/d.test.ts: not run']);
});

test('npm test: a shared process that crashes names the file, and those that it kept from running', () => {
  const tests = {
    'test/crash/a': "test('a', () => {});",
    'test/crash/b': "test('b', () => (0, eval)('process').kill((0, eval)('process').pid, 'SIGKILL'));",
    'test/crash/c': "test('c', () => {});",
  };
  writeTests(tests);
  const { status, output } = npmTest('test/crash');
  removeTests(tests);
  assert.equal(status, 1, output);
  assert.match(
    output,
    /^test\/crash\/b\.test\.ts: the process ended in "b"\ntest\/crash\/c\.test\.ts: not run$/m,
    output,
  );
  assert.doesNotMatch(output, /^test\/crash\/a\.test\.ts: /m);
});

test('npm test: which files may share a process', async () => {
  const cases: Readonly<Record<string, readonly [may: boolean, text: string]>> = {
    plain: [true, "import fs from 'node:fs';\nimport './used.js';\ntest('a', () => {});"],
    platform: [true, "test('a', { skip: process.platform !== 'linux' }, () => {});"],
    child: [false, "import { spawn } from 'node:child_process';\ntest('a', () => {});"],
    later: [false, "test('a', () => import('node:worker_threads'));"],
    computed: [false, "test('a', () => import(new URL('x.js', import.meta.url)));"],
    below: [false, "import './reaches.js';\ntest('a', () => {});"],
    kernel: [false, "import '../../src/kernel/file.js';\ntest('a', () => {});"],
    memory: [true, "import '../../src/kernel/memory.js';\ntest('a', () => {});"],
    environment: [false, "test('a', () => { process.env.X = '1'; });"],
    hooks: [false, "import { after } from 'node:test';\nafter(() => {});\ntest('a', () => {});"],
    helper: [false, "import { forEach } from './used.js';\nforEach(() => {});"],
  };
  const tests = Object.fromEntries(Object.entries(cases).map(([name, [, text]]) => [`test/may/${name}`, text]));
  writeTests(tests);
  write('dist/test/may/used.js', 'export const forEach = (what) => what();');
  write('dist/test/may/reaches.js', "export * from './reaches-too.js';");
  write('dist/test/may/reaches-too.js', "import net from 'node:net';\nexport const listen = () => net.createServer();");
  const { mayShare } = await import(join(folder, 'tools/test-sharing.mjs'));
  for (const [name, [may]] of Object.entries(cases)) {
    assert.equal(mayShare(join(folder, `dist/test/may/${name}.test.js`)), may, name);
  }
  removeTests(tests);
});

test('npm test leaves tests of the whole product out and says so; --all, --long and a pattern run them', () => {
  const tests = {
    'test/parts/a': "test('part', () => {});",
    'test/parts/b.whole': "test('b', { skip: 'it is whole' }, () => {});",
  };
  writeTests(tests);
  const short = npmTest();
  const others = [npmTest('--all'), npmTest('--long'), npmTest('test/parts')];
  removeTests(tests);
  assert.match(short.output, /^total time .*\n1 of \d+ test files were left out: npm run test:all runs them too$/m);
  assert.doesNotMatch(short.output, /# it is whole/);
  for (const { output } of others) {
    assert.match(output, /^﹣ b .*# it is whole$/m);
    assert.doesNotMatch(output, /left out/);
  }
});

test('npm test: a pattern without a file says so', () => {
  const { status, output } = npmTest('nothing-like-this');
  assert.equal(status, 1);
  assert.match(output, /no test file matches nothing-like-this/);
});

test('the compiler is asked each time, the installation only when the lock file changed', () => {
  assert.ok(readFileSync(join(folder, 'asked'), 'utf8').length >= 6);
  // The build itself, for once: it is six processes.
  cpSync(join(repositoryRoot, 'tools/build.mjs'), join(folder, 'tools/build.mjs'));
  for (const times of [1, 2]) {
    npmTest('nothing-like-this');
    assert.equal(readFileSync(join(folder, 'built'), 'utf8').length, times);
  }
});

test('npm run build without the packages that it builds with says so in one sentence', () => {
  const bare = mkdtempSync(join(tmpdir(), 'clearway-bare-'));
  mkdirSync(join(bare, 'tools'));
  cpSync(join(repositoryRoot, 'tools/build.mjs'), join(bare, 'tools/build.mjs'));
  const { status, stderr } = spawnSync(process.execPath, ['tools/build.mjs'], { cwd: bare, encoding: 'utf8' });
  rmSync(bare, { recursive: true });
  assert.equal(status, 1);
  assert.match(stderr, /^npm run build: what it builds with is not installed: npm ci --include=dev [^\n]*\n$/);
});
