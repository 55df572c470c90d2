import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from './errno.js';
import { openLibrary, platformIsLinux, syscall3 } from './ffi.js';
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

test('a library is found by the first name that is there, and none is no error', {
  skip: !platformIsLinux && 'needs Linux',
}, () => {
  assert.equal(openLibrary(['libclearway-is-not-there.so.9']), undefined);
  const maths = openLibrary(['libm.so.9999', 'libm.so.6']);
  assert.ok(maths !== undefined);
  assert.equal(maths.name, 'libm.so.6');
  assert.equal(maths.bind('int abs(int value)')(-3), 3);
  assert.equal(maths.text('a_variable_that_is_not_there'), undefined);
});
