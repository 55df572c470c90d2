import assert from 'node:assert/strict';
import { test } from 'node:test';
import { av1Configuration } from './av1-sequence.js';

const of = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const textOf = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString('hex');

/** Sequence headers that encoders wrote, with what `av1C` says of them. */
const headers = {
  '8 bits, 4:2:0': ['81000c00', '0a0a00000002aff79b5f2008'],
  '10 bits, 4:2:0, chroma between the lines': ['81004c00', '0a0a00000002aff79b5f2808'],
  '8 bits, PQ in BT.2020': ['81000c00', '0a0d00000002aff79b5f2212201208'],
  grey: ['81001c00', '0a0a00000002aff79b5f2540'],
  '8 bits, 4:4:4': ['81200000', '0a0a20000002aff79b5f2040'],
  RGB: ['81200000', '0a0d20000002aff79b5f2404340080'],
  '8 bits, 4:2:2': ['81400800', '0a0a40000002aff79b5f2020'],
  '10 bits, 4:2:2': ['81404800', '0a0a40000002aff79b5f2810'],
  '12 bits, 4:2:0': ['81406c00', '0a0a40000002aff79b5f2c61'],
  '12 bits, 4:4:4': ['81406000', '0a0a40000002aff79b5f2c08'],
  'a picture alone': ['81000c00', '0a0618157fbda008'],
} as const;

test('a sequence header says what av1C has, wherever it stands in a sample', () => {
  for (const [name, [fields, header]] of Object.entries(headers)) {
    // A delimiter in front, one with an extension and padding, and a frame behind.
    for (const front of ['', '1200', '1608 02abcd 7a03000000']) {
      assert.equal(textOf(av1Configuration(of(`${front}${header}320500000000ff`))), fields + header, name);
    }
  }
});

test('a sample without a whole sequence header says nothing', () => {
  for (const [, header] of Object.values(headers)) {
    for (let length = 0; length < header.length / 2; length++) {
      assert.equal(av1Configuration(of(`1200${header}`).subarray(0, 2 + length)), undefined);
    }
  }
  // No OBU, one without a size, sizes that lead nowhere, and a header of nothing.
  for (const text of [
    'ff',
    '08 00000000',
    '1200 3205',
    '0aff ffffffffffffffff',
    '7a80808080808080808080',
    '0a00',
    '0a0100',
  ])
    assert.equal(av1Configuration(of(text)), undefined, text);
});
