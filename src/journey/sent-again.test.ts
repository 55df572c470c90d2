import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sentAgain } from './sent-again.js';
import { stamp } from './support.test.js';

const at = { namespace: 1, interfaceIndex: 2 };
const packet = (start: number, end: number, device = at) => stamp('driver', 0, { start, end, ...device });
const numbers = (packets: ReturnType<typeof packet>[]): number[] => {
  const again = sentAgain(packets);
  return packets.flatMap((each, index) => (again.has(each) ? [index] : []));
};

test('bytes that a device had before make a packet one that is sent again', () => {
  assert.deepEqual(numbers([]), []);
  assert.deepEqual(numbers([packet(0, 10), packet(10, 20), packet(20, 25)]), []);
  assert.deepEqual(numbers([packet(0, 10), packet(10, 20), packet(10, 20), packet(20, 25)]), [2]);
  assert.deepEqual(numbers([packet(0, 10), packet(10, 20), packet(5, 12), packet(19, 30)]), [2, 3]);
});

test('a packet that overtook another is none, and each device has its own', () => {
  assert.deepEqual(numbers([packet(0, 10), packet(20, 30), packet(10, 20), packet(30, 40)]), []);
  assert.deepEqual(numbers([packet(0, 10), packet(0, 10, { ...at, interfaceIndex: 3 })]), []);
  assert.deepEqual(numbers([packet(0, 10), packet(0, 10, { ...at, namespace: 3 })]), []);
});

test('it is what looking at each byte finds, wherever the sequence numbers wrap', () => {
  const packets = fc.array(fc.tuple(fc.nat(40), fc.nat(12)), { maxLength: 30 });
  fc.assert(
    fc.property(packets, fc.constantFrom(0, 0xffff_fff0, 0x7fff_fff0, 1000), (given, base) => {
      const had = new Set<number>();
      const expected = given.flatMap(([from, bytes], index) => {
        const its = Array.from({ length: bytes }, (_, k) => from + k);
        const isKnown = its.some((byte) => had.has(byte));
        for (const byte of its) had.add(byte);
        return isKnown ? [index] : [];
      });
      const made = given.map(([from, bytes]) => packet((base + from) >>> 0, (base + from + bytes) >>> 0));
      assert.deepEqual(numbers(made), expected);
    }),
  );
});
