// Hosts that refuse io_uring, whole or in part, as seccomp profiles do: the loop takes epoll and works; who insists on
// io_uring is told why.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import type { SyscallName } from '../../src/kernel/numbers.js';
import { type RefusalErrno, runRefusing, uringCalls } from '../support/refuse.js';

const program = `
  import { openEngine } from ${JSON.stringify(new URL('../../src/transport/open-engine.js', import.meta.url).href)};
  import { Loop } from ${JSON.stringify(new URL('../../src/transport/loop.js', import.meta.url).href)};
  import { readdirSync } from 'node:fs';
  const open = () => readdirSync('/proc/self/fd').length;
  const loop = new Loop('auto');
  loop.attach();
  await new Promise((resolve) => loop.nextTurn(resolve));
  const before = open();
  let said = 'io_uring works';
  try {
    openEngine('uring').close();
  } catch (error) {
    said = error.name + ' ' + error.call + ' ' + error.code + (error.message.includes('epoll') ? ' use epoll' : '');
  }
  console.log(JSON.stringify({ auto: loop.engine.name, said, leaked: open() - before }));
  loop.close();
`;

function ask(calls: readonly SyscallName[], errno: RefusalErrno): unknown {
  const { stdout, stderr } = runRefusing(calls, process.execPath, ['--input-type=module', '-e', program], { errno });
  assert.equal(stderr, '');
  return JSON.parse(stdout);
}

describe('a host that refuses io_uring', { skip: platformIsLinux ? false : 'needs Linux' }, () => {
  for (const errno of ['EPERM', 'ENOSYS', 'EACCES'] as const) {
    test(`all of it, with ${errno}`, () => {
      assert.deepEqual(ask(uringCalls, errno), {
        auto: 'epoll',
        said: `SystemError io_uring_setup ${errno} use epoll`,
        leaked: 0,
      });
    });
  }

  for (const call of ['io_uring_enter', 'io_uring_register'] as const) {
    test(`${call} alone`, (t) => {
      const answer = ask([call], 'EPERM') as { said: string };
      // Where setup itself fails (a limit, an old kernel) there is nothing to see of the other calls.
      if (answer.said.includes('io_uring_setup')) t.skip(answer.said);
      else assert.deepEqual(answer, { auto: 'epoll', said: `SystemError ${call} EPERM`, leaked: 0 });
    });
  }
});
