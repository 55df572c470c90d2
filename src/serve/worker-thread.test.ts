// A worker's thread by itself: it waits for its start, and what it said before its end is heard.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { engineDescriptors, spoil } from '../../test/support/engine-descriptors.js';
import { BegunThread, ordinaryEntry } from './begun-thread.js';
import { shareOf } from './connection-limit.js';
import { Listening } from './listening.js';
import { metricsBytes } from './metrics.js';
import { resolveOptions } from './options.js';
import { WorkerThread } from './worker-thread.js';

const skip = process.platform === 'linux' ? false : 'needs Linux';

function sleepWithoutLoop(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** A thread, and what its listener was told of its end. */
function begin() {
  const ends: { wasReady: boolean; failure: Error | undefined }[] = [];
  const ended = (wasReady: boolean, failure: Error | undefined): void => void ends.push({ wasReady, failure });
  return { thread: new WorkerThread(new BegunThread(ordinaryEntry, false), { hear: () => {}, ended }), ends };
}

test('it waits for a start, and ends where none comes', { skip }, async () => {
  const { thread, ends } = begin();
  await thread.booted;
  assert.equal(thread.engine, undefined);
  assert.deepEqual(ends, []);
  thread.tell({ kind: 'stop' });
  thread.dismiss();
  await thread.exited;
  assert.deepEqual(ends, [{ wasReady: false, failure: undefined }]);
});

test('whose file is not there, as in a bundle, ends with a sentence that says what to do', { skip }, async () => {
  const thread = new BegunThread(new URL('./absent-main.js', import.meta.url), false);
  const failure = await thread.exited;
  assert.equal((failure as NodeJS.ErrnoException).code, 'CLEARWAY_UNSUPPORTED');
  assert.match(
    failure!.message,
    /^Cannot find module '[^']*absent-main\.js'; was clearway bundled\? [^\n]*--external:clearway/,
  );
});

test('one that dies before it was heard that it serves did serve', { skip }, async () => {
  const root = mkdtempSync(`${tmpdir()}/clearway-thread-`);
  const options = resolveOptions({ root, host: '127.0.0.1', port: 0, engine: 'epoll' }, 1024);
  const listening = await Listening.open(options, 1, () => {});
  const { thread, ends } = begin();
  const metrics = new SharedArrayBuffer(metricsBytes);
  const sockets = listening.sockets(0);
  const served = thread.start({
    options,
    sockets,
    queue: undefined,
    share: shareOf(10, 1, 1024),
    metrics,
    shared: new SharedArrayBuffer(0),
    index: 0,
    log: undefined,
  });
  // Nothing is heard while this thread's loop stands: both words and the end wait for it.
  let engines: number[] = [];
  for (const end = Date.now() + 20_000; engines.length === 0 && Date.now() < end; sleepWithoutLoop(10)) {
    engines = engineDescriptors();
  }
  sleepWithoutLoop(100);
  engines.forEach(spoil);
  sleepWithoutLoop(500);
  await served;
  await thread.exited;
  listening.close();
  rmSync(root, { recursive: true });
  assert.deepEqual(
    ends.map(({ wasReady, failure }) => [wasReady, /epoll_wait/.test(failure?.message ?? '')]),
    [[true, true]],
  );
});

/** Runs a program that begins a thread of this text, in a process of its own. @returns what it wrote, and its exit status */
function runWithThread(thread: string, program: string): { stdout: string; stderr: string; status: number | null } {
  const folder = mkdtempSync(`${tmpdir()}/clearway-thread-`);
  writeFileSync(`${folder}/thread.mjs`, `import { workerData } from 'node:worker_threads';\n${thread}`);
  const module = new URL('./begun-thread.js', import.meta.url).href;
  const entry = pathToFileURL(`${folder}/thread.mjs`).href;
  const begin = `const begun = new BegunThread(new URL(${JSON.stringify(entry)}), false);`;
  writeFileSync(
    `${folder}/program.mjs`,
    `import { BegunThread } from ${JSON.stringify(module)};\n${begin}\n${program}`,
  );
  const child = spawnSync(process.execPath, [`${folder}/program.mjs`], { encoding: 'utf8', timeout: 30_000 });
  rmSync(folder, { recursive: true });
  return child;
}

const speaks =
  "process.stdout.write('said\\n'); process.stderr.write('complained\\n'); Atomics.wait(workerData.gate, 0, 0);";

test('what a thread writes is written to the streams of the process, what it wrote before it was started too', () => {
  const { stdout, stderr, status } = runWithThread(
    speaks,
    'setTimeout(() => { begun.joinStreams(); begun.openGate(); }, 300);',
  );
  assert.deepEqual({ stdout, stderr, status }, { stdout: 'said\n', stderr: 'complained\n', status: 0 });
});
