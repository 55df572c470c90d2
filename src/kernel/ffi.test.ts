import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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

test('a library that did not load says why each time, also where a bundler hands out what is left of it', {
  skip: !platformIsLinux && 'needs Linux',
}, () => {
  const program = `
    import Module from 'node:module';
    const load = Module._load;
    let asked = 0;
    Module._load = (name, ...rest) => {
      if (name !== 'koffi') return load(name, ...rest);
      if (asked++ === 0) throw new Error('there is no native part');
      return {};
    };
    const { bind } = await import(${JSON.stringify(new URL('ffi.js', import.meta.url).href)});
    const { createPageServer, page } = await import(${JSON.stringify(new URL('../pages/index.js', import.meta.url).href)});
    for (const use of [bind, bind, () => createPageServer({ routes: { '/': page('x') } })])
      try {
        use('int abs(int value)');
      } catch ({ code, message }) {
        console.log(code, message);
      }`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(stderr, '');
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, 3);
  assert.match(
    lines[0]!,
    /^CLEARWAY_UNSUPPORTED the FFI library koffi did not load: there is no native part; install it/,
  );
  assert.equal(lines[1], lines[0]);
  assert.match(
    lines[2]!,
    /^CLEARWAY_UNSUPPORTED a page server needs the FFI library koffi, which did not load; answer with/,
  );
});
