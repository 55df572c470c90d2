// Encoding against RFC 9669's own examples and by round trip.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Assembler, fp, r0, r1, r2, r3 } from './assembler.js';
import { decode, encode } from './instructions.js';

const hex = (assembler: Assembler) => Buffer.from(assembler.assemble().bytes().buffer).toString('hex');

test('instructions encode as RFC 9669 lays them out', () => {
  const cases: [string, Assembler, string][] = [
    ['add32 immediate', new Assembler().alu32('add', r1, 5), '0401000005000000'],
    ['mov64 register', new Assembler().move(r1, r2), 'bf21000000000000'],
    ['mov32 immediate', new Assembler().move32(r3, -1), 'b4030000ffffffff'],
    ['negate', new Assembler().negate(r1), '8701000000000000'],
    ['to big endian 16', new Assembler().networkOrder(r2, 16), 'dc02000010000000'],
    ['load byte', new Assembler().load(1, r0, r1, 4), '7110040000000000'],
    ['load half', new Assembler().load(2, r0, r1, 4), '6910040000000000'],
    ['load word', new Assembler().load(4, r0, r1, 4), '6110040000000000'],
    ['load double', new Assembler().load(8, r0, r1, -4), '7910fcff00000000'],
    ['store immediate', new Assembler().store(8, fp, -8, 7), '7a0af8ff07000000'],
    ['store register', new Assembler().store(4, fp, -8, r1), '631af8ff00000000'],
    ['atomic add', new Assembler().atomic('add', 8, r1, 0, r2), 'db21000000000000'],
    ['atomic fetch add', new Assembler().atomic('add', 8, r1, 0, r2, true), 'db21000001000000'],
    ['compare and exchange', new Assembler().atomic('compareExchange', 4, r1, 8, r2), 'c3210800f1000000'],
    ['64-bit immediate', new Assembler().moveWide(r1, 0x1122334455667788n), '18010000887766550000000044332211'],
    ['helper call', new Assembler().call('ktime_get_ns', {}), '8500000005000000'],
    ['exit', new Assembler().exit(), '9500000000000000'],
  ];
  for (const [name, assembler, expected] of cases) assert.equal(hex(assembler), expected, name);
});

test('jumps count instructions from the one after them', () => {
  const forward = new Assembler().jumpIf(r1, 's>', -3, 'end').move(r0, 1).label('end').exit();
  assert.equal(hex(forward), '65010100fdffffff' + 'b700000001000000' + '9500000000000000');
  const back = new Assembler().label('top').jumpIf32(r1, '!=', r2, 'top').exit();
  assert.equal(hex(back), '5e21ffff00000000' + '9500000000000000');
});

test('decode is the inverse of encode', () => {
  const instruction = fc
    .tuple(
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 15 }),
      fc.integer({ min: 0, max: 15 }),
      fc.integer({ min: -32768, max: 32767 }),
      fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
    )
    .map(([opcode, destination, source, offset, immediate]) => ({ opcode, destination, source, offset, immediate }));
  fc.assert(
    fc.property(fc.array(instruction, { maxLength: 40 }), (program) => {
      assert.deepEqual(decode(encode(program)), program);
    }),
  );
  assert.throws(() => decode(new Uint8Array(9)), RangeError);
});
