// The end of an engine over our own TCP/IP: what it had to say arrives, also where the wire loses it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { openEngine } from '../../src/transport/open-engine.js';
import { JoinedStacks, nearHost } from '../support/joined-stacks.js';

/** Of an Ethernet frame with TCP over IPv4 without options. */
const flagsAt = 47;
const fin = 1;

test('the end of a connection that is lost on the wire is said again before the engine goes', {
  skip: !platformIsLinux && 'needs Linux',
}, () => {
  let lost = 0;
  const passes = (_number: number, packet: Uint8Array): boolean => {
    const isEnd = packet[12] === 8 && packet[13] === 0 && packet[23] === 6 && (packet[flagsAt]! & fin) !== 0;
    return !isEnd || lost++ > 0;
  };
  const joined = new JoinedStacks(openEngine('epoll'), { passes });
  const { near, farStack } = joined;
  let accepted = -1;
  const nothing = (): void => {};
  const events = {
    ...{
      waited: nothing,
      received: nothing,
      sent: nothing,
      writable: nothing,
      readable: nothing,
      fetched: nothing,
      moved: nothing,
    },
    accepted: (_token: number, fd: number) => {
      accepted = fd;
    },
  };
  near.accept(1, near.listen(nearHost, 80, 8));
  const peer = joined.dial(80);
  for (let turns = 0; turns < 10 && accepted < 0; turns++) near.turn(0, events);
  assert.ok(accepted >= 0);
  near.closeSocket(accepted);
  near.flush();
  assert.equal(lost, 1);
  assert.equal(farStack.core.receive(peer), -Errno.EAGAIN);
  near.close();
  assert.equal(farStack.core.receive(peer), 0);
});
