import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from './errno.js';
import { platformIsLinux, syscall3 } from './ffi.js';
import { check, SystemError } from './system-error.js';

test('a failed system call comes back as -errno, and check() names it', {
  skip: !platformIsLinux && 'needs Linux',
}, () => {
  const closeNumber = process.arch === 'x64' ? 3 : 57;
  const result = syscall3(closeNumber, -1);
  assert.equal(result, -Errno.EBADF);
  assert.throws(
    () => check(result, 'close', 'descriptor -1', 'open it first'),
    (error: unknown) =>
      error instanceof SystemError &&
      error.code === 'EBADF' &&
      error.call === 'close' &&
      error.message === 'close descriptor -1: bad file descriptor (EBADF); open it first',
  );
});
