import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { layoutOf } from '../packing/layout.js';
import { driverVerdict, intelDescriptors, worstSegment } from './drivers.js';

const equal = (count: number, bytes: number) => layoutOf(new Array(count).fill(bytes));

test('i40e and ice: page-sized fragments pass, tiny ones are copied, exactly as __i40e_chk_linearize decides', () => {
  for (const nic of ['i40e', 'ice'] as const) {
    assert.equal(driverVerdict(nic, { fragments: equal(16, 4096), linearBytes: 66, gsoSize: 1448 }).copies, false);
    assert.equal(driverVerdict(nic, { fragments: equal(16, 200), linearBytes: 66, gsoSize: 1448 }).copies, true);
    // Six fragments must carry gso_size - 1 bytes: 242 x 6 = 1452 do, 241 x 6 = 1446 do not.
    assert.equal(driverVerdict(nic, { fragments: equal(16, 242), linearBytes: 66, gsoSize: 1448 }).copies, false);
    assert.equal(driverVerdict(nic, { fragments: equal(16, 241), linearBytes: 66, gsoSize: 1448 }).copies, true);
    // Fewer than seven fragments can never break the rule.
    assert.equal(driverVerdict(nic, { fragments: equal(6, 10), linearBytes: 66, gsoSize: 1448 }).copies, false);
    // Without TSO eight descriptors are the end of it.
    assert.equal(driverVerdict(nic, { fragments: equal(7, 100), linearBytes: 66, gsoSize: 0 }).copies, false);
    assert.equal(driverVerdict(nic, { fragments: equal(8, 100), linearBytes: 66, gsoSize: 0 }).copies, true);
  }
});

test('i40e: when the rule lets a chain of page-sized or smaller fragments pass, no packet needs more than eight descriptors', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 4096 }), { minLength: 1, maxLength: 17 }), (lengths) => {
      const fragments = layoutOf(lengths);
      const verdict = driverVerdict('i40e', { fragments, linearBytes: 66, gsoSize: 1448 });
      // The header takes one of the eight; the rule is allowed to be stricter than need be, never laxer.
      if (!verdict.copies) assert.ok(worstSegment(fragments, 1448, 16_383) <= 7);
    }),
    { numRuns: 2000 },
  );
});

test('i40e: a buffer of 16 KiB - 1 is one descriptor, larger ones are cut at 12 KiB', () => {
  assert.equal(intelDescriptors(16_383), 1);
  assert.equal(intelDescriptors(16_384), 2);
  assert.equal(intelDescriptors(32_768), 3);
});

test('gve: ten buffers a segment, and 16383 bytes a buffer', () => {
  assert.equal(driverVerdict('gve', { fragments: equal(17, 4096), linearBytes: 66, gsoSize: 1448 }).copies, false);
  assert.equal(driverVerdict('gve', { fragments: equal(17, 145), linearBytes: 66, gsoSize: 1448 }).copies, false);
  assert.equal(driverVerdict('gve', { fragments: equal(17, 120), linearBytes: 66, gsoSize: 1448 }).copies, true);
  assert.equal(driverVerdict('gve', { fragments: equal(10, 100), linearBytes: 66, gsoSize: 0 }).copies, true);
  assert.equal(driverVerdict('gve', { fragments: equal(9, 100), linearBytes: 66, gsoSize: 0 }).copies, false);
});

test('ena: nineteen buffers', () => {
  assert.equal(driverVerdict('ena', { fragments: equal(17, 4096), linearBytes: 66, gsoSize: 1448 }).copies, false);
  assert.equal(driverVerdict('ena', { fragments: equal(19, 100), linearBytes: 66, gsoSize: 1448 }).copies, false);
  assert.equal(driverVerdict('ena', { fragments: equal(19, 100), linearBytes: 128, gsoSize: 1448 }).copies, true);
  assert.equal(driverVerdict('ena', { fragments: equal(20, 100), linearBytes: 66, gsoSize: 1448 }).copies, true);
});

test('virtio-net and mlx5 carry what the stack makes, even with 45 fragments for mlx5', () => {
  assert.equal(driverVerdict('virtio-net', { fragments: equal(17, 1), linearBytes: 66, gsoSize: 1448 }).copies, false);
  assert.equal(driverVerdict('virtio-net', { fragments: equal(45, 1), linearBytes: 66, gsoSize: 1448 }).copies, true);
  assert.equal(driverVerdict('mlx5', { fragments: equal(45, 4096), linearBytes: 66, gsoSize: 1448 }).copies, false);
  assert.equal(driverVerdict('mlx5', { fragments: equal(64, 4096), linearBytes: 66, gsoSize: 1448 }).copies, true);
});

test('every verdict that copies says why and what to change', () => {
  for (const nic of ['i40e', 'ice', 'gve', 'ena', 'virtio-net', 'mlx5'] as const) {
    const verdict = driverVerdict(nic, { fragments: equal(80, 20), linearBytes: 66, gsoSize: 1448 });
    assert.equal(verdict.copies, true, nic);
    for (const text of [verdict.rule, verdict.source, verdict.why, verdict.avoid]) assert.ok(text.length > 3, nic);
  }
});
