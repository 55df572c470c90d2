import assert from 'node:assert/strict';
import { test } from 'node:test';
import { avc1, box, bytes, fullBox, joined, opus } from '../../../test/support/box-film.js';
import { childrenIn } from './boxes.js';
import { type ParsedEntry, parseSampleEntry } from './sample-entry.js';

const esds = fullBox('esds', 0, 0, Buffer.from('031900000004114015000000000000000000000005021190060102', 'hex'));

/** An audio entry in the form of QuickTime, with what its version adds and boxes behind. */
const quickTime = (format: string, version: number, more: Uint8Array, ...boxes: Uint8Array[]) =>
  box(
    format,
    bytes.u8(0, 0, 0, 0, 0, 0, 0, 1),
    bytes.u16(version, 0, 0, 0),
    version === 2 ? bytes.u16(3, 16, 0xfffe, 0) : bytes.u16(2, 16, 0, 0),
    version === 2 ? bytes.u32(0x10000) : bytes.u32(44_100 * 0x10000),
    more,
    ...boxes,
  );

const wave = box('wave', box('frma', 'mp4a'), box('mp4a', bytes.u32(0)), esds, bytes.u32(8, 0));

const parsed = (entry: Uint8Array, kind: 'video' | 'audio'): ParsedEntry => {
  const result = parseSampleEntry(entry, kind);
  assert.ok(!('refused' in result), 'refused' in result ? result.refused : '');
  return result;
};

const typesIn = (entry: Uint8Array, fixed: number): string[] => {
  const view = new DataView(entry.buffer, entry.byteOffset, entry.byteLength);
  assert.equal(view.getUint32(0), entry.length);
  return childrenIn(view, fixed, entry.length).map(({ type }) => type);
};

test('QuickTime’s audio entries, versions 0, 1 and 2, come out as ISO files have them', () => {
  const rate = Buffer.alloc(8);
  rate.writeDoubleBE(96_000);
  const second = joined(bytes.u32(72), rate, bytes.u32(2, 0x7f000000, 16, 0, 0, 1024));
  const cases: [Uint8Array, number][] = [
    [quickTime('mp4a', 0, Buffer.alloc(0), esds), 44_100],
    [quickTime('mp4a', 0, Buffer.alloc(0), wave), 44_100],
    [quickTime('mp4a', 1, bytes.u32(1024, 0, 0, 2), wave), 44_100],
    [quickTime('mp4a', 2, second, wave), 96_000],
    // ISO files with a version that they should not have: boxes follow at once.
    [quickTime('mp4a', 1, Buffer.alloc(0), esds), 44_100],
  ];
  for (const [entry, sampleRate] of cases) {
    const { box: made, strings, channels, sampleRate: stated } = parsed(entry, 'audio');
    assert.deepEqual(strings, { hls: 'mp4a.40.2', dash: 'mp4a.40.2' });
    assert.deepEqual(typesIn(made, 36), ['esds']);
    assert.equal(new DataView(made.buffer, made.byteOffset).getUint16(16), 0, 'version');
    assert.deepEqual([channels, stated], [2, sampleRate]);
    // What was made is read as what it was made of.
    assert.deepEqual(parsed(made, 'audio').box, made);
  }
});

test('ALAC passes as it is, with what its configuration says', () => {
  const config = fullBox(
    'alac',
    0,
    0,
    bytes.u32(4096),
    bytes.u8(0, 16, 40, 10, 14, 1, 0, 255),
    bytes.u32(0, 0, 44_100),
  );
  const { strings, channels, box: made } = parsed(quickTime('alac', 0, Buffer.alloc(0), config), 'audio');
  assert.deepEqual([strings.hls, channels, typesIn(made, 36)], ['alac', 1, ['alac']]);
});

