import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MFD } from '../kernel/constants.js';
import { platformIsLinux, syscall3 } from '../kernel/ffi.js';
import { emptyFileStatus, fileStatus } from '../kernel/file.js';
import { cString } from '../kernel/memory.js';
import { sys } from '../kernel/numbers.js';
import { closeDescriptor } from '../kernel/socket.js';
import { SharedMemoryError, SharedRegion } from './shared-region.js';

/** Makes the file of the descriptor in `shared[0]` shorter, whenever there is one, until `shared[1]` says that it is over. */
const shortener = `
const { workerData } = require('node:worker_threads');
import(workerData.ffi).then(({ syscall3 }) => {
  const { shared, ftruncate } = workerData;
  Atomics.store(shared, 2, 1);
  Atomics.notify(shared, 2);
  while (Atomics.load(shared, 1) === 0) {
    const fd = Atomics.load(shared, 0);
    if (fd > 0) syscall3(ftruncate, fd, 0, 0);
  }
});`;

test('a file that becomes shorter while it is looked at is refused', {
  skip: platformIsLinux ? false : 'needs Linux',
}, async (context) => {
  const shared = new Int32Array(new SharedArrayBuffer(12));
  const ffi = new URL('../kernel/ffi.js', import.meta.url).href;
  const worker = new Worker(shortener, { eval: true, workerData: { shared, ffi, ftruncate: sys.ftruncate } });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  context.after(async () => {
    Atomics.store(shared, 1, 1);
    await ended;
  });
  await new Promise((resolve) => worker.once('online', resolve));
  while (Atomics.load(shared, 2) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  const status = emptyFileStatus();
  const seen = { mapped: 0, refused: 0 };
  for (let count = 0; count < 5000; count++) {
    const fd = syscall3(sys.memfd_create, cString('short'), MFD.CLOEXEC | MFD.ALLOW_SEALING, 0);
    assert.equal(syscall3(sys.ftruncate, fd, 8192, 0), 0);
    Atomics.store(shared, 0, fd);
    let region: SharedRegion | undefined;
    try {
      region = new SharedRegion(fd, { offset: 0, length: 8192 });
      seen.mapped++;
    } catch (error) {
      assert.ok(error instanceof SharedMemoryError);
      seen.refused++;
    }
    Atomics.store(shared, 0, 0);
    fileStatus(fd, status);
    if (region !== undefined) assert.equal(status.size, 8192, 'what is mapped is there');
    region?.unmap();
    closeDescriptor(fd);
  }
  assert.ok(seen.mapped + seen.refused === 5000);
});
