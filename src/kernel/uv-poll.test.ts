import assert from 'node:assert/strict';
import { openSync } from 'node:fs';
import { describe, test } from 'node:test';
import { until } from '../../test/support/until.js';
import { clearEvent, createEventDescriptor, signalEvent } from './event.js';
import { platformIsLinux } from './ffi.js';
import { closeDescriptor } from './socket.js';
import { UnsupportedError } from './system-error.js';
import { UvPoll } from './uv-poll.js';

const skip = platformIsLinux ? false : 'needs Linux';

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe("a descriptor in Node's own loop", { skip }, () => {
  test('is called back while it is readable, and not after close', async () => {
    const fd = createEventDescriptor();
    let calls = 0;
    const poll = new UvPoll(fd, () => {
      calls++;
      clearEvent(fd);
    });
    await pause(20);
    assert.equal(calls, 0);
    for (let round = 1; round <= 3; round++) {
      signalEvent(fd);
      await until(`call ${round}`, () => calls === round);
    }
    poll.close();
    poll.close();
    signalEvent(fd);
    await pause(20);
    assert.equal(calls, 3);
    closeDescriptor(fd);
  });

  test('may close itself from its own callback', async () => {
    const fd = createEventDescriptor();
    let calls = 0;
    const poll: UvPoll = new UvPoll(fd, () => {
      calls++;
      poll.close();
    });
    signalEvent(fd);
    await until('a call', () => calls > 0);
    await pause(20);
    assert.equal(calls, 1);
    closeDescriptor(fd);
  });

  test('several stand side by side, and many one after the other', async () => {
    const descriptors = Array.from({ length: 10 }, () => createEventDescriptor());
    const calls = new Array<number>(10).fill(0);
    for (let round = 1; round <= 5; round++) {
      const polls = descriptors.map((fd, index) => {
        return new UvPoll(fd, () => {
          calls[index]!++;
          clearEvent(fd);
        });
      });
      for (const fd of descriptors) signalEvent(fd);
      await until(`calls in round ${round}`, () => calls.every((count) => count >= round));
      assert.deepEqual(calls, new Array(10).fill(round));
      for (const poll of polls) poll.close();
      await pause(5);
    }
    for (const fd of descriptors) closeDescriptor(fd);
  });

  test('what cannot be polled is refused', () => {
    const file = openSync(process.execPath, 'r');
    assert.throws(() => new UvPoll(file, () => undefined), UnsupportedError);
    closeDescriptor(file);
    assert.throws(() => new UvPoll(-1, () => undefined), UnsupportedError);
  });
});
