import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Badness, BadWire } from './bad-wire.js';

const packets = 20_000;

/** Packets with their numbers in them, over a wire; what came out: number, and the byte that was flipped. */
function over(badness: Badness): { wire: BadWire; came: { number: number; flipAt: number; mask: number }[] } {
  const came: { number: number; flipAt: number; mask: number }[] = [];
  const wire = new BadWire(badness, (packet, flipAt, mask) => {
    came.push({ number: new DataView(packet.buffer, packet.byteOffset).getUint32(20), flipAt, mask });
  });
  for (let number = 0; number < packets; number++) {
    const packet = new Uint8Array(60);
    packet[12] = 8;
    new DataView(packet.buffer).setUint32(20, number);
    wire.pass(packet, 0);
  }
  wire.release(1000);
  return { wire, came };
}

const near = (count: number, share: number): void => {
  assert.ok(Math.abs(count - packets * share) < packets * share * 0.2, `${count} of ${packets}, not ${share}`);
};

test('a good wire changes nothing', () => {
  const { came } = over({});
  assert.deepEqual(
    came,
    Array.from({ length: packets }, (_, number) => ({ number, flipAt: -1, mask: 0 })),
  );
});

test('as many as it says are lost, come twice, late, with a flipped bit; the same seed, the same', () => {
  near(packets - over({ loss: 0.05 }).came.length, 0.05);
  near(over({ duplicate: 0.05 }).came.length - packets, 0.05);
  const { came, wire } = over({ reorder: 0.1 });
  assert.equal(new Set(came.map(({ number }) => number)).size, packets);
  near(wire.counts.reordered, 0.1);
  // Held back for at most 8 others, of which some wait too.
  assert.ok(came.every(({ number }, at) => Math.abs(number - at) < 20));
  assert.ok(came.filter(({ number }, at) => number !== at).length > packets * 0.1);
  const flipped = over({ corrupt: 0.05 }).came.filter(({ flipAt }) => flipAt >= 0);
  near(flipped.length, 0.05);
  assert.ok(flipped.every(({ flipAt, mask }) => flipAt >= 14 && flipAt < 60 && (mask & (mask - 1)) === 0 && mask > 0));
  const everything = { loss: 0.02, duplicate: 0.02, reorder: 0.02, corrupt: 0.02 };
  assert.deepEqual(over({ ...everything, seed: 5 }).came, over({ ...everything, seed: 5 }).came);
  assert.notDeepEqual(over({ ...everything, seed: 5 }).came, over({ ...everything, seed: 7 }).came);
});

test('what is held back leaves when nothing follows, and never more than there is room for', () => {
  const came: number[] = [];
  const wire = new BadWire({ reorder: 1 }, (packet) => came.push(packet.length));
  const packet = new Uint8Array(60);
  packet[12] = 8;
  wire.pass(packet, 0);
  wire.release(1);
  assert.deepEqual([came.length, wire.isHolding], [0, true]);
  wire.release(3);
  assert.deepEqual([came.length, wire.isHolding], [1, false]);
  for (let count = 0; count < 1000; count++) wire.pass(packet, 4);
  wire.release(7);
  assert.deepEqual([came.length, wire.isHolding], [1001, false]);
});

test('ARP passes untouched', () => {
  const came: number[] = [];
  const wire = new BadWire({ loss: 1 }, (packet) => came.push(packet.length));
  const packet = new Uint8Array(60);
  packet[12] = 8;
  packet[13] = 6;
  wire.pass(packet, 0);
  packet[13] = 0;
  wire.pass(packet, 0);
  assert.equal(came.length, 1);
});
