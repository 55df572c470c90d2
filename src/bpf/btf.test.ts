// Kernel types: a small blob made by hand with every shape that matters, and the running kernel's own.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Btf } from './btf.js';
import { BtfFormatError, BtfKind } from './btf-format.js';
import { MissingTypeError } from './refusals.js';

/** Writes BTF from rows of words; names are put in the string section and their offsets in the rows. */
function blob(rows: (number | string)[][], stringsBefore = 0): Uint8Array {
  let strings = '\0';
  const offset = (name: string) => {
    if (name === '') return 0;
    const at = strings.indexOf(`\0${name}\0`);
    if (at !== -1) return stringsBefore + at + 1;
    strings += `${name}\0`;
    return stringsBefore + strings.length - name.length - 1;
  };
  const words = rows.flat().map((each) => (typeof each === 'string' ? offset(each) : each >>> 0));
  const bytes = new Uint8Array(24 + words.length * 4 + strings.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0xeb9f, true);
  [24, 0, words.length * 4, words.length * 4, strings.length].forEach((word, index) => {
    view.setUint32(4 + index * 4, word, true);
  });
  words.forEach((word, index) => {
    view.setUint32(24 + index * 4, word, true);
  });
  for (let index = 0; index < strings.length; index++) bytes[24 + words.length * 4 + index] = strings.charCodeAt(index);
  return bytes;
}

const info = (kind: number, members = 0, flag = 0) => ((flag << 31) | (kind << 24) | members) >>> 0;
const base = [
  ['int', info(BtfKind.int), 4, (1 << 24) | 32], // 1
  ['unsigned char', info(BtfKind.int), 1, 8], // 2
  ['', info(BtfKind.union, 2), 8, 'left', 1, 0, 'right', 2, 0], // 3
  ['', info(BtfKind.array), 0, 2, 1, 12], // 4: unsigned char[12]
  ['inner', info(BtfKind.struct, 1), 8, 'deep', 1, 32], // 5
  // 6: bitfields (kind flag set: sizes in the top byte), an anonymous union, a named struct, an array, a pointer
  [
    ...['outer', info(BtfKind.struct, 6, 1), 48],
    ...['flag', 2, (1 << 24) | 5],
    ...['wide', 1, (12 << 24) | 10],
    ...['', 3, 64],
    ...['nested', 5, 128],
    ...['bytes', 4, 192],
    ...['next', 7, 320],
  ],
  ['', info(BtfKind.pointer), 6], // 7
  ['', info(BtfKind.prototype, 2), 1, 'first', 7, 'second', 1], // 8
  ['act', info(BtfKind.function, 1), 8], // 9
  ['colour', info(BtfKind.enum, 2, 1), 4, 'RED', -1, 'BLUE', 7], // 10
  ['far', info(BtfKind.enum64, 1), 8, 'BEYOND', 5, 2], // 11
  ['', info(BtfKind.const), 6], // 12
  ['alias', info(BtfKind.typedef), 12], // 13
];

test('fields, nested, anonymous, in arrays and of bits', () => {
  const types = Btf.parse(blob(base));
  assert.equal(types.typeCount, 14);
  assert.equal(types.structSize('outer'), 48);
  const place = (path: string) => {
    const { offset, size, bitShift, bitSize, signed } = types.field('outer', path);
    return [offset, size, bitShift, bitSize, signed];
  };
  assert.deepEqual(place('flag'), [0, 1, 5, 1, false]);
  assert.deepEqual(place('wide'), [0, 4, 10, 12, true]);
  assert.deepEqual(place('left'), [8, 4, 0, 0, true]);
  assert.deepEqual(place('right'), [8, 1, 0, 0, false]);
  assert.deepEqual(place('nested.deep'), [20, 4, 0, 0, true]);
  assert.deepEqual(place('bytes'), [24, 12, 0, 0, false]);
  assert.deepEqual(place('bytes[3]'), [27, 1, 0, 0, false]);
  assert.deepEqual(place('next'), [40, 8, 0, 0, false]);
  assert.throws(() => place('absent'), MissingTypeError);
  assert.throws(() => types.field('nothing', 'x'), MissingTypeError);
  assert.equal(types.hasField('outer', 'nested.deep'), true);
  assert.equal(types.hasField('outer', 'nested.shallow'), false);
});

test('enum values, prototypes and descriptions', () => {
  const types = Btf.parse(blob(base));
  assert.equal(types.enumValue('RED'), -1);
  assert.equal(types.enumValue('BLUE', 'colour'), 7);
  assert.equal(types.enumValue('BLUE', 'far'), undefined);
  assert.equal(types.enumValue('BEYOND'), 2 * 2 ** 32 + 5);
  assert.equal(types.enumValue('GREEN'), undefined);
  const prototype = types.prototype('act');
  assert.deepEqual(
    prototype?.parameters.map(({ name, type }) => `${type} ${name}`),
    ['struct outer * first', 'int second'],
  );
  assert.equal(types.describe(12), 'const struct outer');
  assert.equal(types.strip(13), 6);
  assert.equal(types.size(13), 48);
  assert.equal(types.describe(4), 'unsigned char[12]');
});

test('the split BTF of a module continues ids and strings of the kernel', () => {
  const bytes = blob(base);
  const kernel = Btf.parse(bytes);
  const stringsBytes = new DataView(bytes.buffer).getUint32(20, true);
  const rows = [
    ['mine', info(BtfKind.struct, 2), 16, 'peer', 7, 0, 'count', 1, 64],
    ['probe', info(BtfKind.function, 1), 8],
  ];
  const types = Btf.parse(blob(rows, stringsBytes), 'veth', kernel);
  assert.equal(types.typeCount, 16);
  assert.equal(types.struct('mine'), 14);
  assert.equal(types.field('mine', 'count').offset, 8);
  assert.equal(types.functionId('probe'), 15);
  assert.equal(types.prototype('probe')?.parameters[0]?.type, 'struct outer *');
  assert.equal(types.field('outer', 'nested.deep').offset, 20);
  assert.equal(kernel.functionId('probe'), undefined);
});

test('bytes that are no BTF are named, whatever they are', () => {
  assert.throws(() => Btf.parse(new Uint8Array(100)), BtfFormatError);
  const cut = blob(base);
  assert.throws(() => Btf.parse(cut.subarray(0, 60)), BtfFormatError);
  const strange = blob([['x', info(25), 4]]);
  assert.throws(() => Btf.parse(strange), BtfFormatError);
});

const noBtf = !Btf.available() && 'this kernel publishes no BTF (/sys/kernel/btf/vmlinux)';

test('the running kernel: what its ABI fixes is found where it is', { skip: noBtf }, () => {
  const types = Btf.kernel();
  types.field('sk_buff', 'len');
  types.prototype('tcp_sendmsg_locked');
  assert.equal(types.structSize('iphdr'), 20);
  assert.equal(types.field('iphdr', 'saddr').offset, 12);
  assert.equal(types.field('sockaddr_in', 'sin_port').offset, 2);
  const dataOffset = types.field('tcphdr', 'doff');
  assert.deepEqual([dataOffset.offset, dataOffset.bitShift, dataOffset.bitSize], [12, 4, 4]);
  assert.equal(types.enumValue('BPF_MAP_TYPE_RINGBUF'), 27);
  assert.equal(types.prototype('tcp_sendmsg_locked')?.parameters.length, 3);
  assert.equal(types.tracepoint('netif_receive_skb')?.parameters[0]?.type, 'struct sk_buff *');
  assert.equal(types.prototype('no_such_function'), undefined);
});
