// The shared region: where each word of it stands. It is a memory file that the player makes, and that the feeder (a thread of the player's process) and the pump (a
// process of its own) map as well. Each page has one writer; others read it. Two views lie over the same bytes: `words` (Int32Array) and `numbers` (Float64Array,
// one aligned store each, exact to 2^53). A page begins with its words; its numbers stand in its second half.
// Not here: who writes what when (loop.ts, ../player.ts, ../feeder), histograms (histogram.ts), the ring discipline (ring/ring.ts).

import type { Agreement } from '../../wire/pcm/negotiate.js';
import type { SinkOpening } from '../sinks/sink.js';

/** Bytes of a page here, whatever the host's are. */
const page = 4096;

const wordsOfPage = (number: number): number => (number * page) / 4;
const numbersOfPage = (number: number): number => (number * page + page / 2) / 8;

/** Bytes of a text's place: its length in UTF-8 as a word, then the text. */
const textBytes = 8 * page;

/** Entries of rings of records. A power of two each. */
export const eventEntries = 256;
export const secondEntries = 4096;
export const driftEntries = 4096;
export const descriptorEntries = 1024;

/** Pages where the parts begin. */
const at = {
  player: 0,
  feeder: 1,
  pump: 2,
  /** Three histograms of a page each. */
  histograms: 4,
  events: 8,
  seconds: 16,
  drift: 32,
  settings: 64,
  request: 72,
  reply: 80,
  trouble: 88,
  rights: 96,
  descriptors: 104,
  pcm: 112,
} as const;

/** Bytes from the region's beginning. */
export const offsets = {
  histograms: at.histograms * page,
  events: at.events * page,
  seconds: at.seconds * page,
  drift: at.drift * page,
  /** JSON by the player, before the pump is started: {@link PumpSettings}. */
  settings: at.settings * page,
  /** JSON by the feeder: a SinkRequest. */
  request: at.request * page,
  /** JSON by the pump: a PumpReply. */
  reply: at.reply * page,
  /** By the pump: the sentence that it ended with. */
  trouble: at.trouble * page,
  /** By the pump: a JSON list of sentences, of rights that were asked for and refused, with the fix. There before it plays. */
  rights: at.rights * page,
  descriptors: at.descriptors * page,
  /** The PCM ring; it goes on to the region's end. */
  pcm: at.pcm * page,
} as const;

/** Words that the player's main thread writes. */
export const PlayerWord = {
  /** 1: play, 0: hold. */
  isPlaying: wordsOfPage(at.player),
  /** 1: fade out, drop what is queued and end. */
  stop: wordsOfPage(at.player) + 1,
  /** Grows with each change of the volume's number. */
  volumeGeneration: wordsOfPage(at.player) + 2,
  /** Microseconds that the pump sleeps on purpose, and how often (`--inject stall`). 0: never. */
  stallUs: wordsOfPage(at.player) + 3,
  stallEveryUs: wordsOfPage(at.player) + 4,
} as const;

/** Numbers that the player writes. */
export const PlayerNumber = {
  /** Factor for samples: 1 is 0 dB and leaves every bit as it is. */
  volume: numbersOfPage(at.player),
} as const;

/** Words that the feeder writes. */
export const FeederWord = {
  /** The tail of the descriptor ring (ring/ring.ts). */
  tail: wordsOfPage(at.feeder),
  /** Grows with each seek or skip: everything before the descriptor `flushTail` is forgotten. */
  flushGeneration: wordsOfPage(at.feeder) + 1,
  flushTail: wordsOfPage(at.feeder) + 2,
  /** Grows with each request of a sink; the JSON is there before. */
  request: wordsOfPage(at.feeder) + 3,
  /** What offsets, addresses and lengths of a `direct` descriptor's reads are multiples of, in bytes: a power of two. There before the first one. */
  directAlignment: wordsOfPage(at.feeder) + 4,
} as const;

/** What {@link PumpWord.state} says. */
export const PumpState = {
  starting: 0,
  /** It waits for a request of a sink. */
  idle: 1,
  opening: 2,
  /** The ring is being filled, and not started. */
  filling: 3,
  playing: 4,
  paused: 5,
  draining: 6,
  /** It lets go of the sink. */
  closing: 7,
  /** Ended as it should. */
  ended: 8,
  /** Ended with a sentence: {@link offsets.trouble}. */
  failed: 9,
} as const;

