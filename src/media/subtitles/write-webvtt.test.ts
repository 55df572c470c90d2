import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Subtitle } from './subtitle.js';
import { webVttSegment, wholeWebVtt } from './write-webvtt.js';

const cue = (startMs: number, endMs: number, text = `${startMs}`) => ({ startMs, endMs, settings: '', text });

test('W01: a segment begins with WEBVTT and ends its last line', () => {
  const text = webVttSegment(new Subtitle([], [cue(1000, 2000, 'Hi')]), 0, 4);
  assert.match(text, /^WEBVTT\n/);
  assert.match(text, /Hi\n$/);
});

test('W02: X-TIMESTAMP-MAP stands directly behind WEBVTT, and in segments without cues too', () => {
  const empty = webVttSegment(new Subtitle([], [cue(1000, 2000)]), 8, 12);
  assert.equal(empty, 'WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n');
});

test('W04: a segment has every cue that is shown in it: one across a cut is in both', () => {
  const subtitle = new Subtitle(
    [],
    [cue(3000, 5000, 'across'), cue(0, 60_000, 'always'), cue(4000, 4500, 'first'), cue(2000, 4000, 'before')],
  );
  const second = webVttSegment(subtitle, 4, 8);
  assert.deepEqual(second.match(/across|always|first|before/g), ['always', 'across', 'first']);
  assert.deepEqual(webVttSegment(subtitle, 0, 4).match(/across|always|first|before/g), ['always', 'before', 'across']);
});

test('W05: times are those of the file, in each segment the same', () => {
  const subtitle = new Subtitle([], [{ ...cue(3_599_999, 360_000_001, 'long'), settings: 'line:0' }]);
  for (const [from, to] of [
    [3596, 3600],
    [3600, 3604],
  ] as const) {
    assert.match(webVttSegment(subtitle, from, to), /\n\n00:59:59\.999 --> 100:00:00\.001 line:0\nlong\n$/);
  }
});

test('W08: where the film’s presentation begins before its edit, the text is as much later', () => {
  const subtitle = new Subtitle([], [cue(1000, 2000, 'Hi')]);
  assert.match(wholeWebVtt(subtitle.delayedBy(1400.4)), /00:00:02\.400 --> 00:00:03\.400/);
  assert.equal(subtitle.delayedBy(0), subtitle);
});

test('W06: styles and regions are in each segment', () => {
  const subtitle = new Subtitle(['STYLE\n::cue { color: red }', 'REGION\nid:a'], [cue(1000, 2000)]);
  assert.match(webVttSegment(subtitle, 8, 12), /\n\nSTYLE\n::cue \{ color: red \}\n\nREGION\nid:a\n$/);
});

test('W07: the whole for DASH has no map of times', () => {
  assert.equal(wholeWebVtt(new Subtitle([], [cue(1000, 2000, 'Hi')])), 'WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nHi\n');
});

test('between finds what a look at every cue finds', () => {
  const cues = fc.array(fc.tuple(fc.nat(100), fc.integer({ min: 1, max: 50 })), { maxLength: 40 });
  fc.assert(
    fc.property(cues, fc.nat(120), fc.nat(40), (times, from, length) => {
      const subtitle = new Subtitle(
        [],
        times.map(([start, duration], index) => cue(start, start + duration, String(index))),
      );
      const found = subtitle.between(from, from + length);
      const expected = subtitle.cues.filter(({ startMs, endMs }) => startMs < from + length && endMs > from);
      assert.deepEqual(found, expected);
    }),
  );
});
