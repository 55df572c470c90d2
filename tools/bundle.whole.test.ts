// The bundle that is installed as `clearway`, beside the modules it is made of: the same answers from fewer files.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { platformIsLinux } from '../src/kernel/ffi.js';
import { repositoryRoot } from './tidy.js';

const bundled = join(repositoryRoot, 'dist/bundle/main.js');
const compiled = join(repositoryRoot, 'dist/src/cli/main.js');
const skip = existsSync(bundled) ? false : 'the bundle is not built: npm run build';

test('the bundle says what the modules say', { skip }, () => {
  for (const args of [
    ['--help'],
    ['--version'],
    ['serve', '--help'],
    ['meter', '--help'],
    ['sreve'],
    ['plan', '--json'],
  ]) {
    const [ours, theirs] = [bundled, compiled].map((main) =>
      spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' }),
    );
    assert.deepEqual([ours?.status, ours?.stdout, ours?.stderr], [theirs?.status, theirs?.stdout, theirs?.stderr]);
  }
});

test('the executable keeps the line that the shell runs', { skip }, () => {
  const lines = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, 2);
  assert.deepEqual(lines(bundled), lines(compiled));
  assert.equal(statSync(bundled).mode & 0o111, 0o111);
  assert.match(spawnSync(bundled, ['--version'], { encoding: 'utf8' }).stdout, /^\d+\.\d+\.\d+\n$/);
});

test('certificates that nobody needs are not read for serve, when it runs by its name', { skip }, () => {
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: '/no/such/file' };
  const said = (...args: string[]) => spawnSync(bundled, args, { encoding: 'utf8', env }).stderr;
  assert.equal(said('serve', '--help'), '');
  assert.match(said('meter', '--help'), /extra certs/);
});

test('an error in the bundle leads to the source', { skip }, () => {
  const names = readdirSync(join(bundled, '..'));
  // What only has a file run whose code is kept is one line.
  const isStub = (name: string) => names.includes(name.replace(/\.js$/, '.code.js'));
  for (const name of names.filter((each) => /\.js$/.test(each) && !isStub(each))) {
    const map = JSON.parse(readFileSync(join(bundled, '..', `${name}.map`), 'utf8')) as { sources: string[] };
    for (const source of map.sources)
      assert.match(
        source,
        /^(?:\.\.\/\.\.\/(?:src\/.*\.ts|node_modules\/mrmime\/.*|tools\/koffi-directly\.cjs)|(?:late:node:|directly:koffi).*)$/,
        name,
      );
  }
});

