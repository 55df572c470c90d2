import assert from 'node:assert/strict';
import { test } from 'node:test';
import { avcColour, hevcColour } from './parameter-sets.js';

const of = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const withLength = (unit: Uint8Array) => [unit.length >> 8, unit.length & 255, ...unit];
const avcC = (set: Uint8Array) => Uint8Array.of(1, 100, 0, 11, 0xff, 0xe1, ...withLength(set), 1, 0, 1, 0x68);
const hvcC = (...sets: Uint8Array[]) => {
  const parameters = withLength(of('40010c01ffff'));
  return Uint8Array.of(
    ...[...new Uint8Array(22), 2, 0xa0, 0, 1, ...parameters, 0xa1, 0, sets.length],
    ...sets.flatMap(withLength),
  );
};

const pq = { primaries: 9, transfer: 16, matrix: 9, isFullRange: false };
const hlg = { primaries: 9, transfer: 18, matrix: 9, isFullRange: true };

test('sets that x264 and x265 wrote say what the encoder was told', () => {
  const avc = [
    ['676e000ba6cd9430ffbc05a848804a000003000200000300641e28532c', pq],
    // 4:4:4, JVT's matrices, interlaced, a shape of pixels, overscan.
    ['67f40015919b28611f8bc3adc244825000000300100000030321f1429960', hlg],
    ['674d400beca187fde02dc244825000000300100000030320f1429960', hlg],
    ['6742c00bd9030ffbc044000003000400000300c83c50a920', undefined],
  ] as const;
  for (const [set, colour] of avc) assert.deepEqual(avcColour(avcC(of(set))), colour, set);
  const hevc = [
    ['42010102200000030090000003000003001ea0182071f6d96566924caf016a12201208000003000800000300c840a2', pq],
    // Two layers of time, scaling lists, overscan.
    ['42010202200000030090000003000003001e0000a0182071f6d965662b349276bc07dc244824100000030010000003019080', hlg],
    ['42010101600000030090000003000003001ea0182071f796566924caf0168080000003008000000c84a2', undefined],
  ] as const;
  for (const [set, colour] of hevc) assert.deepEqual(hevcColour(hvcC(of(set))), colour, set);
});

/** Writes what the reader reads: fields of so many bits, and numbers of variable length. */
class BitWriter {
  #bits = '';

  put(count: number, value = 0): this {
    this.#bits += value.toString(2).padStart(count, '0');
    return this;
  }

  variable(...values: number[]): this {
    for (const value of values) {
      const bits = (value + 1).toString(2);
      this.#bits += '0'.repeat(bits.length - 1) + bits;
    }
    return this;
  }

  /** With the 3 that has to stand behind two zeros. */
  get bytes(): Uint8Array {
    const bits = `${this.#bits}1`.padEnd(Math.ceil((this.#bits.length + 1) / 8) * 8, '0');
    const bytes: number[] = [];
    for (let at = 0; at < bits.length; at += 8) {
      const byte = Number.parseInt(bits.slice(at, at + 8), 2);
      if (byte <= 3 && bytes.at(-1) === 0 && bytes.at(-2) === 0) bytes.push(3);
      bytes.push(byte);
    }
    return Uint8Array.from(bytes);
  }
}

/** Pixels of another shape, then 5 as the form of the picture, BT.2020 with HLG, full range. */
const usability = (bits: BitWriter) =>
  bits.put(1, 1).put(1, 1).put(8, 255).put(32, 0x40003).put(1).put(1, 1).put(4, 11).put(1, 1).put(24, 0x091209);

test('sets with all that may stand in front of the colours are read', () => {
  const avc = new BitWriter().put(8, 0x67).put(24, 0x7a0028).variable(0, 3).put(1).variable(2, 2).put(2, 1);
  // Lists that end at once, are as long as they can be, or are not there.
  for (let list = 0; list < 12; list++) {
    if (list % 3 === 0) avc.put(1);
    else if (list % 3 === 1) avc.put(1, 1).variable(16);
    else avc.put(1, 1).variable(...Array.from({ length: list < 6 ? 16 : 64 }, (_, at) => (at % 2 === 0 ? 3 : 4)));
  }
  avc.variable(4, 1).put(1).variable(1, 2, 3, 5, 6, 7).variable(4).put(1).variable(119, 67).put(2, 1).put(2, 3);
  avc.variable(1, 2, 3, 4);
  assert.deepEqual(avcColour(avcC(usability(avc).bytes)), hlg);

  const hevc = new BitWriter().put(16, 0x4201).put(4).put(3, 2).put(1, 1).put(96, 1).put(2, 3).put(2, 1).put(12);
  hevc.put(88, 1).put(8, 90).put(8, 93);
  hevc.variable(1, 3).put(1, 1).variable(1920, 1080).put(1, 1).variable(1, 2, 3, 4).variable(2, 2, 4);
  hevc.put(1, 1).variable(1, 2, 3, 4, 5, 6, 7, 8, 9).variable(0, 3, 0, 3, 2, 2).put(1, 1).put(1, 1);
  for (let size = 0; size < 4; size++) {
    for (let matrix = 0; matrix < (size === 3 ? 2 : 6); matrix++) {
      if (matrix % 2 === 0) hevc.put(1).variable(1);
      else hevc.put(1, 1).variable(...Array.from({ length: [16, 64, 65, 65][size]! }, (_, at) => at));
    }
  }
  hevc.put(2, 3).put(1, 1).put(8, 0x77).variable(0, 2).put(1, 1);
  // Three sets: two and one pictures; four of these three and itself, of which one is not kept; none of them.
  hevc.variable(3).variable(2, 1).variable(0).put(1, 1).variable(1).put(1).variable(3).put(1, 1);
  hevc.put(1, 1).put(1, 1).variable(0).put(1, 1).put(2, 1).put(2, 0).put(1, 1);
  hevc.put(1, 1).put(1).variable(2).put(8);
  hevc.put(1, 1).variable(2).put(9, 5).put(9, 7).put(2, 3);
  const set = usability(hevc).bytes;
  assert.deepEqual(hevcColour(hvcC(set)), hlg);
  // That of another layer in front is passed over.
  const other = Uint8Array.of(0x42, 0x09, ...set.subarray(2));
  assert.deepEqual(hevcColour(hvcC(other, set)), hlg);
  assert.equal(hevcColour(hvcC(other)), undefined);
  for (const [config, read] of [
    [hvcC(set), hevcColour],
    [avcC(usability(avc).bytes), avcColour],
  ] as const) {
    for (let length = 0; length < config.length - 8; length++)
      assert.equal(read(config.subarray(0, length)), undefined, `${length} bytes`);
  }
});

test('sets of lies say nothing', () => {
  for (const byte of [0, 0x55, 0xaa, 0xff]) {
    for (const length of [1, 3, 64, 1000]) {
      const set = new Uint8Array(length).fill(byte);
      // Chance may make colours of it, but no loop without an end.
      hevcColour(hvcC(Uint8Array.of(0x42, 1, ...set)));
      avcColour(avcC(set));
    }
  }
  assert.equal(avcColour(Uint8Array.of(1, 100, 0, 11, 0xff, 0xe0, 0, 3, 0x67, 100, 0)), undefined);
  assert.equal(hevcColour(new Uint8Array(23).fill(255)), undefined);
});