/** Words that the pump writes. */
export const PumpWord = {
  /** The head of the descriptor ring: what is before it has been played, so that files and bytes are the feeder's again. */
  head: wordsOfPage(at.pump),
  state: wordsOfPage(at.pump) + 1,
  /** The request that was answered last; the JSON is there before. */
  reply: wordsOfPage(at.pump) + 2,
  /** The flush that was obeyed last. */
  flushed: wordsOfPage(at.pump) + 3,
  /** Grows with every wake-up. */
  heartbeat: wordsOfPage(at.pump) + 4,
  /** Odd while `track` and the numbers of the position are being written. */
  positionSequence: wordsOfPage(at.pump) + 5,
  /** The track that is heard, as its descriptor says; -1: none. */
  track: wordsOfPage(at.pump) + 6,
  /** Wake-ups while playing, and those that were late by more than a period. */
  wakeUps: wordsOfPage(at.pump) + 7,
  lateOverPeriod: wordsOfPage(at.pump) + 8,
  /** All xruns. */
  xruns: wordsOfPage(at.pump) + 9,
  /** All events; the record is {@link offsets.events} + (count & mask) x 64. */
  events: wordsOfPage(at.pump) + 10,
  /** Seconds of which a record is complete. */
  seconds: wordsOfPage(at.pump) + 11,
  /** Pairs of time and place. */
  driftPairs: wordsOfPage(at.pump) + 12,
  /** The least frames queued at a wake-up while playing; 2^31 - 1 before the first. */
  leastQueued: wordsOfPage(at.pump) + 13,
  /** Of the pump's thread while it played (getrusage). */
  minorFaults: wordsOfPage(at.pump) + 14,
  majorFaults: wordsOfPage(at.pump) + 15,
  voluntarySwitches: wordsOfPage(at.pump) + 16,
  involuntarySwitches: wordsOfPage(at.pump) + 17,
  /** Collections of the pump's heap while it played. Known when a stretch ends. */
  collections: wordsOfPage(at.pump) + 18,
  /** What was really got: SCHED_* (0 other, 1 FIFO, 2 round robin), priority, nice + 20. */
  schedulingClass: wordsOfPage(at.pump) + 19,
  priority: wordsOfPage(at.pump) + 20,
  nicePlus20: wordsOfPage(at.pump) + 21,
  /** A seal against another layout: {@link layoutSeal}. */
  seal: wordsOfPage(at.pump) + 22,
  /** Frames that a file owed and did not have: it became shorter while it played. */
  framesMissing: wordsOfPage(at.pump) + 23,
  /** Stalls that were injected. */
  stalls: wordsOfPage(at.pump) + 24,
  /** The pump's process. */
  pid: wordsOfPage(at.pump) + 25,
  /** Frames that the volume changed, ramps included, since the pump began. */
  changedFrames: wordsOfPage(at.pump) + 26,
} as const;

/** Numbers that the pump writes. Times are those of its clock (clock.ts): nanoseconds of CLOCK_MONOTONIC since a second that it alone knows. */
export const PumpNumber = {
  /** The next frame of `track` to be heard. */
  positionFrame: numbersOfPage(at.pump),
  /** Frames committed in all, padding at the end apart; what was queued and is fetched again counts once. */
  framesCommitted: numbersOfPage(at.pump) + 1,
  /** Frames of silence among those, before the first frames of a file. */
  silentFrames: numbersOfPage(at.pump) + 2,
  /** Bytes that the kernel copied (preadv2), that the pump copied (memcpy), and that came by DMA past the page cache. */
  kernelBytes: numbersOfPage(at.pump) + 3,
  userBytes: numbersOfPage(at.pump) + 4,
  directBytes: numbersOfPage(at.pump) + 5,
  /** Of `userBytes`: what the volume multiplied on the way. */
  volumeBytes: numbersOfPage(at.pump) + 6,
  /** Exact extremes, in nanoseconds. */
  latestNs: numbersOfPage(at.pump) + 7,
  longestWorkNs: numbersOfPage(at.pump) + 8,
  /** Frames that the sink's clock went on for without having any, over all xruns. */
  framesLost: numbersOfPage(at.pump) + 9,
  /** Bytes of memory that are locked. */
  lockedBytes: numbersOfPage(at.pump) + 10,
  /** When the sink was started first, and when it was stopped. */
  startedNs: numbersOfPage(at.pump) + 11,
  stoppedNs: numbersOfPage(at.pump) + 12,
  /** Of streams that ended because another format follows (../sound-ledger.ts): frames of files, their bytes, and bytes that sinks copied once more. */
  endedFrames: numbersOfPage(at.pump) + 13,
  endedBytes: numbersOfPage(at.pump) + 14,
  endedSinkBytes: numbersOfPage(at.pump) + 15,
  /** By which V8's heap grew while it played. */
  allocatedBytes: numbersOfPage(at.pump) + 16,
} as const;

