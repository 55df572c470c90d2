import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createEventDescriptor } from '../kernel/event.js';
import { platformIsLinux, syscall3 } from '../kernel/ffi.js';
import { sys } from '../kernel/numbers.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Closings } from './closings.js';

const F_GETFD = 1;
const isOpen = (fd: number): boolean => syscall3(sys.fcntl, fd, F_GETFD) >= 0;

describe('sockets that are closed together', { skip: platformIsLinux ? false : 'needs Linux' }, () => {
  test('in whatever order they come: each is closed, and nothing beside and between them', () => {
    const closings = new Closings();
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat()), { minLength: 1, maxLength: 200 }), (plan) => {
        const all = plan.map(([goes, rank]) => ({ fd: createEventDescriptor(), goes, rank }));
        try {
          for (const { fd } of all.filter(({ goes }) => goes).sort((one, other) => one.rank - other.rank)) {
            closings.add(fd);
          }
          closings.run();
          for (const { fd, goes } of all) assert.equal(isOpen(fd), !goes, `${fd}`);
          // Said once.
          closings.run();
        } finally {
          for (const { fd } of all) if (isOpen(fd)) closeDescriptor(fd);
        }
      }),
      { numRuns: 50 },
    );
  });
});
