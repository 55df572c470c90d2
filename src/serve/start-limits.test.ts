import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAddressSpace } from './start-limits.js';

test('workers that do not fit the address space are refused in a sentence that says how many do', () => {
  const gibibyte = 1024 ** 3;
  checkAddressSpace(8);
  checkAddressSpace(2, 2 * gibibyte);
  assert.throws(() => checkAddressSpace(8, 2 * gibibyte), {
    message:
      'the limit on address space leaves 2048 MiB, and 8 workers take 6400 MiB; ' +
      'lift it with ulimit -v unlimited or LimitAS=infinity in the systemd unit, or take --workers 2',
  });
  assert.throws(() => checkAddressSpace(1, -5), /leaves 0 MiB, and a worker takes 800 MiB; [^,]*$/);
});