/** Says that both sides are of one version. */
export const layoutSeal = 0x434c_5705;

/** Bytes of a histogram's place. */
export const histogramBytes = page;

/** The histograms, one behind the other. */
export const Histogram = { latenessNs: 0, workNs: 1, headroomFrames: 2 } as const;

/** An event's record of 64 bytes: four words, then six numbers. */
export const eventBytes = 64;
export const EventWord = { kind: 0, cause: 1, track: 2, queuedBefore: 3 } as const;
export const EventNumber = {
  /** The frame of the track that is heard next. */
  frame: 2,
  /** When it was seen. */
  ns: 3,
  gapNs: 4,
  framesLost: 5,
  /** Of the wake-up that saw it. */
  latenessNs: 6,
  /** When `queuedBefore` was right: the look before. */
  lookedNs: 7,
} as const;

export const EventKind = {
  xrun: 1,
  /** The sink was opened anew for another format; `gapNs` is the time between. */
  formatGap: 2,
  /** A file was shorter than it had been; `framesLost` is how much. */
  truncated: 3,
  /** The system slept. */
  suspended: 4,
} as const;

export const EventCause = { none: 0, pumpLate: 1, dataLate: 2, driver: 3 } as const;

/** A second's record of 16 bytes, four words: which second since `startedNs`, least frames queued, most lateness in microseconds, wake-ups. */
export const secondBytes = 16;
export const SecondWord = { second: 0, leastQueued: 1, latestUs: 2, wakeUps: 3 } as const;

/** A pair of 16 bytes, two numbers: nanoseconds, and frames that the sink has played since it was started last. A frame 0 begins a new stretch. */
export const driftBytes = 16;

/** A descriptor of 32 bytes: eight words. An offset and a first frame have two, the low one first. */
const descriptorBytes = 32;
export const DescriptorWord = {
  kind: 0,
  /** Of a file: the slot that its descriptor was passed for. */
  slot: 1,
  /** Bytes from the beginning of the file, or of the PCM ring; a piece of the ring is contiguous. */
  offset: 2,
  /** Up to 2^31 - 1. */
  frames: 4,
  track: 5,
  /** Of the track. */
  firstFrame: 6,
} as const;

/** Where a descriptor of the ring stands, as words from the region's beginning. @param index counted from the ring's beginning, on and on */
export function descriptorPlace(index: number): number {
  return (offsets.descriptors + (index & (descriptorEntries - 1)) * descriptorBytes) >> 2;
}

export const DescriptorKind = {
  extent: 1,
  pcm: 2,
  silence: 3,
  /** Nothing follows: play out what is queued and end. */
  end: 4,
  /** What follows has another format: play out what is queued, close the sink, wait for a request. */
  formatEnds: 5,
  /** As `extent`, of a file that was opened to be read past the page cache; `slot` - 1 is the same file as ever, for what is not aligned. */
  direct: 6,
} as const;

/** Slots for files. A slot's file is replaced by the next one that is passed for it. */
export const fileSlots = 16;

/** What the player tells the pump once, as JSON. */
export interface PumpSettings {
  readonly parentPid: number;
  readonly isRealtime: boolean;
  /** Of FIFO. */
  readonly priority: number;
  /** Milliseconds that the volume takes from 0 to 1. */
  readonly rampMs: number;
}

/** The pump's answer to a request, as JSON. */
export type PumpReply =
  | {
      readonly opening: SinkOpening;
      readonly agreement: Agreement;
    }
  | { readonly refusal: string; readonly reason: 'usage' | 'device' | 'gone' };

/** Bytes of the whole region. */
export function regionBytes(pcmBytes: number): number {
  return offsets.pcm + pcmBytes;
}

/** Writes a text into its place in the region. @throws RangeError when it is too long */
export function writeText(region: Uint8Array, offset: number, text: string): void {
  const { read, written } = new TextEncoder().encodeInto(text, region.subarray(offset + 4, offset + textBytes));
  if (read < text.length)
    throw new RangeError(`a text of ${text.length} characters has no place in ${textBytes} bytes`);
  new DataView(region.buffer, region.byteOffset).setInt32(offset, written, true);
}

/** Reads what {@link writeText} wrote. */
export function readText(region: Uint8Array, offset: number): string {
  const length = new DataView(region.buffer, region.byteOffset).getInt32(offset, true);
  const bounded = Math.max(0, Math.min(length, textBytes - 4));
  return new TextDecoder().decode(region.subarray(offset + 4, offset + 4 + bounded));
}
