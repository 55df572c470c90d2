import assert from 'node:assert/strict';
import { test } from 'node:test';
import { copyReasonNames } from '../memory/copy.js';
import { type CauseName, causeNames, causes } from '../meter/accounts/causes.js';
import { flowOf, places } from './flow.js';
import type { Moved } from './frame.js';

const moved = (part: Partial<Moved>): Moved => ({
  ...{ sent: null, received: null, copied: null, byReference: null, userCopied: null, server: null, counters: {} },
  amplification: { sent: null, received: null, total: null },
  ...part,
});

test('every cause that moves bytes is a band, a copy or a reference as the table of causes says; no other is', () => {
  for (const name of causeNames) {
    const { movement } = causes[name];
    const { sending, receiving } = flowOf(moved({ counters: { [name]: 5 } as Partial<Record<CauseName, number>> }));
    const bands = [...sending, ...receiving];
    const isMovement = !['payload', 'event', 'label'].includes(movement);
    assert.equal(bands.length, isMovement ? 1 : 0, name);
    if (!isMovement) continue;
    assert.equal(bands[0]!.kind, movement === 'by-reference' ? 'reference' : 'copy', name);
    assert.equal(bands[0]!.bytes, 5);
    const side = causes[name].side;
    if (side !== undefined) assert.equal(sending.length > 0, side === 'sent', name);
  }
});

test('sending goes from the source to the wire, receiving back', () => {
  const all = Object.fromEntries(causeNames.map((name) => [name, 1]));
  const { sending, receiving } = flowOf(moved({ counters: all, sent: 9, received: 8 }));
  for (const { from, to } of sending) assert.ok(places[from].column < places[to].column);
  for (const { from, to } of receiving) assert.ok(places[from].column > places[to].column);
  assert.equal(sending.find(({ id }) => id === 'out')!.bytes, 9);
  assert.equal(receiving.find(({ id }) => id === 'in')!.bytes, 8);
});

test('every copy in user space is a band, and without a meter the ways of bodies stand for the kernel', () => {
  const copies = Object.fromEntries(copyReasonNames.map((reason) => [reason, 3]));
  const ways = { none: 0, inline: 10, sendfile: 100, gather: 1 };
  const { sending } = flowOf(moved({ server: { requests: 1, connections: 1, ways, copies } }));
  for (const reason of copyReasonNames) {
    const band = sending.find(({ id }) => id === reason)!;
    assert.deepEqual([band.to, band.kind, band.bytes], ['memory', 'copy', 3], reason);
    assert.notEqual(band.words, `user space: ${reason}`, `${reason} has no words`);
  }
  assert.equal(sending.find(({ id }) => id === 'way-sendfile')!.bytes, 100);
  assert.equal(sending.find(({ id }) => id === 'way-send')!.bytes, 11);
});
