import assert from 'node:assert/strict';
import { test } from 'node:test';
import { av1String, avcString, dolbyVisionString, hevcString, mp4aString, vp9String } from './codec-string.js';

const hls = (strings: { hls: string } | undefined) => strings?.hls;
const of = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));

test('strings of video are those that the codecs’ specifications write', () => {
  assert.equal(hls(avcString('avc1', of('01 64 00 1f ff'))), 'avc1.64001f');
  assert.equal(hls(avcString('avc3', of('01 42 c0 0a ff'))), 'avc3.42c00a');
  // Main, and the example of ISO 14496-15 annex E for Main 10 in the high tier.
  assert.equal(hls(hevcString('hvc1', of('01 01 60000000 b00000000000 5d'))), 'hvc1.1.6.L93.B0');
  assert.equal(hls(hevcString('hev1', of('01 22 20000000 900000000000 99'))), 'hev1.2.4.H153.90');
  assert.equal(hls(hevcString('hvc1', of('01 41 80000000 000000000000 78'))), 'hvc1.A1.1.L120');
  assert.equal(hls(hevcString('hvc1', of('01 04 08000000 9d0800000000 96'))), 'hvc1.4.10.L150.9D.8');
  assert.equal(hls(av1String(of('81 05 0c 00'))), 'av01.0.05M.08');
  assert.equal(hls(av1String(of('81 0d cc 00'))), 'av01.0.13H.10');
  // 4:4:4, one colour alone, chroma between the lines: what the short form would say otherwise.
  assert.equal(hls(av1String(of('81 50 60 00'))), 'av01.2.16M.12.0.000.01.01.01.0');
  assert.equal(hls(av1String(of('81 05 1c 00'))), 'av01.0.05M.08.1.110.01.01.01.0');
  assert.equal(hls(av1String(of('81 05 0e 00'))), 'av01.0.05M.08.0.112.01.01.01.0');
  const bt2020 = { primaries: 9, transfer: 16, matrix: 9, isFullRange: false };
  assert.equal(hls(av1String(of('81 0d 4c 00'), bt2020)), 'av01.0.13M.10.0.110.09.16.09.0');
  // Nothing is said.
  const unknown = { primaries: 2, transfer: 2, matrix: 2, isFullRange: false };
  assert.equal(hls(av1String(of('81 05 0c 00'), unknown)), 'av01.0.05M.08');

  // Nothing but its version is said, and colours by numbers that are none.
  const none = { primaries: 0, transfer: 0, matrix: 0, isFullRange: false };
  assert.equal(hls(av1String(of('81 00 00 00'), none)), 'av01.0.00M.08');
  assert.equal(
    hls(av1String(of('81 25 00 00'), { ...none, primaries: 1, transfer: 13 })),
    'av01.1.05M.08.0.000.01.13.00.0',
  );

  assert.equal(hls(vp9String(of('01000000 00 1f 80 02 02 02 0000'), 99)), 'vp09.00.31.08');
  assert.equal(hls(vp9String(of('01000000 02 33 a2 09 10 09 0000'), 99)), 'vp09.02.51.10');
  // There is no level 0.
  const needed = (width: number, height: number) =>
    hls(vp9String(of('01000000 00 00 80 02 02 02 0000'), width * height));
  assert.equal(needed(320, 180), 'vp09.00.11.08');
  assert.equal(needed(1280, 720), 'vp09.00.31.08');
  assert.equal(needed(1920, 1080), 'vp09.00.41.08');
  assert.equal(needed(3840, 2160), 'vp09.00.51.08');
  assert.equal(needed(7680, 4320), 'vp09.00.61.08');
  assert.equal(dolbyVisionString('dvh1', of('01 00 10 4d 10')), 'dvh1.08.09');
  assert.equal(dolbyVisionString('dvhe', of('01 00 0b 0d 00')), 'dvhe.05.33');
});

/** `esds` behind version and flags: descriptors with lengths of four bytes, as ffmpeg and Apple write them. */
const esds = (objectType: string, specific: string) => {
  const long = (bytes: string) => `808080${(bytes.length / 2).toString(16).padStart(2, '0')}${bytes}`;
  const config = `${objectType}15${'00'.repeat(11)}${specific === '' ? '' : `05${long(specific)}`}`;
  return of(`03${long(`000000${`04${long(config)}`}06${long('02')}`)}`);
};

test('strings of mp4a are of the object that the descriptor names', () => {
  assert.equal(hls(mp4aString(esds('40', '1190'))), 'mp4a.40.2');
  // HE-AAC and its second version, said explicitly; and a type beyond 31 (xHE-AAC is 42).
  assert.equal(hls(mp4aString(esds('40', '2b118800'))), 'mp4a.40.5');
  assert.equal(hls(mp4aString(esds('40', 'eb118800'))), 'mp4a.40.29');
  assert.equal(hls(mp4aString(esds('40', 'f94600'))), 'mp4a.40.42');
  assert.equal(hls(mp4aString(esds('40', ''))), 'mp4a.40.2');
  assert.equal(hls(mp4aString(esds('67', '1190'))), 'mp4a.67');
  assert.deepEqual(mp4aString(esds('6b', '')), { hls: 'mp4a.40.34', dash: 'mp4a.6B' });
  assert.deepEqual(mp4aString(esds('69', '')), { hls: 'mp4a.40.34', dash: 'mp4a.69' });
  assert.equal(mp4aString(esds('a9', '')), undefined);
});

test('a configuration that is cut short gives no string', () => {
  for (let length = 0; length < 3; length++) {
    const bytes = new Uint8Array(length);
    for (const string of [avcString('avc1', bytes), hevcString('hvc1', bytes), av1String(bytes), vp9String(bytes, 1)]) {
      assert.equal(string, undefined);
    }
    assert.equal(dolbyVisionString('dvh1', bytes), undefined);
  }
  const whole = esds('40', '1190');
  for (let length = 0; length < whole.length; length++) mp4aString(whole.subarray(0, length));
});
