import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftOutBlocks } from '../../../test/support/left-out-blocks.js';
import type { PcmFormat } from '../../wire/pcm/format.js';
import { NullSink } from '../sinks/null-sink.js';
import { PumpClock } from './clock.js';
import { rehearse } from './rehearse.js';

const format: PcmFormat = { sample: 'S16_LE', rate: 48_000, channels: 2, channelMask: 3, validBits: 16 };
const pump = ['loop', 'fetcher', 'file-slots', 'figures', 'volume', 'clock'].map((name) => `/audio/pump/${name}.js`);
/** Of 128 passes each. */
const cycles = 12;

/** What may be thrown out of compiled code when it comes, by the function. */
const leftOut: Readonly<Record<string, readonly string[]>> = {
  // The format is over, and another one follows.
  '#endReason': ['? LoopEnd.formatEnds'],
  // The first: of sinks without a clock, which are not timed and not rehearsed. The others: the device is gone, or nobody listens.
  pass: [': this.#clock.sleep()', 'return this.#gone();', 'return this.#gone();', '? LoopEnd.orphaned'],
  // Of sinks without a clock, or that drain, or that cannot pause.
  ...{
    '#ending': ['{ this.trouble = this.#sink.drain(); if (this.trou'],
    '#fill': ['return this.#drained(seen);', 'return LoopEnd.none;', 'return this.#gone();'],
    '#isHeld': ['&& this.#state === PumpState.filling', '&& this.#words[PlayerWord.isPlaying] === 0'],
    '#move': ['{ this.#left = this.#committed; return; }'],
    '#pause': ['{ this.#sink.update(); this.#hear(); this.#sink.dr'],
    '#resume': ['{ this.#setState(PumpState.filling); return; }'],
    update: ['&& this.queued === 0', 'this.#state = SinkState.drained;'],
  },
  // Of sinks that do not count what they lost: a card's (../sinks/alsa-kernel-rehearsal.test.ts).
  '#tellXrun': ['{ this.#event[1] = this.#times[Time.now] - this.#o'],
  // The system slept.
  '#look': ['this.#wokeUp();'],
  // Held before the first frame; an end without a frame; a start that is refused.
  '#begin': [
    '&& this.#fetcher.outstanding === 0',
    'return this.#finish(this.#endReason());',
    'return LoopEnd.none;',
    '&& !this.#isRehearsal',
    'return this.#gone();',
  ],
  // Faults on purpose.
  '#stall': ['|| this.#state !== PumpState.playing', 'this.#clock.read(); const now = this.#times[Time.n'],
  // Sinks without a place although there is room; nothing but empty descriptors.
  fetch: ['return this.#short(Shortage.room);', 'return this.#short(Shortage.empty);'],
  fetchSilence: ['return this.#short(Shortage.room);'],
  heard: ['this.#pass(0);'],
  '#giveBack': ['while (this.#ring.head !== this.#fetchIndex) this.'],
  // Larger blocks than a ring has room for, and a disk that refuses to be read so.
  '#readDirect': [
    ': this.#short(Shortage.room)',
    'return this.#short(Shortage.notCached);',
    ': this.#read(at, slot - 1, frames)',
  ],
  '#readBlocks': ['this.#takesDirect = false;'],
  // The ring's beginning between a volume and the next one.
  rewind: ['this.#place += this.#ringFrames;'],
  // Other forms of samples: each is rehearsed with its own.
  multiply: ['else if (form === Form.s32) { target.words[(target'],
};

test('a rehearsal runs every block that playing, pausing, seeking, xruns, late and short files and an end need', async () => {
  const clock = new PumpClock();
  const sink = new NullSink(clock, true);
  let left = cycles;
  const opening = sink.open(format, { bufferMs: 0, periodFrames: 256, convert: false, direct: false });
  const found = await leftOutBlocks([...pump, '/audio/sinks/null-sink.js'], () =>
    rehearse(sink, opening, clock, () => left-- > 0),
  );
  sink.close();
  assert.deepEqual(found, leftOut);
});
