// The assembler: labels, arguments, kernel fields, and what it refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matchSnapshot } from '../../test/snapshot.js';
import { Assembler, AssemblyError, fp, named, r0, r1, r2, r3, r6, stack } from './assembler.js';
import type { Field } from './btf-field.js';
import { decode } from './instructions.js';
import { replayTypes } from './type-record.js';

const field = (part: Partial<Field>): Field => ({
  offset: 0,
  size: 4,
  bitShift: 0,
  bitSize: 0,
  signed: false,
  typeId: 1,
  ...part,
});
const types = replayTypes({
  'field sk_buff len': field({ offset: 112 }),
  'field sk_buff pkt_type': field({ offset: 128, size: 1, bitShift: 2, bitSize: 3 }),
  'field bits signed': field({ offset: 8, size: 2, bitShift: 4, bitSize: 5, signed: true }),
  'field sock err': field({ offset: 300, signed: true }),
  'field sk_buff cb': field({ offset: 40, size: 48 }),
  'enumValue ITER_UBUF': 5,
  'enumValue GONE': null,
  'functionId bpf_rdonly_cast': 4242,
  'functionId absent': null,
  'struct skb_shared_info': 77,
});

test('a program of every kind of instruction is listed as committed', () => {
  const skb = named(r6, 'skb');
  const assembly = new Assembler(types)
    .move(skb, r1)
    .loadField(r2, skb, 'sk_buff', 'len')
    .loadField(r3, skb, 'sk_buff', 'pkt_type')
    .loadField(r3, skb, 'bits', 'signed')
    .loadField(r3, skb, 'sock', 'err')
    .fieldAddress(r3, skb, 'sk_buff', 'cb')
    .moveEnum(r2, 'ITER_UBUF')
    .store(8, fp, -8, r2)
    .call('map_lookup_elem', { map: { map: 'accounts' }, key: stack(-8) })
    .jumpIf(r0, '==', 0, 'out')
    .increase(r0, 16, 1, r1)
    .loadMapValue(r1, 'settings', 24)
    .castReadOnly(r6, r1, 'skb_shared_info')
    .callLocal('part', 7, r6)
    .label('out')
    .exit(0)
    .label('part')
    .alu('arsh', r1, 3)
    .move(r0, r1)
    .exit()
    .assemble();
  matchSnapshot('src/bpf/snapshots/assembler.snap', assembly.listing());
  assert.deepEqual(
    assembly.maps.map(({ map }) => map),
    ['accounts', 'settings'],
  );
  assert.equal(assembly.labelBefore(assembly.instructions.length - 1), 'part');
});

test('bitfields and signed fields come out as C would give them', () => {
  const run = (path: [string, string], stored: bigint): bigint => {
    const program = new Assembler(types).loadField(r0, r1, ...path).assemble();
    const [load, ...shifts] = decode(program.bytes());
    let value = BigInt.asUintN(64, stored);
    assert.ok(load);
    for (const { opcode, immediate } of shifts) {
      if ((opcode & 0xf0) === 0x60) value = BigInt.asUintN(64, value << BigInt(immediate));
      else if ((opcode & 0xf0) === 0x70) value >>= BigInt(immediate);
      else value = BigInt.asUintN(64, BigInt.asIntN(64, value) >> BigInt(immediate));
    }
    return BigInt.asIntN(64, value);
  };
  assert.equal(run(['sk_buff', 'pkt_type'], 0b111_010_11n), 0b010n);
  assert.equal(run(['bits', 'signed'], 0b1000_11111_0000n), -1n);
  assert.equal(run(['bits', 'signed'], 0b0000_01111_0000n), 15n);
  assert.equal(run(['sock', 'err'], 0xffff_fffbn), -5n);
});

test('what cannot be meant is refused when it is written', () => {
  const refused = (build: () => unknown, words: RegExp) =>
    assert.throws(build, (error: unknown) => error instanceof AssemblyError && words.test(error.message));
  refused(() => new Assembler().jump('nowhere').assemble(), /no label "nowhere"/);
  refused(() => new Assembler().label('twice').exit().label('twice'), /stands twice/);
  refused(() => new Assembler().exit().label('late').assemble(), /after the last instruction/);
  refused(() => new Assembler().move(r1, 2 ** 33), /does not fit 32 bits/);
  refused(() => new Assembler().load(4, r0, r1, 40000), /does not fit 16 bits/);
  refused(() => new Assembler().call('skb_load_bytes', { skb: r6, offset: r1, to: 0, length: 0 }), /overwritten/);
  refused(() => new Assembler(types).loadField(r0, r1, 'sk_buff', 'cb'), /48 bytes/);
  refused(() => new Assembler(types).moveEnum(r0, 'GONE'), /no enumerator GONE/);
  refused(() => new Assembler(types).callKernel('absent'), /no function absent/);
  refused(() => new Assembler().loadField(r0, r1, 'sk_buff', 'len'), /has none/);
});
