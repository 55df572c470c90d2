import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import fc from 'fast-check';
import { cpuMs } from '../../../test/support/cpu-time.js';
import { repeated } from '../../../test/support/long.js';
import { maxSubtitleBytes, readSubtitle, SubtitleRefusal } from './read-subtitle.js';
import type { Cue } from './subtitle.js';
import { wholeWebVtt } from './write-webvtt.js';

const read = (text: string, format: 'vtt' | 'srt' = 'vtt') => readSubtitle(Buffer.from(text), format);
const texts = (text: string, format: 'vtt' | 'srt' = 'vtt') => read(text, format).cues.map((cue) => cue.text);
const vtt = (...lines: string[]) => ['WEBVTT', '', ...lines, ''].join('\n');

test('W10: a mark of byte order, CRLF, CR alone and no empty line at the end are read', () => {
  const plain = vtt('00:01.000 --> 00:02.000', 'one', 'two', '', '00:03.000 --> 00:04.000', 'three');
  for (const text of [
    plain,
    `\ufeff${plain}`,
    plain.replaceAll('\n', '\r\n'),
    plain.replaceAll('\n', '\r'),
    plain.trimEnd(),
  ]) {
    assert.deepEqual(texts(text), ['one\ntwo', 'three']);
  }
});

test('W11: times with and without hours, with points and commas, with few digits', () => {
  const text = [
    '1',
    '1:00:01,5 --> 1:00:02.25',
    'a',
    '',
    '00:03.000-->00:04.000',
    'b',
    '',
    '100:00:00.000 --> 100:00:01.000',
    'c',
  ];
  assert.deepEqual(
    read(text.join('\n'), 'srt').cues.map(({ startMs, endMs }) => [startMs, endMs]),
    [
      [3000, 4000],
      [3_601_500, 3_602_250],
      [360_000_000, 360_001_000],
    ],
  );
});

test('W12: Latin letters of Windows where it is no UTF-8, and UTF-16 behind its mark', () => {
  const latin = Buffer.from('1\n00:00:01,000 --> 00:00:02,000\nf\xfcr \x80\n', 'latin1');
  assert.equal(readSubtitle(latin, 'srt').cues[0]!.text, 'für €');
  const wide = Buffer.from('\ufeff1\r\n00:00:01,000 --> 00:00:02,000\r\nfür\r\n', 'utf16le');
  assert.equal(readSubtitle(wide, 'srt').cues[0]!.text, 'für');
  assert.equal(readSubtitle(Buffer.from(wide).swap16(), 'srt').cues[0]!.text, 'für');
});

test('W13: SubRip: numbers go, italics stay, fonts and ASS codes go, what looks like a tag or an entity is text', () => {
  const text = [
    '1',
    '00:00:01,000 --> 00:00:02,000 X1:1 X2:2',
    '{\\an8}<I>Hi</I> <font color="#ff0000">you</font>',
    '<3 & R&B &amp; --> a<b>c</b>',
  ];
  const { cues } = read(text.join('\n'), 'srt');
  assert.equal(cues[0]!.text, '<i>Hi</i> you\n&lt;3 &amp; R&amp;B &amp; --&gt; a<b>c</b>');
  assert.equal(cues[0]!.settings, '');
});

test('W13: SubRip without the empty line between two cues', () => {
  const text = ['1', '00:00:01,000 --> 00:00:02,000', 'one', '2', '00:00:03,000 --> 00:00:04,000', '1984', 'three'];
  assert.deepEqual(texts(text.join('\n'), 'srt'), ['one', '1984\nthree']);
});

test('W14: WebVTT: the cues’ text and settings stay, notes and names go, styles and regions are kept', () => {
  const text = vtt(
    'NOTE a remark',
    'of two lines',
    '',
    'STYLE',
    '::cue { color: papayawhip }',
    '',
    'REGION',
    'id:fred',
    '',
    'intro',
    '00:01.000 --> 00:02.000 line:0 align:start region:fred nonsense x:y',
    '<v Fred>Hi, <c.loud>you</c> &amp; all',
  );
  const { blocks, cues } = read(text);
  assert.deepEqual(blocks, ['STYLE\n::cue { color: papayawhip }', 'REGION\nid:fred']);
  assert.equal(cues[0]!.settings, 'line:0 align:start region:fred');
  assert.equal(cues[0]!.text, '<v Fred>Hi, <c.loud>you</c> &amp; all');
});

