// Calls that are made many at once: in order, each with its result, and none waits. Their use is in net-tap.whole.test.ts.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { O } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { syscall3 } from '../../src/kernel/ffi.js';
import { scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Iovecs } from '../../src/memory/iovecs.js';
import { Region } from '../../src/memory/region.js';
import { CallBatch } from '../../src/uring/call-batch.js';
import { engineRefused } from '../conformance/serve/servers.js';

test('calls are made in order, each with its result, again and again', { skip: engineRefused('uring') }, () => {
  const { data, offset, address } = scratch(8);
  assert.equal(syscall3(sys.pipe2, address, O.NONBLOCK | O.CLOEXEC), 0);
  const [reader, writer] = [data.getInt32(offset, true), data.getInt32(offset + 4, true)];
  const memory = new Region(4096);
  for (let at = 0; at < 256; at++) memory.bytes[at] = at;
  const iovecs = new Iovecs(64);
  const batch = new CallBatch(8);
  for (let round = 0; round < 50; round++) {
    iovecs.clear();
    let expected = '';
    for (let call = 0; call < batch.most; call++) {
      iovecs.next();
      // Two pieces that do not touch, of lengths that differ.
      for (const [from, length] of [
        [call, call + 1],
        [100 + call, 2],
      ] as const) {
        iovecs.add(memory.address + from, length);
        expected += Buffer.from(memory.bytes.subarray(from, from + length)).toString('latin1');
      }
      assert.equal(batch.writeVectors(call === 5 ? -1 : writer, iovecs.address, iovecs.count), call);
      if (call === 5) expected = expected.slice(0, -8);
    }
    assert.equal(batch.run(), batch.most);
    assert.deepEqual([...batch.results], [3, 4, 5, 6, 7, -Errno.EBADF, 9, 10]);
    const count = syscall3(sys.read, reader, memory.address + 1024, 1024);
    assert.equal(Buffer.from(memory.bytes.subarray(1024, 1024 + count)).toString('latin1'), expected);
  }
  // What would wait does not.
  iovecs.clear();
  iovecs.add(memory.address, 4096);
  let [written, refused] = [0, 0];
  while (refused === 0) {
    for (let call = 0; call < batch.most; call++) batch.writeVectors(writer, iovecs.address, 1);
    batch.run();
    for (const result of batch.results) {
      if (result > 0) written += result;
      else {
        assert.equal(result, -Errno.EAGAIN);
        refused++;
      }
    }
  }
  assert.ok(written >= 65_536, `${written} bytes`);
  batch.close();
  iovecs.unmap();
  memory.unmap();
  closeDescriptor(reader);
  closeDescriptor(writer);
});
