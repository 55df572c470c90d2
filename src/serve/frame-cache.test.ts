// The frame cache's room: what was not used makes room, what is being sent stays, and where every frame of a size is being
// sent, a response of that size goes without and the others stay. What fills the frames is tested with the whole server.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type CachedResponse, FrameCache } from './frame-cache.js';

/** Keeps a response of so many bytes for an entry; undefined when there is no room. */
function keep(cache: FrameCache, entry: number, bytes: number): CachedResponse | undefined {
  const frame = cache.lease(bytes);
  if (frame < 0) return undefined;
  return cache.keep(frame, { entry, variant: 0, headBytes: 100, totalBytes: bytes, varies: false }, 20, 0);
}

test('where every frame of a size is being sent there is none; what another size keeps stays', () => {
  const cache = new FrameCache(6000, 1);
  const small = keep(cache, 1, 500)!;
  const sent: CachedResponse[] = [];
  for (let entry = 2; ; entry++) {
    const response = keep(cache, entry, 5900);
    if (response === undefined) break;
    sent.push(response.lendAsIs());
    assert.ok(entry < 10_000, 'there is no end of frames');
  }
  assert.equal(cache.of(1), small);
  sent[0]!.release(0);
  assert.ok(keep(cache, 20_000, 5900) !== undefined, 'the one that nobody sends makes room');
  assert.equal(cache.of(sent[0]!.entry), undefined);
  assert.equal(cache.of(sent[1]!.entry), sent[1]);
  cache.unmap();
});

test('a size that has no slab takes one whose responses nobody sends', () => {
  const cache = new FrameCache(6000, 1);
  for (let entry = 0; entry < 20_000; entry++) assert.ok(keep(cache, entry, 600) !== undefined);
  assert.ok(keep(cache, 20_000, 5000) !== undefined);
  cache.unmap();
});

test('a response that is replaced while it is sent keeps its bytes until it is released', () => {
  const cache = new FrameCache(2000, 1 << 20);
  const before = keep(cache, 7, 1500)!.lendAsIs();
  cache.region.bytes[before.frame + 200] = 42;
  const after = keep(cache, 7, 1500)!;
  assert.notEqual(after.frame, before.frame);
  assert.equal(cache.of(7), after);
  assert.equal(cache.leased, 2);
  before.release(0);
  assert.equal(cache.leased, 1);
  // Another second, while it is sent: a copy with its own date takes its place.
  const lent = after.lend(1);
  const fresh = after.lend(2);
  assert.notEqual(fresh, lent);
  assert.equal(cache.of(7), fresh);
  lent.release(0);
  fresh.release(0);
  cache.end(7);
  assert.equal(cache.leased, 0);
  assert.equal(cache.size, 0);
  cache.unmap();
});

test('whatever is kept, lent, released and ended: no frame is in two hands, and none is lost', () => {
  const step = fc.record({
    kind: fc.constantFrom('keep', 'lend', 'release', 'end', 'once'),
    entry: fc.integer({ min: 0, max: 40 }),
    bytes: fc.integer({ min: 200, max: 9000 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const cache = new FrameCache(9000, 256 * 1024);
      const lent: CachedResponse[] = [];
      const once: number[] = [];
      for (const { kind, entry, bytes } of steps) {
        if (kind === 'keep') keep(cache, entry, bytes);
        else if (kind === 'end') cache.end(entry);
        else if (kind === 'lend') {
          const response = cache.of(entry)?.lend(bytes % 3);
          if (response !== undefined) lent.push(response);
        } else if (kind === 'release') lent.pop()?.release(0);
        else {
          const frame = cache.lease(bytes);
          if (frame >= 0) once.push(frame);
        }
        const kept = Array.from({ length: 41 }, (_, index) => cache.of(index)).filter((each) => each !== undefined);
        const held = new Set([...kept, ...lent].map(({ frame }) => frame));
        for (const frame of once) assert.ok(!held.has(frame), `frame ${frame} is in two hands`);
        assert.equal(new Set(once).size, once.length);
        assert.equal(cache.leased, held.size + once.length);
        assert.equal(cache.size, kept.length);
      }
      for (const frame of once) cache.release(frame);
      for (const response of lent) response.release(0);
      for (let entry = 0; entry <= 40; entry++) cache.end(entry);
      assert.equal(cache.leased, 0);
      assert.equal(cache.leasedBytes, 0);
      cache.unmap();
    }),
    { numRuns: 60 },
  );
});

test('references that are full make room: what was not used lately goes, however old, what is used stays', () => {
  const cache = new FrameCache(2000, 1 << 20);
  const most = 10 * 160;
  const keepReferring = (entry: number, pieces: number): void => {
    assert.ok(cache.makeReferenceRoom(pieces * 16, most));
    const references = { places: new Float64Array(2 * pieces), bytes: pieces, source: 1, resource: {} };
    const facts = { entry, variant: 0, headBytes: 100, totalBytes: 200, varies: false, references };
    cache.keep(cache.lease(200), facts, 20, 0);
  };
  const message = keep(cache, 500, 300);
  for (let entry = 0; entry < 10; entry++) keepReferring(entry, 10);
  assert.equal(cache.referenceBytes, most);
  for (let entry = 10; entry < 200; entry++) {
    // One film that somebody always plays.
    cache.of(3)?.lendAsIs().release(0);
    keepReferring(entry, 10);
    assert.ok(cache.of(entry) !== undefined && cache.referenceBytes <= most);
    assert.ok(entry < 20 || cache.of(3) !== undefined || entry === 3);
  }
  assert.equal(cache.size, 11);
  assert.equal(cache.of(500), message, 'what has no references is not asked to make room for them');
  assert.equal(cache.makeReferenceRoom(most + 16, most), false);
  assert.equal(cache.size, 11, 'nothing goes for what has no room at all');
  cache.unmap();
});