test('W15: SubRip named .vtt is read as what it is, and WebVTT named .srt', () => {
  assert.deepEqual(texts('1\n00:00:01,000 --> 00:00:02,000\na<b', 'vtt'), ['a&lt;b']);
  assert.deepEqual(texts(vtt('00:01.000 --> 00:02.000', '<c>a</c>'), 'srt'), ['<c>a</c>']);
});

test('W16: cues that end before they begin, or say nothing, are left out, and the rest is in the order of time', () => {
  const text = vtt(
    '00:05.000 --> 00:06.000',
    'late',
    '',
    '00:02.000 --> 00:01.000',
    'back',
    '',
    '00:01.000 --> 00:02.000',
    '   ',
    '',
    '00:01.000 --> 00:02.000',
    'early',
  );
  assert.deepEqual(texts(text), ['early', 'late']);
});

test('W17: control characters and ends of lines that only some readers know do not get through', () => {
  assert.deepEqual(texts(vtt('00:01.000 --> 00:02.000', 'a\u0000b\u001bc\u2028d\u0085e')), ['abc de']);
});

test('W18: bounds: bytes, cues, length of a cue; a file without cues is refused with a sentence', () => {
  assert.throws(() => readSubtitle(new Uint8Array(maxSubtitleBytes + 1), 'vtt'), SubtitleRefusal);
  assert.throws(() => read('WEBVTT\n'), /^SubtitleRefusal: has no cue that can be read as WebVTT$/);
  assert.throws(() => read('', 'srt'), /^SubtitleRefusal: has no cue that can be read as SubRip$/);
  const many = `WEBVTT\n\n${'00:01.000 --> 00:02.000\na\n\n'.repeat(20_001)}`;
  assert.throws(() => read(many), /^SubtitleRefusal: has more than 20000 cues$/);
  const long = texts(vtt('00:01.000 --> 00:02.000', ...Array.from({ length: 1000 }, () => 'x'.repeat(100))));
  assert.ok(long[0]!.length <= 16 * 1024);
});

test('W18: long lines of what nearly is a time or a tag take no longer than others', () => {
  const before = cpuMs();
  const nearly = [
    '0'.repeat(1e6),
    `${'1:'.repeat(5e5)}-->`,
    '<font '.repeat(2e5),
    `00:01.000 -->${' '.repeat(1e6)}x`,
    '{\\'.repeat(5e5),
  ];
  const text = ['1', '00:00:01,000 --> 00:00:02,000', ...nearly].join('\n');
  read(text, 'srt');
  assert.ok(cpuMs() - before < 2000);
});

test('whatever is read, what is written is read back the same', () => {
  const line = fc.oneof(
    fc.constantFrom(
      '00:01.000 --> 00:02.000',
      '1',
      '',
      'STYLE',
      'NOTE',
      'WEBVTT',
      '00:03,5 --> 01:00:00,000 line:1',
      '<i>a',
      'a --> b',
      '&',
      '::cue{}',
    ),
    fc.string({ unit: 'binary', maxLength: 8 }),
  );
  const format = fc.constantFrom('vtt' as const, 'srt' as const);
  fc.assert(
    fc.property(fc.array(line, { maxLength: 20 }), fc.boolean(), format, (lines, marked, kind) => {
      const text = `${marked ? 'WEBVTT\n\n' : ''}${lines.join('\n')}\n\n00:09.000 --> 00:10.000\nend\n`;
      const once = read(text, kind);
      const written = wholeWebVtt(once);
      const again = read(written);
      assert.deepEqual(again.cues, once.cues);
      assert.deepEqual(again.blocks, once.blocks);
    }),
    { numRuns: repeated(2000) },
  );
});

test('cues have one shape in memory, those at other times too: a shape of its own for each would be larger than it', () => {
  setFlagsFromString('--allow-natives-syntax');
  const areAlike = new Function('one', 'other', 'return %HaveSameMap(one, other)') as (a: Cue, b: Cue) => boolean;
  const subtitle = read(vtt('00:01.000 --> 00:02.000', 'a', '', '00:03.000 --> 00:04.000 line:0', 'b'));
  for (const { cues } of [subtitle, subtitle.delayedBy(500)]) assert.ok(areAlike(cues[0]!, cues[1]!));
  setFlagsFromString('--no-allow-natives-syntax');
});
