import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Ends, icmpEcho, internet, tcp, udp } from '../../../test/support/net-packets.js';
import { HalfMadeChecksum } from './half-made.js';

const macs = { fromMac: '02:00:00:00:00:09', toMac: '02:00:00:00:00:01' };
const ends4: Ends = { ...macs, from: '10.0.0.9', to: '10.0.0.1', fromPort: 5000, toPort: 80 };
const ends6: Ends = { ...ends4, from: `fd${'0'.repeat(29)}9`, to: `fd${'0'.repeat(29)}1` };
const segment = { sequence: 1, acknowledge: 2, flags: 16 };
const payload = Uint8Array.from({ length: 101 }, (_, at) => at * 7);

/** Looks at a packet at an odd place of larger memory. */
function find(packet: Uint8Array): readonly [start: number, offset: number] | false {
  const bytes = new Uint8Array(4096).fill(0xa5);
  bytes.set(packet, 301);
  const found = new HalfMadeChecksum();
  return found.find(bytes, 301, packet.length) && [found.start, found.offset];
}

test('a checksum that is half made is found: TCP and UDP, IPv4 and IPv6, behind tags', () => {
  assert.deepEqual(find(tcp(ends4, segment, payload, true)), [34, 16]);
  assert.deepEqual(find(udp(ends4, payload, true)), [34, 6]);
  assert.deepEqual(find(tcp(ends6, segment, payload, true)), [54, 16]);
  assert.deepEqual(find(udp(ends6, payload, true)), [54, 6]);
  assert.deepEqual(find(tcp(ends4, segment, payload, true, 1)), [38, 16]);
  assert.deepEqual(find(tcp(ends6, segment, payload, true, 2)), [62, 16]);
  // Bytes behind the packet that only fill the frame up are none of it.
  assert.deepEqual(find(Buffer.concat([udp(ends4, new Uint8Array(2), true), Buffer.alloc(16, 9)])), [34, 6]);
});

test('behind options of IPv4 and headers of IPv6 that do not change where it goes', () => {
  const plain = udp(ends4, payload, true);
  const longer = Buffer.concat([plain.subarray(0, 34), Buffer.alloc(8, 1), plain.subarray(34)]);
  longer[14] = 0x47;
  longer.writeUInt16BE(longer.readUInt16BE(16) + 8, 16);
  assert.deepEqual(find(longer), [42, 6]);
  const inner = udp(ends6, payload, true).subarray(54);
  const hop = Buffer.from([17, 0, 1, 4, 0, 0, 0, 0]);
  assert.deepEqual(find(internet(ends6, 0, Buffer.concat([hop, inner]))), [62, 6]);
  const routing = Buffer.from([17, 0, 4, 0, 0, 0, 0, 0]);
  assert.equal(find(internet(ends6, 43, Buffer.concat([routing, inner]))), false);
});

test('what is made, is no such packet, or is cut short, is not', () => {
  assert.equal(find(tcp(ends4, segment, payload)), false);
  assert.equal(find(udp(ends6, payload)), false);
  assert.equal(find(icmpEcho(ends4, payload)), false);
  const fragment = udp(ends4, payload, true);
  fragment.writeUInt16BE(0x2000, 20);
  assert.equal(find(fragment), false);
  for (const packet of [tcp(ends4, segment, payload, true, 1), udp(ends6, payload, true)])
    for (let length = 14; length < packet.length; length++) assert.equal(find(packet.subarray(0, length)), false);
  const lying = udp(ends4, payload, true);
  lying.writeUInt16BE(65_535, 16);
  assert.equal(find(lying), false);
});
