import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createEventDescriptor, signalEvent, takeEventCount } from '../kernel/event.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Loop } from './loop.js';
import { RestTimer } from './rest-timer.js';

test('what was told of a timer before it was closed, and comes after it, leaves its number alone', {
  skip: platformIsLinux ? false : 'needs Linux',
}, () => {
  const loop = new Loop('epoll');
  let dues = 0;
  const timer = new RestTimer(loop, () => dues++);
  timer.close();
  const others = [];
  do others.push(createEventDescriptor());
  while (others.at(-1) !== timer.fd && others.length < 64);
  assert.equal(others.at(-1), timer.fd, 'the number is used again');
  signalEvent(timer.fd);
  timer.readable(1, true);
  assert.equal(takeEventCount(timer.fd), 1);
  assert.equal(dues, 0);
  for (const fd of others) closeDescriptor(fd);
  loop.close();
});