test('the bundled server serves, shows its metrics and ends, and loads few files', {
  skip: skip || (!platformIsLinux && 'it serves on Linux'),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bundle-'));
  try {
    const site = join(repositoryRoot, 'examples/site');
    const options = ['--port', '0', '--workers', '1', '--metrics', '127.0.0.1:0'];
    const child = spawn(process.execPath, [bundled, 'serve', site, ...options], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_V8_COVERAGE: folder },
    });
    const ended = once(child, 'exit');
    const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
    const [page, metrics] = line.match(/http:\/\/[\w.:]+/g) ?? [];
    assert.equal(
      Buffer.from(await (await fetch(page!)).arrayBuffer()).compare(readFileSync(join(site, 'index.html'))),
      0,
    );
    assert.match(await (await fetch(`${metrics}/metrics`)).text(), /^clearway_requests_total/m);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    const loaded = readdirSync(folder).flatMap((name) =>
      (JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] }).result
        .map(({ url }) => url)
        .filter((url) => url.includes('/dist/')),
    );
    assert.deepEqual(
      loaded.filter((url) => !url.includes('/dist/bundle/')),
      [],
    );
    const names = [...new Set(loaded.map((url) => basename(url)))].sort();
    assert.deepEqual(names, ['cached-code.cjs', 'main.js', 'metrics-endpoint.js', 'serve.code.js', 'serve.js']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** Of each file whose code is kept, whether V8 refuses that under these flags. */
function refused(...flags: string[]): boolean[] {
  const script = `
    const { readFileSync } = require('node:fs');
    const folder = ${JSON.stringify(join(bundled, '..'))};
    const { cacheName } = require(folder + '/cached-code.cjs');
    const of = (name) => {
      const filename = folder + '/' + name + '.code.js';
      const cachedData = readFileSync(folder + '/' + cacheName(name));
      return new (require('node:vm').Script)(readFileSync(filename, 'latin1'), { filename, cachedData }).cachedDataRejected;
    };
    process.stdout.write(JSON.stringify(['serve', 'worker-main'].map(of)));`;
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  return JSON.parse(spawnSync(process.execPath, [...flags, '-e', script], { encoding: 'utf8', env }).stdout);
}

test('the code that V8 made when the bundle was built is taken; under other flags it is refused, and the text serves', {
  skip: skip || (!platformIsLinux && 'it serves on Linux'),
}, async () => {
  const other = '--no-opt';
  assert.deepEqual(refused(), [false, false]);
  assert.deepEqual(refused(other), [true, true]);
  const site = join(repositoryRoot, 'examples/site');
  const child = spawn(process.execPath, [other, bundled, 'serve', site, '--port', '0', '--workers', '1'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  assert.equal((await fetch(said.split('\n')[0]!, { headers: { connection: 'close' } })).status, 200);
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
});

test('V8 would take the code of another processor, or of a Node that was built otherwise: it has the executable in its name', {
  skip,
}, () => {
  const nameUnder = (change: string): string => {
    const script = `${change}; process.stdout.write(require(${JSON.stringify(join(bundled, '../cached-code.cjs'))}).cacheName('serve'))`;
    return spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout;
  };
  const names = [
    '',
    `Object.defineProperty(process, 'arch', { value: 'other' })`,
    `process.execPath = ${JSON.stringify(bundled)}`,
    `process.execPath = '/not/there'`,
  ].map(nameUnder);
  assert.equal(new Set(names).size, names.length, names.join());
  assert.deepEqual(
    names.map((name) => existsSync(join(bundled, '..', name))),
    [platformIsLinux, false, false, false],
  );
});

/** Loaded before the bundle: writes down which of Node's modules each thread had loaded in the end, the main thread's first. */
const watching = `
  const fs = require('node:fs');
  if (process.env.HIDDEN !== undefined) {
    const { existsSync } = fs;
    fs.existsSync = (path) => !path.endsWith(process.env.HIDDEN) && existsSync(path);
  }
  process.once('exit', () => {
    const names = process.moduleLoadList.filter((name) => name.startsWith('NativeModule')).map((name) => name.slice(13));
    fs.appendFileSync(process.env.NOTES, [require('node:worker_threads').isMainThread ? 'main' : 'worker', ...names].join(' ') + '\\n');
  });
`;

/** Serves one answer beneath {@link watching}, its streams being files. @param hidden the end of paths that are not there */
async function watchedStart(workers: number, hidden?: string): Promise<{ main: string[]; threads: string[][] }> {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bundle-'));
  try {
    const [preload, notes, said] = [join(folder, 'watching.cjs'), join(folder, 'notes'), join(folder, 'said')];
    writeFileSync(preload, watching);
    const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
    const words = [
      bundled,
      'serve',
      join(repositoryRoot, 'examples/site'),
      '--port',
      '0',
      '--workers',
      String(workers),
    ];
    const output = openSync(said, 'w');
    const child = spawn(process.execPath, ['--require', preload, ...words], {
      stdio: ['ignore', output, output],
      env: { ...env, NOTES: notes, ...(hidden !== undefined && { HIDDEN: hidden }) },
    });
    closeSync(output);
    const ended = once(child, 'exit');
    while (!/^clearway serves/m.test(readFileSync(said, 'utf8'))) {
      assert.equal(child.exitCode, null);
      await sleep(10);
    }
    const [url] = readFileSync(said, 'utf8').split('\n');
    assert.equal((await fetch(url!, { headers: { connection: 'close' } })).status, 200);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
    const lists = readFileSync(notes, 'utf8')
      .trim()
      .split('\n')
      .map((line) => line.split(' '));
    return {
      main: lists.find(([thread]) => thread === 'main')!,
      threads: lists.filter(([thread]) => thread === 'worker'),
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const loaders = ['module', 'internal/modules/esm/loader', 'internal/modules/esm/resolve'];

test('one worker needs no thread, and nothing of Node is loaded that no start needs', {
  skip: skip || (!platformIsLinux && 'it serves on Linux'),
}, async () => {
  const { main, threads } = await watchedStart(1);
  assert.deepEqual(threads, []);
  const unneeded = [
    'worker_threads',
    'internal/worker/io',
    'net',
    'tty',
    'dns/promises',
    'perf_hooks',
    'http',
    ...loaders,
  ];
  assert.deepEqual(
    unneeded.filter((name) => main.includes(name)),
    [],
  );
});

test('a second worker is a thread, which loads nothing of Node that it does not need', {
  skip: skip || (!platformIsLinux && 'it serves on Linux'),
}, async () => {
  const { threads } = await watchedStart(2);
  assert.equal(threads.length, 1);
  assert.deepEqual(
    ['net', 'perf_hooks', ...loaders].filter((name) => threads[0]!.includes(name)),
    [],
  );
});

test('where the native part of koffi is not where npm puts it, koffi looks for it', {
  skip: skip || (!platformIsLinux && 'it serves on Linux'),
}, async () => {
  const { main } = await watchedStart(1, 'koffi.node');
  assert.ok(main.includes('module'));
});

test('a build that is ended on the way leaves the last bundle as it was, and the next takes away what is left of it', {
  skip,
}, async () => {
  const root = mkdtempSync(join(tmpdir(), 'clearway-bundle-'));
  try {
    mkdirSync(join(root, 'tools'));
    mkdirSync(join(root, 'dist/bundle'), { recursive: true });
    for (const name of ['bundle.mjs', 'cached-code.cjs', 'keep-code.cjs', 'koffi-directly.cjs'])
      copyFileSync(join(repositoryRoot, 'tools', name), join(root, 'tools', name));
    copyFileSync(join(repositoryRoot, 'package.json'), join(root, 'package.json'));
    for (const name of ['node_modules', 'dist/src', 'dist/tools'])
      symlinkSync(join(repositoryRoot, name), join(root, name));
    writeFileSync(join(root, 'dist/bundle/main.js'), 'the last one');
    utimesSync(join(root, 'dist/bundle/main.js'), 1000, 1000);
    const unfinished = (): string[] => readdirSync(join(root, 'dist')).filter((name) => name.startsWith('bundle-'));
    const ended: string[] = [];
    for (let round = 0; round < 2; round++) {
      const child = spawn(process.execPath, [join(root, 'tools/bundle.mjs')], { stdio: 'inherit' });
      const name = `bundle-${child.pid}`;
      while (!existsSync(join(root, 'dist', name))) {
        assert.equal(child.exitCode, null);
        await sleep(10);
      }
      child.kill('SIGKILL');
      await once(child, 'exit');
      assert.deepEqual(unfinished(), [name], 'and none of an earlier build');
      ended.push(name);
      assert.deepEqual(readdirSync(join(root, 'dist/bundle')), ['main.js']);
      assert.equal(readFileSync(join(root, 'dist/bundle/main.js'), 'utf8'), 'the last one');
    }
    assert.notEqual(ended[0], ended[1]);
  } finally {
    rmSync(root, { recursive: true });
  }
});
