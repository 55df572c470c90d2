import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, constants, existsSync, mkdtempSync, openSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Errno } from '../kernel/errno.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { tryLockFile } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { connectUnix, listenUnix, probeUnix } from '../kernel/unix-socket.js';
import { SocketFile } from './socket-file.js';

const skip = platformIsLinux ? false : 'needs Linux';
/** Listens at a path, and says when it does. */
const listener = `
const { parentPort, workerData } = require('node:worker_threads');
import(workerData.module).then(({ SocketFile }) => {
  parentPort.postMessage('begins');
  const own = new SocketFile(workerData.path, 0o600);
  parentPort.postMessage('listens');
  parentPort.once('message', () => {
    own.remove();
    own.close();
  });
});`;

test('the file of one that has gone is replaced by one process at a time', { skip }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-socket-file-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'own.sock');
  closeDescriptor(listenUnix(path));
  // Another is about to replace it.
  const other = openSync(folder, constants.O_RDONLY);
  assert.ok(tryLockFile(other));
  const module = new URL('./socket-file.js', import.meta.url).href;
  const worker = new Worker(listener, { eval: true, workerData: { module, path } });
  const heard = async (word: string): Promise<void> => {
    const [said] = (await once(worker, 'message')) as [string];
    assert.equal(said, word);
  };
  await heard('begins');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.equal(probeUnix(path), -Errno.ECONNREFUSED, 'it waits');
  const listens = heard('listens');
  closeSync(other);
  await listens;
  assert.equal(probeUnix(path), 0);
  worker.postMessage('end');
  await once(worker, 'exit');
  assert.equal(existsSync(path), false);
});

test('its permissions, its end, and the file of another in its place', { skip }, (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-socket-file-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'own.sock');
  const own = new SocketFile(path, 0o620);
  assert.equal(statSync(path).mode & 0o777, 0o620);
  assert.throws(() => new SocketFile(path, 0o600), /another process listens/);
  rmSync(path);
  const other = new SocketFile(path, 0o600);
  own.remove();
  own.close();
  closeDescriptor(connectUnix(path));
  other.remove();
  assert.equal(existsSync(path), false);
  other.close();
  assert.throws(() => new SocketFile(join(folder, 'missing', 'own.sock'), 0o600), /its directory is not there/);
});
