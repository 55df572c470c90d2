// Handing links over to a process that ends: with sockets in the place of links, so that it can be tried anywhere.

import assert from 'node:assert/strict';
import { readSync } from 'node:fs';
import { test } from 'node:test';
import { setNonBlocking } from '../kernel/socket.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { detachAll, detachingWaits } from './detach.js';
import { Link } from './link.js';
import type { BpfProgram, ProgramType } from './program.js';

const skip = process.platform !== 'linux' && 'needs Linux';

/** A link in name only, and the other end, at which its last close is seen. */
function socketLink(type: ProgramType): { link: Link; far: number } {
  const [near, far] = unixStreamPair();
  setNonBlocking(far, false);
  return { link: new Link(near, { source: { name: 'x', type } } as BpfProgram), far };
}

const typeLists: readonly ProgramType[][] = [
  ['fentry', 'fexit', 'tp_btf', 'fexit'],
  ['fentry'],
  ['tp_btf', 'tp_btf'],
  [],
];

for (const waits of [true, false]) {
  for (const types of typeLists) {
    test(`${types.join(', ') || 'nothing'}: every copy is closed${waits ? ', by the process that was given it too' : ''}`, {
      skip,
    }, () => {
      const made = types.map(socketLink);
      detachAll(
        made.map(({ link }) => link),
        () => waits,
      );
      // The end of the file comes with the last close of the other side, whoever does it.
      for (const { far } of made) assert.equal(readSync(far, new Uint8Array(1)), 0);
    });
  }
}

test('only kernels whose trampolines have an ftrace_ops each are said to wait', () => {
  assert.equal(detachingWaits({ functionId: () => undefined }), true);
  assert.equal(detachingWaits({ functionId: (name) => (name === 'update_ftrace_direct_del' ? 7 : undefined) }), false);
});
