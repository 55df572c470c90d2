import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, joined } from '../../../test/support/box-film.js';
import { editsOf, extendedLanguageOf, handlerOf, languageOf, nameOf, timesOf, trackHeaderOf } from './movie.js';

const viewOf = (payload: Uint8Array) => new DataView(payload.buffer, payload.byteOffset, payload.byteLength);

const packed = (code: string) => [...code].reduce((sum, letter) => sum * 32 + letter.charCodeAt(0) - 0x60, 0);

test('languages are tags of BCP 47: codes of both kinds, old Macintosh ones are not known', () => {
  const inMdhd = (value: number) => languageOf(viewOf(joined(bytes.u32(0, 0, 0, 1000, 0), bytes.u16(value, 0))));
  const pairs = [
    'eng en',
    'deu de',
    'ger de',
    'fre fr',
    'chi zh',
    'dut nl',
    'und und',
    'mul und',
    'zxx und',
    'gsw gsw',
  ];
  for (const [code, tag] of pairs.map((pair) => pair.split(' '))) {
    assert.equal(inMdhd(packed(code!)), tag, code);
  }
  for (const value of [0, 1, 138, 0x7fff]) assert.equal(inMdhd(value), 'und');
  const inElng = (text: string) => extendedLanguageOf(viewOf(joined(bytes.u32(0), text)));
  assert.equal(inElng('pt-br\0'), 'pt-BR');
  assert.equal(inElng('zh-hant'), 'zh-Hant');
  assert.equal(inElng('no such language'), 'und');
  assert.equal(inElng(''), 'und');
  assert.equal(extendedLanguageOf(viewOf(bytes.u8(0))), 'und');
});

test('names of tracks are told from what muxers write by themselves', () => {
  const named = (text: string) => handlerOf(viewOf(joined(bytes.u32(0, 0), 'soun', bytes.u32(0, 0, 0), text)))?.name;
  assert.equal(named("Director's comments\0"), "Director's comments");
  // QuickTime's names begin with their length.
  assert.equal(named('\u0005Flute'), 'Flute');
  for (const text of [
    'SoundHandler\0',
    'VideoHandler\0',
    'ISO Media file produced by Google Inc.\0',
    '\u0010Core Media Audio',
    '',
  ]) {
    assert.equal(named(text), '', text);
  }
  assert.equal(handlerOf(viewOf(bytes.u32(0, 0))), undefined);
  assert.equal(nameOf(viewOf(Buffer.from('line\nbreaks \u202eand marks\0rest'))), 'linebreaks and marks');
  assert.equal(nameOf(viewOf(Buffer.from('x'.repeat(5000)))).length, 100);
});

test('times, track headers and edits of both versions', () => {
  assert.deepEqual(timesOf(viewOf(bytes.u32(0, 0, 0, 90_000, 1234))), { timescale: 90_000, duration: 1234 });
  const long = joined(bytes.u32(0x01000000), bytes.u64(0, 0), bytes.u32(10_000_000), bytes.u64(2 ** 33));
  assert.deepEqual(timesOf(viewOf(long)), { timescale: 10_000_000, duration: 2 ** 33 });
  assert.equal(timesOf(viewOf(bytes.u32(0))), undefined);
  const turned = (...matrix: number[]) =>
    trackHeaderOf(
      viewOf(joined(bytes.u32(1, 0, 0, 7, 0, 0, 0, 0, 0, 0), bytes.u32(...matrix, 640 * 65_536, 360 * 65_536))),
    );
  const one = 0x10000;
  assert.equal(turned(one, 0, 0, 0, one, 0, 0, 0, 0x40000000)?.rotation, 0);
  assert.equal(turned(0, one, 0, -one, 0, 0, 0, 0, 0x40000000)?.rotation, 90);
  assert.equal(turned(-one, 0, 0, 0, -one, 0, 0, 0, 0x40000000)?.rotation, 180);
  assert.equal(turned(0, -one, 0, one, 0, 0, 0, 0, 0x40000000)?.rotation, 270);
  // Mirrored: upright, on its side, upside down.
  assert.equal(turned(-one, 0, 0, 0, one, 0, 0, 0, 0x40000000)?.rotation, 0);
  assert.equal(turned(0, one, 0, one, 0, 0, 0, 0, 0x40000000)?.rotation, 90);
  assert.equal(turned(0, -one, 0, -one, 0, 0, 0, 0, 0x40000000)?.rotation, 270);
  assert.equal(turned(one, 0, 0, 0, -one, 0, 0, 0, 0x40000000)?.rotation, 0);
  const empty = turned(0, 0, 0, 0, 0, 0, 0, 0, 0)!;
  assert.deepEqual([empty.id, empty.enabled, empty.width, empty.height], [7, true, 640, 360]);
  assert.equal(viewOf(empty.matrix).getUint32(0), one, 'a matrix of zeros shows nothing');
  const short = editsOf(viewOf(joined(bytes.u32(0, 2, 500, -1, one, 12_000, 1024, one))));
  assert.deepEqual(short, [
    { duration: 500, mediaTime: -1, rate: 1 },
    { duration: 12_000, mediaTime: 1024, rate: 1 },
  ]);
  const wide = joined(bytes.u32(0x01000000, 1), bytes.u64(2 ** 40, -1), bytes.u32(one));
  assert.deepEqual(editsOf(viewOf(wide)), [{ duration: 2 ** 40, mediaTime: -1, rate: 1 }]);
  // A delay may be of many entries.
  const many = Array.from({ length: 1000 }, () => bytes.u32(1, -1, one));
  assert.equal(editsOf(viewOf(joined(bytes.u32(0, 1000), ...many))).length, 1000);
  // A count that nothing stands behind.
  assert.equal(editsOf(viewOf(bytes.u32(0, 0xffffffff, 1, 2, one))).length, 1);
});