test('FLAC and ALAC have the bits a sample of their configuration, whatever the entry says', () => {
  // STREAMINFO of 34 bytes: block and frame sizes, then rate (20 bits), channels less one (3), bits less one (5), samples.
  const flac = (channels: number, bits: number) =>
    fullBox(
      'dfLa',
      0,
      0,
      bytes.u8(0x80, 0, 0, 34),
      Buffer.alloc(10),
      bytes.u32(48_000 * 2 ** 12 + (channels - 1) * 2 ** 9 + (bits - 1) * 2 ** 4),
      Buffer.alloc(20),
    );
  const alac = (bits: number) =>
    fullBox('alac', 0, 0, bytes.u32(4096), bytes.u8(0, bits, 40, 10, 14, 2, 0, 255), Buffer.alloc(12));
  const shown = (format: string, config: Uint8Array) => {
    const { box: made, channels } = parsed(quickTime(format, 0, Buffer.alloc(0), config), 'audio');
    const view = new DataView(made.buffer, made.byteOffset);
    return [channels, view.getUint16(24), view.getUint16(26)];
  };
  for (const bits of [8, 16, 20, 24, 32]) {
    assert.deepEqual(shown('fLaC', flac(2, bits)), [2, 2, bits]);
    assert.deepEqual(shown('alac', alac(bits)), [2, 2, bits]);
  }
  // The entry says 2.
  assert.deepEqual(shown('fLaC', flac(6, 24)), [6, 6, 24]);
});

test('Opus says one rate and one number of channels, and its numbers the right way round', () => {
  const dops = (channels: number, ...numbers: Uint8Array[]) =>
    box('dOps', bytes.u8(0, channels), ...numbers, bytes.u8(channels > 2 ? 1 : 0, ...(channels > 2 ? [4, 2] : [])));
  const shown = (config: Uint8Array) => {
    const { box: made, channels } = parsed(quickTime('Opus', 0, Buffer.alloc(0), config), 'audio');
    const view = new DataView(made.buffer, made.byteOffset, made.byteLength);
    assert.deepEqual([view.getUint16(24), view.getUint32(32)], [channels, 48_000 * 0x10000]);
    return [channels, view.getUint16(46), view.getUint32(48), view.getInt16(52), made.length - 54];
  };
  const reversed = (numbers: Uint8Array) => Buffer.from(numbers).reverse();
  for (const rate of [0, 8000, 44_100, 48_000, 192_000]) {
    const numbers = dops(2, bytes.u16(312), bytes.u32(rate), bytes.u16(-256));
    assert.deepEqual(shown(numbers), [2, 312, 48_000, -256, 1], `${rate}`);
    if (rate === 0) continue;
    const other = dops(2, reversed(bytes.u16(312)), reversed(bytes.u32(rate)), reversed(bytes.u16(-256)));
    assert.deepEqual(shown(other), [2, 312, 48_000, -256, 1], `${rate}, the other way round`);
  }
  // The entry says 2.
  assert.deepEqual(shown(dops(6, bytes.u16(312), bytes.u32(48_000), bytes.u16(0))), [6, 312, 48_000, 0, 3]);
});

test('what only QuickTime knows is left out of video entries, colour and shape of pixels are kept', () => {
  const colour = box('colr', 'nclx', bytes.u16(9, 16, 9), bytes.u8(0));
  const long = joined(
    avc1,
    box('fiel', bytes.u8(1, 0)),
    box('gama', bytes.u32(1)),
    box('pasp', bytes.u32(4, 3)),
    colour,
  );
  long.writeUInt32BE(long.length, 0);
  const { box: made, videoRange, width, height, pixelShape } = parsed(long, 'video');
  assert.deepEqual(pixelShape, { width: 4, height: 3 });
  assert.deepEqual(typesIn(made, 86), ['avcC', 'pasp', 'colr']);
  assert.deepEqual([videoRange, width, height], ['PQ', 640, 360]);
});

