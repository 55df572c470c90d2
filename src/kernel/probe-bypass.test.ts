import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bypassProbes } from './probe-bypass.js';

test('a host that is not x86-64 has no guests, whatever /dev/kvm there offers', () => {
  const here = Object.getOwnPropertyDescriptor(process, 'arch')!;
  Object.defineProperty(process, 'arch', { ...here, value: 'arm64' });
  try {
    const { state, detail } = bypassProbes.find(({ id }) => id === 'kvm')!.examine();
    assert.deepEqual([state, detail], ['no', 'guests are for x86-64, and this host is arm64']);
  } finally {
    Object.defineProperty(process, 'arch', here);
  }
});
