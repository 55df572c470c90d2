import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { refusing, refusingImpossible, runRefusing, uringCalls } from './refuse.js';

const skip = refusingImpossible();
const ffi = fileURLToPath(new URL('../../src/kernel/ffi.js', import.meta.url));
const numbers = fileURLToPath(new URL('../../src/kernel/numbers.js', import.meta.url));

/** A program that makes calls and prints what they gave. */
const asking = (...calls: string[]) => [
  '--input-type=module',
  '-e',
  `import { syscall3 } from ${JSON.stringify(ffi)};
   import { sys } from ${JSON.stringify(numbers)};
   console.log(JSON.stringify([${calls.map((name) => `syscall3(sys.${name}, 0)`).join(', ')}]));`,
];

test('the calls named fail with the errno named, and no other does', { skip }, () => {
  for (const [errno, value] of [
    ['EPERM', -1],
    ['ENOSYS', -38],
    ['EACCES', -13],
  ] as const) {
    const done = runRefusing(uringCalls, process.execPath, asking(...uringCalls, 'getuid'), { errno });
    assert.equal(done.stderr, '');
    assert.deepEqual(JSON.parse(done.stdout), [value, value, value, process.getuid?.()]);
  }
});

test('the last and the first of a long list are both refused', { skip }, () => {
  const calls = ['getuid', 'statfs', 'tee', 'kcmp', 'geteuid'] as const;
  const done = runRefusing(calls, process.execPath, asking('getuid', 'geteuid', 'getpid'));
  const [first, last, other] = JSON.parse(done.stdout) as number[];
  assert.equal(first, -1);
  assert.equal(last, -1);
  assert.ok(other! > 0);
});

test('children inherit the filter, and the exit status, the environment and stdin are those of the command', {
  skip,
}, () => {
  const script = 'read line; grep Seccomp: /proc/self/status; echo "$line $MARK"; exit 7';
  const done = runRefusing(['kcmp'], 'sh', ['-c', script], {
    input: 'hello\n',
    env: { ...process.env, MARK: 'marked' },
  });
  assert.equal(done.stdout, 'Seccomp:\t2\nhello marked\n');
  assert.equal(done.status, 7);
});

test('SIGPIPE ends a command as it would without the launcher', { skip }, () => {
  const { command, args } = refusing(['kcmp'], 'sh', ['-c', 'kill -PIPE $$; echo survived']);
  const done = runRefusing(['kcmp'], command, args);
  assert.equal(done.stdout, '');
  assert.equal(done.signal, 'SIGPIPE');
});

test('a command that is not there is said', { skip }, () => {
  const done = runRefusing(['kcmp'], 'no-such-program');
  assert.notEqual(done.status, 0);
  assert.match(done.stderr, /there is no program no-such-program in PATH/);
});
