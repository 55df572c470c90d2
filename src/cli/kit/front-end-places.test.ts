import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chardevOf } from './front-end-places.js';

const options = (path: string): string => chardevOf({ kind: 'socket', path, mode: 0o660 })!.options;

test('the lines for QEMU: an id that it takes, and a path that neither it nor a shell cuts', () => {
  assert.equal(options('/run/disk.sock'), '-chardev socket,id=disk.sock,path=/run/disk.sock,reconnect=1');
  assert.equal(options('/run/1.sock'), '-chardev socket,id=cw-1.sock,path=/run/1.sock,reconnect=1');
  assert.equal(options('/run/a,b.sock'), '-chardev socket,id=a_b.sock,path=/run/a,,b.sock,reconnect=1');
  assert.equal(options("/run/it's 1/d.sock"), `-chardev 'socket,id=d.sock,path=/run/it'\\''s 1/d.sock,reconnect=1'`);
  assert.equal(
    chardevOf({ kind: 'connect', path: '/run/d.sock' })!.options,
    '-chardev socket,id=d.sock,path=/run/d.sock,server=on,wait=off',
  );
  assert.equal(chardevOf({ kind: 'fd', fd: 3 }), undefined);
});