test('colour is what is stated by numbers, wherever that stands; a profile’s bytes are no numbers', () => {
  const numbers = (kind: string, transfer: number) => box('colr', kind, bytes.u16(9, transfer, 9), bytes.u8(0));
  // A profile of 16 bytes: where numbers would have 16 it says how long it is.
  const profile = box('colr', 'prof', bytes.u32(16), 'profile data');
  const configuration = (transfer: number) => fullBox('vpcC', 1, 0, bytes.u8(2, 31, 0xa2, 9, transfer, 9, 0, 0));
  const shown = (format: string, ...boxes: Uint8Array[]) => {
    const entry = joined(avc1.subarray(0, 86), ...(format === 'avc1' ? [avc1.subarray(86)] : []), ...boxes);
    entry.writeUInt32BE(entry.length, 0);
    entry.write(format, 4, 'latin1');
    return parsed(entry, 'video');
  };
  const cases: [Uint8Array[], string][] = [
    [[profile], 'SDR'],
    [[profile, numbers('nclx', 16)], 'PQ'],
    [[numbers('nclx', 18), profile], 'HLG'],
    [[numbers('nclc', 18)], 'HLG'],
    [[numbers('rICC', 16)], 'SDR'],
    [[numbers('nclx', 1)], 'SDR'],
    [[box('colr', 'nclx')], 'SDR'],
  ];
  for (const [boxes, range] of cases) assert.equal(shown('avc1', ...boxes).videoRange, range);
  // Dolby Vision has it in its own, where nothing else says it: profile 5 is PQ alone, others are what their base layer is.
  const dolby = (profile: number, compatible: number) =>
    box('dvvC', bytes.u8(1, 0, profile << 1, 0x2d, compatible << 4));
  assert.equal(shown('avc1', dolby(5, 0)).videoRange, 'PQ');
  assert.equal(shown('avc1', dolby(8, 1), numbers('nclx', 2)).videoRange, 'PQ');
  assert.equal(shown('avc1', dolby(8, 4)).videoRange, 'HLG');
  assert.equal(shown('avc1', dolby(8, 2)).videoRange, 'SDR');
  assert.equal(shown('avc1', dolby(7, 6)).videoRange, 'PQ');
  assert.deepEqual(
    [10, 20, 9].map((profile) => shown('avc1', dolby(profile, 0)).videoRange),
    ['PQ', 'PQ', 'SDR'],
  );
  assert.equal(shown('avc1', dolby(8, 1), numbers('nclx', 18)).videoRange, 'HLG');
  // VP9 has it in its configuration; `colr` comes first.
  assert.equal(shown('vp09', configuration(16)).videoRange, 'PQ');
  assert.equal(shown('vp09', configuration(16), numbers('nclx', 1)).videoRange, 'SDR');
  const av1 = box('av1C', bytes.u8(0x81, 0x0d, 0x4c, 0));
  assert.equal(shown('av01', av1, profile, numbers('nclx', 16)).strings.hls, 'av01.0.13M.10.0.110.09.16.09.0');
  // The stream itself says it to those who have no numbers, and comes behind them.
  const pq = box('av1C', Buffer.from('81004c000a0d00000003b5feb36be542440241', 'hex'));
  const ofStream = shown('av01', pq, numbers('nclx', 2));
  assert.deepEqual([ofStream.videoRange, ofStream.strings.hls], ['PQ', 'av01.0.00M.10.0.110.09.16.09.0']);
  assert.equal(shown('av01', pq, numbers('nclx', 18)).videoRange, 'HLG');
  const hlg = '42010202200000030090000003000003001e0000a0182071f6d965662b349276bc07dc24482410000003001000000301908';
  const hvcC = `0102200000009000000000001ef000fcfdfafa00000f01a100010032${hlg}0`;
  assert.equal(shown('hvc1', box('hvcC', Buffer.from(hvcC, 'hex'))).videoRange, 'HLG');
  assert.equal(shown('hvc1', box('hvcC', Buffer.from(hvcC, 'hex')), numbers('nclx', 1)).videoRange, 'SDR');
  const avcC = '016e000bffe1001d676e000ba6cd9430ffbc05a848804a000003000200000300641e28532c01000668ebe3cb22c0fdfafa00';
  assert.equal(shown('avc3', box('avcC', Buffer.from(avcC, 'hex'))).videoRange, 'PQ');
  for (const [width, height] of [
    [0, 0],
    [1, 0],
  ] as const) {
    assert.equal(shown('avc1', box('pasp', bytes.u32(width, height))).pixelShape, undefined);
  }
});

test('encrypted entries are known by their name or by what is in them', () => {
  const named = Buffer.from(avc1);
  named.write('encv', 4, 'latin1');
  const held = joined(opus, box('sinf', box('frma', 'Opus')));
  held.writeUInt32BE(held.length, 0);
  for (const [entry, kind] of [
    [named, 'video'],
    [held, 'audio'],
  ] as const) {
    const result = parseSampleEntry(entry, kind);
    assert.ok('refused' in result && result.encrypted);
  }
});

test('an entry that is cut short anywhere is refused, or is damaged, or is what is left of it', () => {
  for (const [entry, kind] of [
    [avc1, 'video'],
    [opus, 'audio'],
    [quickTime('mp4a', 2, Buffer.alloc(36), wave), 'audio'],
  ] as const) {
    for (let length = 8; length < entry.length; length++) {
      try {
        parseSampleEntry(entry.subarray(0, length), kind);
      } catch (error) {
        assert.equal((error as Error).name, 'BoxError', `${length} bytes: ${String(error)}`);
      }
    }
  }
});
