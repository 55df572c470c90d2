// The pump's loop against a sink that does everything a device may do, at moments that fast-check chooses: whatever happens, every frame of the stream is heard once and in order.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { FakePcm } from '../../alsa/fake-pcm.js';
import { FakeSound, fakeCard } from '../../alsa/fake-sound.js';
import { Errno } from '../../kernel/errno.js';
import { Region } from '../../memory/region.js';
import type { PcmFormat } from '../../wire/pcm/format.js';
import { KernelAlsaSink } from '../sinks/alsa-kernel.js';
import { Sink, type SinkOpening, SinkState } from '../sinks/sink.js';
import { PumpClock, Time } from './clock.js';
import { Fetcher } from './fetcher.js';
import { Figures } from './figures.js';
import { FileSlots } from './file-slots.js';
import { PumpLoop } from './loop.js';
import { LoopEnd } from './loop-end.js';
import {
  DescriptorKind,
  DescriptorWord,
  descriptorPlace,
  EventCause,
  EventKind,
  EventWord,
  FeederWord,
  offsets,
  PlayerNumber,
  PlayerWord,
  PumpNumber,
  PumpWord,
  regionBytes,
} from './shared-layout.js';
import { Volume } from './volume.js';

const format: PcmFormat = { sample: 'S32_LE', rate: 48_000, channels: 1, channelMask: 0, validBits: 32 };
const ringFrames = 64;
const periodFrames = 16;

/** Time that passes by being looked at. */
class ScriptedClock extends PumpClock {
  override read(): void {
    this.times[Time.now]! += 1000;
  }

  override sleep(): number {
    this.times[Time.now] = Math.max(this.times[Time.now]!, this.times[Time.deadline]!);
    return 0;
  }
}

type Step = 'play' | 'much' | 'xrun' | 'suspend' | 'pause' | 'quieter' | 'louder' | Late;
/** It stops between the look and what follows: there is no place for frames any more, only part of them is taken, or none are. With `refuses` it takes none from then on, and runs. */
type Late = 'no area' | 'part at commit' | 'dry at commit' | 'asleep at commit' | 'refuses';
const late: readonly Step[] = ['no area', 'part at commit', 'dry at commit', 'asleep at commit', 'refuses'];

/** A card that lets frames leave when it is waited for, and does what its script says. */
class ScriptedSink extends Sink {
  readonly heard: number[] = [];
  readonly #ring = new Region(ringFrames * 4);
  readonly #frames = new Int32Array(this.#ring.buffer);
  #queue: number[] = [];
  #place = 0;
  #state: number = SinkState.prepared;
  #isDraining = false;
  #held = 0;
  #late: Late | undefined;
  #isRefused = false;
  #owed = 0;
  xruns = 0;

  constructor(
    clock: PumpClock,
    readonly script: Step[],
    /** What happens before it runs; nothing happens twice in a row. */
    readonly fills: Step[],
    readonly words: Int32Array,
    readonly numbers: Float64Array,
    readonly pauses: boolean,
    readonly rewinds: boolean,
    readonly drains: boolean,
  ) {
    super(clock);
    this.memory = this.#ring;
  }

  opening(end: 'pad' | 'drain'): SinkOpening {
    const facts = {
      kind: 'a script',
      clock: 'device',
      takesDirect: false,
      hangMs: 1000,
      path: 'direct',
      notes: [],
    } as const;
    return { ...facts, format, ringFrames, periodFrames, end };
  }

  override offers(): never {
    throw new Error('it is open');
  }
  override open(): never {
    throw new Error('it is open');
  }
  override close(): void {
    this.#ring.unmap();
  }
  override trouble(): string {
    return 'none';
  }
  override rehearse(): void {}

  #leave(frames: number): void {
    this.heard.push(...this.#queue.splice(0, frames));
  }

