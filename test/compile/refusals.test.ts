// Modules that are not compiled: each with a sentence that names what it is; and modules that were spoilt, which are refused or are right by V8's judgement too.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { dataTable } from '../../src/compile/data-table.js';
import { nameOf } from '../../src/compile/opcodes.js';
import { compileModule } from '../../src/compile/program.js';
import { repeated } from '../support/long.js';
import { Dice } from './dice.js';
import { i32, T, u32, type WrittenFunction, writeModule } from './module-writer.js';
import { randomProgram } from './random-programs.js';

const image = (name: string): Uint8Array => readFileSync(new URL(`../../core/images/${name}.wasm`, import.meta.url));

const withBody = (body: readonly number[], more: Partial<WrittenFunction> = {}): Uint8Array =>
  writeModule({ functions: [{ takes: [], gives: undefined, locals: [], body, ...more }] });

test('what is not of the subset is refused by its name', () => {
  const cases: readonly (readonly [RegExp, Uint8Array])[] = [
    [/no WebAssembly module/, Buffer.from('#!/bin/sh\n')],
    [/ends too early/, Uint8Array.of(0, 0x61)],
    [/f32\.add is not compiled/, withBody([0x92])],
    [/memory\.grow is not compiled/, withBody([...i32(1), 0x40, 0, 0x1a])],
    [/vectors/, withBody([0xfd, 12])],
    [/atomic/, withBody([0xfe, 0x10, 2, 0])],
    [/memory\.init is not compiled/, withBody([0xfc, 8, 0, 0])],
    [/return_call is not compiled/, withBody([0x12, 0])],
    [/ref\.null|0xd0 is not compiled/, withBody([0xd0, 0x70, 0x1a])],
    [/f64\.min is not compiled/, withBody([0xa4])],
    [/type f32/, withBody([], { locals: [0x7d as 0x7c] })],
    [/no value for it/, withBody([0x6a])],
    [/another type/, withBody([0x42, 0, 0x45, 0x1a])],
    [/no block 3/, withBody([0x0c, 3])],
    [/no variable 9/, withBody([0x20, 9, 0x1a])],
    [/no function 77/, withBody([0x10, 77])],
    [/no global 5/, withBody([0x23, 5, 0x1a])],
    [/no table/, withBody([...i32(0), 0x11, 0, 0])],
    [/values are left/, withBody(i32(1))],
    [/aligned to more/, withBody([...i32(0), 0x28, 5, 0, 0x1a])],
    [/more than 500 blocks/, withBody([...new Array(600).fill([0x02, T.none]).flat(), ...new Array(600).fill(0x0b)])],
    [/more variables|most/, withBody([], { locals: new Array(5000).fill(T.i32) })],
    [/exported takes more than 6/, withBody([], { takes: new Array(7).fill(T.i32), name: 'f' })],
  ];
  for (const [words, bytes] of cases)
    assert.throws(
      () => compileModule(bytes),
      (error: Error) => error.name === 'CompileError' && words.test(error.message) && !error.message.includes('\n'),
      `${words}`,
    );
  assert.equal(nameOf(0x11), 'call_indirect');
  assert.equal(nameOf(0xfc0a), 'memory.copy');
  assert.equal(nameOf(0xc4), 'i64.extend32_s');
});

test('a spoilt module is refused, or is right by the judgement of V8 as well', () => {
  let [taken, refused] = [0, 0];
  for (let seed = 1; seed <= repeated(10); seed++) {
    const { bytes } = randomProgram(seed);
    const dice = new Dice(seed);
    for (let round = 0; round < 20; round++) {
      const spoilt = Uint8Array.from(bytes);
      for (let changes = 1 + dice.below(3); changes > 0; changes--)
        spoilt[8 + dice.below(spoilt.length - 8)] = dice.below(256);
      const whole = dice.below(10) === 0 ? spoilt.subarray(0, dice.below(spoilt.length)) : spoilt;
      try {
        compileModule(whole);
      } catch (error) {
        assert.equal((error as Error).name, 'CompileError', `seed ${seed}, round ${round}: ${(error as Error).stack}`);
        refused++;
        continue;
      }
      assert.ok(WebAssembly.validate(whole), `seed ${seed}, round ${round}: V8 takes it for wrong`);
      taken++;
    }
  }
  assert.ok(taken > 5 && refused > 50, `${taken} taken, ${refused} refused`);
});

test('the same module gives the same code', () => {
  const bytes = image('probe');
  assert.deepEqual(compileModule(bytes).code, compileModule(bytes).code);
  assert.equal(u32(300).length, 2);
});

test('what memory begins with is in a table, without its zeros', () => {
  const dice = new Dice(7);
  const data = [0x10_0000, 0x10_0003, 0x10_0200, 0x13_0000, 0x10_0001].map((address) => ({
    address,
    bytes: Uint8Array.from({ length: 1 + dice.below(90_000) }, () => (dice.below(6) === 0 ? dice.below(256) : 0)),
  }));
  const words = ['maxmemory', 'maxclients', 'timeout'].map((word, index) => ({
    address: 0x18_0000 + index * 64,
    bytes: new Uint8Array(Buffer.from(`\0\0${word} is a word`, 'utf16le')),
  }));
  const bare = dataTable({ data }).length;
  data.push(...words);
  const [wanted, found] = [new Uint8Array(0x20_0000), new Uint8Array(0x20_0000)];
  for (const { address, bytes } of data) wanted.set(bytes, address);
  const table = dataTable({ data });
  // Letters of the first as one byte each, of the others what is new.
  assert.ok(table.length - bare < 60, `${table.length - bare} bytes`);
  const view = new DataView(table.buffer);
  let at = view.getUint32(0, true);
  for (let piece = 4; ; ) {
    const kind = table[piece]! & 3;
    let many = table[piece++]! >> 2;
    if (many === 0) {
      many = view.getUint16(piece, true);
      piece += 2;
      if (many === 0) break;
    }
    if (kind === 3) {
      const back = view.getUint16(piece, true);
      piece += 2;
      for (let index = 0; index < many; index++) found[at + index] = found[at + index - back]!;
    } else if (kind !== 0) {
      for (let index = 0; index < many; index++) found[at + index * kind] = table[piece++]!;
    }
    at += kind === 2 ? many * 2 : many;
  }
  assert.ok(Buffer.from(wanted).equals(found));
  assert.equal(dataTable({ data: [] }).length, 7);
});