  override wait(): number {
    super.wait();
    if (this.#state === SinkState.prepared && this.#isRefused) return 0;
    if (this.#state !== SinkState.running && this.#state !== SinkState.prepared) return 0;
    const isRunning = this.#state === SinkState.running;
    const step = (isRunning ? this.script : this.fills).shift() ?? 'play';
    if (this.#late !== 'refuses') this.#late = late.includes(step) ? (step as Late) : undefined;
    if (step === 'xrun' || step === 'suspend') this.#stop(step === 'xrun');
    else if (step === 'pause') this.words[PlayerWord.isPlaying] = 0;
    else if (step === 'quieter' || step === 'louder') {
      this.numbers[PlayerNumber.volume] = step === 'quieter' ? 0.5 : 1;
      this.words[PlayerWord.volumeGeneration]!++;
    }
    if (isRunning && step !== 'xrun' && step !== 'suspend') this.#leave(step === 'much' ? 40 : 16);
    return 0;
  }

  override update(): number {
    // Somebody goes on after a while.
    this.#held = this.words[PlayerWord.isPlaying] === 0 ? this.#held + 1 : 0;
    if (this.#held > 3) this.words[PlayerWord.isPlaying] = 1;
    this.queued = this.#queue.length + this.#owed;
    this.room = ringFrames - this.#queue.length;
    if (!this.#isDraining || this.#state !== SinkState.running) return this.#state;
    return this.queued === 0 && this.drains ? SinkState.drained : SinkState.draining;
  }

  /** It stops now. */
  #stop(isDry: boolean): void {
    this.#late = undefined;
    if (this.#state === SinkState.running) this.#leave(isDry ? ringFrames : 5);
    this.#state = isDry ? SinkState.xrun : SinkState.suspended;
    if (isDry) this.xruns++;
  }

  override area(frames: number): number {
    if (this.#late === 'no area') this.#stop(true);
    if (this.#state === SinkState.xrun) return 0;
    this.areaOffset = this.#place * 4;
    return Math.min(frames, ringFrames - this.#place);
  }

  #put(frames: number): void {
    for (let each = 0; each < frames; each++) this.#queue.push(this.#frames[this.#place + each]!);
  }

  override commit(frames: number): number {
    if (this.#late === 'refuses') return -Errno.EPIPE;
    if (this.#late === 'part at commit') {
      this.#owed = frames >> 1;
      this.#put(frames - this.#owed);
      this.#stop(true);
      return 0;
    }
    if (this.#late !== undefined) {
      const isDry = this.#late === 'dry at commit';
      this.#isRefused = true;
      this.#stop(isDry);
      return isDry ? -Errno.EPIPE : -Errno.ESTRPIPE;
    }
    this.#isRefused = false;
    this.#put(frames);
    this.#place = (this.#place + frames) % ringFrames;
    this.queued += frames;
    this.room -= frames;
    return 0;
  }

  override start(): number {
    this.#state = SinkState.running;
    return 0;
  }
  override pause(): number {
    if (!this.pauses) return -1;
    this.#state = SinkState.paused;
    return 0;
  }
  override resume(): number {
    return this.start();
  }
  override drop(): number {
    this.#queue = [];
    this.#owed = 0;
    this.#state = SinkState.prepared;
    return 0;
  }
  override prepare(): number {
    this.drop();
    this.#place = 0;
    this.#isDraining = false;
    this.queued = 0;
    this.room = ringFrames;
    return 0;
  }
  override drain(): number {
    this.#isDraining = true;
    return 0;
  }
  override rewind(frames: number): number {
    const back = this.rewinds ? Math.min(frames, Math.max(0, this.#queue.length - 3)) : 0;
    if (back === 0) return 0;
    this.#queue.splice(-back);
    this.#place = (this.#place - back + ringFrames) % ringFrames;
    this.queued -= back;
    this.room += back;
    return back;
  }
}

interface Case {
  readonly pieces: readonly number[];
  /** Frames of silence before them. */
  readonly lead?: number;
  readonly script: Step[];
  readonly fills?: Step[];
  readonly pauses: boolean;
  readonly rewinds: boolean;
  readonly drains: boolean;
  readonly end: 'pad' | 'drain';
}

/** Plays the numbers from 1 on to the end, on a card that a script moves. */
function run({ pieces, lead = 0, script, fills = [], pauses, rewinds, drains, end }: Case) {
  const open: Opener<ScriptedSink> = (clock, words, numbers) => {
    const sink = new ScriptedSink(clock, script, fills, words, numbers, pauses, rewinds, drains);
    return { sink, opening: sink.opening(end) };
  };
  const played = play(pieces, open, lead);
  return { ...played, heard: played.sink.heard, xruns: played.sink.xruns };
}

type Opener<Played extends Sink> = (
  clock: PumpClock,
  words: Int32Array,
  numbers: Float64Array,
) => { sink: Played; opening: SinkOpening };

/** Plays the numbers from 1 on, each a frame of four bytes and times 4, cut into pieces, to the end; before them so many frames of silence. */
function play<Played extends Sink>(pieces: readonly number[], open: Opener<Played>, lead = 0) {
  const total = pieces.reduce((sum, each) => sum + each, 0);
  const region = new Region(regionBytes(Math.max(8, total * 4)), { kind: 'memfd', name: 'clearway-loop-test' });
  const words = new Int32Array(region.buffer, 0, offsets.pcm / 4);
  const numbers = new Float64Array(region.buffer, 0, offsets.pcm / 8);
  const pcm = new Int32Array(region.buffer, offsets.pcm, total);
  for (let frame = 0; frame < total; frame++) pcm[frame] = (frame + 1) * 4;
  const first = lead > 0 ? 1 : 0;
  words[descriptorPlace(0) + DescriptorWord.kind] = DescriptorKind.silence;
  words[descriptorPlace(0) + DescriptorWord.frames] = lead;
  let done = 0;
  for (const [index, frames] of pieces.entries()) {
    const at = descriptorPlace(first + index);
    // Every other piece is one of a file: of the region itself.
    const isFile = index % 2 === 1;
    words[at + DescriptorWord.kind] = isFile ? DescriptorKind.extent : DescriptorKind.pcm;
    words[at + DescriptorWord.offset] = (isFile ? offsets.pcm : 0) + done * 4;
    words[at + DescriptorWord.frames] = frames;
    words[at + DescriptorWord.firstFrame] = done;
    done += frames;
  }
  words[descriptorPlace(first + pieces.length) + DescriptorWord.kind] = DescriptorKind.end;
  words[FeederWord.tail] = first + pieces.length + 1;
  words[PlayerWord.isPlaying] = 1;
  numbers[PlayerNumber.volume] = 1;
  const clock = new ScriptedClock();
  const { sink, opening } = open(clock, words, numbers);
  const { format } = opening;
  const volume = new Volume(format.sample, format.channels, 1);
  const slots = new FileSlots(-1);
  slots.put(0, region.fd);
  const fetcher = new Fetcher(region.buffer, sink, format, slots, volume);
  const figures = new Figures(region.buffer, clock);
  figures.begin(periodFrames, format.rate);
  const parts = { region: region.buffer, clock, sink, opening, fetcher, volume, figures };
  const loop = new PumpLoop({ ...parts, wakeFrames: periodFrames, parentPid: process.ppid, isRehearsal: false });
  let result: number = LoopEnd.none;
  let passes = 0;
  while (result === LoopEnd.none && passes++ < 100_000) result = loop.pass();
  const seen = {
    result,
    passes,
    total,
    words: words.slice(),
    numbers: numbers.slice(),
    sink,
  };
  fetcher.close();
  figures.close();
  sink.close();
  region.unmap();
  return seen;
}

const steps: Step[] = [
  ...(['play', 'play', 'much', 'xrun', 'suspend', 'pause', 'quieter', 'louder'] as const),
  ...(['no area', 'part at commit', 'dry at commit', 'asleep at commit'] as const),
];
const fillSteps: Step[] = ['play', 'suspend', 'dry at commit', 'asleep at commit'];
const cases = fc.record({
  pieces: fc.array(fc.integer({ min: 1, max: 150 }), { minLength: 1, maxLength: 12 }),
  lead: fc.constantFrom(0, 1, 40, 200),
  script: fc.array(fc.constantFrom(...steps), { maxLength: 60 }),
  fills: fc.array(fc.constantFrom(...fillSteps), { maxLength: 8 }),
  pauses: fc.boolean(),
  rewinds: fc.boolean(),
  drains: fc.boolean(),
  end: fc.constantFrom('pad' as const, 'drain' as const),
});

test('xruns, suspensions, pauses and changes of volume: every frame is heard once, in order, and the end is reached', () => {
  fc.assert(
    fc.property(cases, (each) => {
      const { result, heard, total, numbers, words } = run({
        ...each,
        script: [...each.script],
        fills: [...each.fills],
      });
      assert.equal(result, LoopEnd.ended);
      const stream = heard.filter((value) => value !== 0);
      assert.equal(stream.length, total, 'no frame is lost or heard twice');
      for (const [index, value] of stream.entries()) {
        const whole = (index + 1) * 4;
        assert.ok(value === whole || value === whole / 2, `frame ${index} is ${value}`);
      }
      assert.equal(numbers[PumpNumber.framesCommitted], each.lead + total);
      assert.equal(numbers[PumpNumber.silentFrames], each.lead, 'what is fetched again counts once');
      assert.equal(words[PumpWord.framesMissing], 0, 'no file is said to be shorter than it is');
      assert.equal(words[PumpWord.head], each.pieces.length + (each.lead > 0 ? 1 : 0), 'all is given back');
    }),
    { numRuns: 200 },
  );
});

test('an xrun is an event with a cause; one behind the last frame is none', () => {
  const common = { pauses: true, rewinds: true, drains: true, end: 'pad' as const };
  const { words, xruns } = run({ ...common, pieces: [500], script: ['play', 'xrun', 'play'] });
  assert.deepEqual([xruns, words[PumpWord.xruns]], [1, 1]);
  const at = (offsets.events >> 2) + EventWord.kind;
  assert.deepEqual(
    [words[at], words[at + 1]],
    [EventKind.xrun, EventCause.driver],
    'the pump was in time and had data',
  );
  const behind = run({ ...common, pieces: [70], script: ['play', 'play', 'play', 'play', 'play', 'xrun'] });
  assert.equal(behind.words[PumpWord.xruns], 0);
  assert.equal(behind.heard.filter((value) => value !== 0).length, 70);
});

test('a device that takes nothing and does not say that it stopped is gone', () => {
  const common = { pauses: true, rewinds: true, drains: true, end: 'pad' as const };
  const { result, passes } = run({ ...common, pieces: [500], script: ['play', 'refuses', 'play', 'play'] });
  assert.equal(result, LoopEnd.gone);
  assert.ok(passes < 10, `${passes} looks`);
});

test('a device that stops while it is filled goes on, and one that takes nothing then is gone', () => {
  const common = { pieces: [500], script: [], pauses: true, rewinds: true, drains: true, end: 'pad' as const };
  for (const step of ['dry at commit', 'asleep at commit', 'suspend'] as const) {
    const { result, heard, words } = run({ ...common, fills: [step, 'play', step] });
    assert.equal(result, LoopEnd.ended, step);
    const stream = heard.filter((value) => value !== 0);
    assert.deepEqual(
      stream,
      stream.map((_, index) => (index + 1) * 4),
      step,
    );
    assert.deepEqual([stream.length, words[PumpWord.xruns]], [500, 0], step);
  }
  const { result, passes } = run({ ...common, fills: ['refuses'] });
  assert.equal(result, LoopEnd.gone);
  assert.ok(passes < 10, `${passes} looks`);
});

test('a drain that never ends is cut off', () => {
  const { result, heard, passes } = run({
    pieces: [200],
    script: [],
    pauses: true,
    rewinds: true,
    drains: false,
    end: 'drain',
  });
  assert.equal(result, LoopEnd.ended);
  assert.equal(heard.length, 200);
  assert.ok(passes < 2000, `${passes} looks, a millisecond apart`);
});

/** A sink on a made-up card, which plays a period while the pump sleeps, and once all that it has while the pump fetches: after `stopAt` fetches. */
class StoppingSink extends KernelAlsaSink {
  #fetches = 0;

  constructor(
    clock: PumpClock,
    readonly pcm: FakePcm,
    sound: FakeSound,
    readonly stopAt: number,
  ) {
    super(clock, { card: 0, device: 0, subdevice: undefined }, sound);
  }

  override wait(): number {
    super.wait();
    this.pcm.play(this.pcm.periodFrames);
    return 0;
  }

  override area(frames: number): number {
    if (++this.#fetches === this.stopAt) this.pcm.play(this.pcm.bufferFrames);
    return super.area(frames);
  }
}

test('a card that stops between the look and any hand-over: every frame is played, and none is taken for played', () => {
  const settings = { bufferMs: 500, periodFrames: 256, convert: false, direct: false };
  const pieces = [1024, 768, 300, 212, 1280, 511, 1, 1536];
  for (const [sharesPointers, isSlow] of [
    [true, false],
    [true, true],
    [false, false],
  ] as const) {
    for (let stopAt = 1; stopAt < 24; stopAt++) {
      const { result, total, numbers, words, sink } = play(pieces, (clock) => {
        const card = fakeCard({ sharesPointers });
        const pcm = card.devices[0]!;
        pcm.isSlowToStop = isSlow;
        const made = new StoppingSink(clock, pcm, new FakeSound(card), stopAt);
        return { sink: made, opening: made.open({ ...format, sample: 'S16_LE', channels: 2 }, settings) };
      });
      const which = `${sharesPointers ? 'mapped pages' : 'SYNC_PTR'}, ${isSlow ? 'slow, ' : ''}stop ${stopAt}`;
      assert.equal(result, LoopEnd.ended, which);
      const heard = new Int32Array(Uint8Array.from(sink.pcm.heard).buffer);
      let next = 1;
      // Past the end of what it has the card plays what is left in the ring.
      for (const value of heard) if (value === next * 4) next++;
      assert.equal(next - 1, total, which);
      assert.equal(numbers[PumpNumber.framesCommitted], total, which);
      assert.ok(words[PumpWord.xruns]! <= 1, which);
    }
  }
});
