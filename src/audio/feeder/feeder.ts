// The feeder: opens files ahead of what is heard, agrees on a format with the pump's sink, and says in descriptors what follows: extents of files whose pages it has brought near, or frames that it
// has decoded into the PCM ring. It runs in a thread of its own, so that nothing which the program does can keep it from it. One step is short; who calls it is feeder-thread.ts.
// Not here: files (../sources), the ring (descriptors.ts), what becomes of it all (../pump).

import { viewMemory } from '../../kernel/ffi.js';
import { fileEnd } from '../../kernel/file.js';
import { scratch } from '../../kernel/memory.js';
import { sendWithDescriptors } from '../../kernel/pass-descriptors.js';
import { frameBytes } from '../../wire/pcm/format.js';
import { type Agreement, negotiate } from '../../wire/pcm/negotiate.js';
import {
  DescriptorKind,
  FeederWord,
  fileSlots,
  offsets,
  type PumpReply,
  PumpState,
  PumpWord,
  readText,
  writeText,
} from '../pump/shared-layout.js';
import { offerOf, type SinkOpening, type SinkRequest } from '../sinks/sink.js';
import { sourceError } from '../sources/file.js';
import { openSource } from '../sources/open.js';
import type { AudioSource } from '../sources/source.js';
import { Descriptors } from './descriptors.js';
import { aligningFrames, blockFrames, closeDirect, type DirectFile, openDirect } from './direct-file.js';
import type { FeederCommand, FeederSays, FeederStart } from './messages.js';
import { bringNear, SlowReads } from './near-pages.js';
import { PcmSpace } from './pcm-space.js';
import type { Feeding, Phase, Session, Unsent } from './phases.js';
import { PumpWatch } from './pump-watch.js';

/** How far what is near is ahead of the device's ring, in seconds. */
const aheadSeconds = 2;
/** A piece of a file, or of decoded frames. */
const pieceSeconds = 0.1;
/** A ring that outlasts a read which waits for the disk; what is read so goes in larger pieces. */
const leastDirectSeconds = 0.2;
const directPieceSeconds = 0.5;
/** Frames of a descriptor for a part of a file that is no longer there. */
const mostOwed = 1 << 30;

/** See the file's head. */
export class Feeder {
  readonly #start: FeederStart;
  readonly #say: (says: FeederSays) => void;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #words: Int32Array;
  readonly #descriptors: Descriptors;
  readonly #space: PcmSpace;
  readonly #watch: PumpWatch;
  /** Which file of the list a track's number is, and the last descriptor that needs a slot's file. */
  readonly #files: number[] = [];
  readonly #slotsEnd = new Map<number, number>();
  #phase: Phase;
  /** Grows with each command: what was begun before it is thrown away when it is there. */
  #turn = 0;
  #feeding: Feeding | undefined;
  #session: Session | undefined;
  #hasGap = false;
  /** The end of the format was written, and no sink was asked for since. */
  #isFormatEnding = false;
  /** A sink was asked for, and the place for which it was is given up: its answer is heard before anything else is opened. */
  #isAnswerDue = false;
  /** Another place was asked for: that nothing is left to be played is no fault of the files. */
  #isSought = false;
  #unsent: Unsent[] = [];
  #nextNumber = 0;
  #nextSlot = 1;
  #leadIn: boolean;
  /** Frames were handed over since the list began: one that has none is not begun again. */
  #isFruitful = false;
  /** What is written next is at the beginning of the sink's ring. */
  #isAtStart = true;
  readonly #slow: SlowReads;

  constructor(start: FeederStart, say: (says: FeederSays) => void) {
    this.#start = start;
    this.#say = say;
    const buffer = viewMemory(start.address, start.byteLength);
    this.#bytes = new Uint8Array(buffer, 0, start.byteLength);
    this.#words = new Int32Array(buffer, 0, offsets.pcm / 4);
    this.#descriptors = new Descriptors(this.#words);
    this.#space = new PcmSpace(start.byteLength - offsets.pcm);
    this.#watch = new PumpWatch(this.#words, say);
    this.#phase = { kind: 'open', file: 0, frame: 0, seconds: start.startSeconds };
    this.#leadIn = start.leadInMs > 0;
    this.#slow = new SlowReads(start.slowDisk);
  }

  /** Obeys a command. */
  obey(command: FeederCommand): void {
    if (command.kind === 'close') {
      this.close();
      return;
    }
    const heard = this.#files[this.#words[PumpWord.track]!] ?? 0;
    const file = command.kind === 'seek' ? (command.file ?? heard) : heard + command.files;
    this.#restart(file, command.kind === 'seek' ? command.seconds : 0);
  }

  /** Ends it: nothing is fed any more. */
  close(): void {
    this.#turn++;
    this.#letGo();
    this.#phase = { kind: 'done' };
  }

  /** Does a little. Gives milliseconds after which there may be more to do. */
  async step(): Promise<number> {
    this.#watch.look(this.#session?.opening.hangMs);
    const phase = this.#phase;
    switch (phase.kind) {
      case 'open':
        if (!this.#knowsSession()) return 1;
        await this.#open(phase);
        return 0;
      case 'change':
        return this.#change(phase);
      case 'asked':
        return this.#hear(phase);
      case 'feed':
        return this.#feed();
      default:
        return 20;
    }
  }

  /**
   * Whether the stream is still open, after a seek while its format was about to end: the pump saw the one or the other first. False: it has not said
   * yet.
   */
  #knowsSession(): boolean {
    if (this.#isAnswerDue) {
      const reply = this.#answer();
      if (reply === undefined) return false;
      this.#isAnswerDue = false;
      // A refusal was for another place: what follows asks anew.
      if (!('refusal' in reply)) this.#hasOpened(reply.opening);
    }
    if (!this.#isFormatEnding) return true;
    if (!this.#isFlushed()) return false;
    if (this.#words[PumpWord.state] === PumpState.idle) this.#session = undefined;
    this.#isFormatEnding = false;
    return true;
  }

  /** Everything from here on is another place. */
  #restart(file: number, seconds: number): void {
    this.#turn++;
    this.#isSought = true;
    const last = this.#start.files.length;
    if (this.#phase.kind === 'asked') this.#isAnswerDue = true;
    this.#letGo();
    this.#descriptors.flush();
    this.#isAtStart = true;
    this.#isFruitful = true;
    const place = file >= last && this.#start.isLoop ? 0 : Math.max(0, file);
    this.#phase = { kind: 'open', file: place, frame: 0, seconds };
  }

  #letGo(): void {
    const phase = this.#phase;
    if (phase.kind === 'change' || phase.kind === 'asked') phase.source.close();
    if (this.#feeding !== undefined) this.#tellFed(this.#feeding, false);
    this.#closeFeeding();
  }

  #closeFeeding(): void {
    this.#feeding?.source.close();
    if (this.#feeding?.direct !== undefined) closeDirect(this.#feeding.direct);
    this.#feeding = undefined;
    this.#unsent = [];
  }

  async #open({ file, frame, seconds }: Extract<Phase, { kind: 'open' }>): Promise<void> {
    const { files, isLoop, raw } = this.#start;
    if (file >= files.length) {
      if (isLoop && this.#isFruitful) this.#phase = { kind: 'open', file: 0, frame: 0 };
      else this.#finish();
      this.#isFruitful = false;
      return;
    }
    const path = files[file]!;
    const turn = ++this.#turn;
    this.#phase = { kind: 'opening' };
    try {
      const source = await openSource(path, raw === undefined ? {} : { raw });
      if (turn !== this.#turn) return source.close();
      if (source.frames === 0) {
        source.close();
        throw sourceError(path, ['it has no frames: there is nothing to play in it', ...source.notes].join('; '));
      }
      const wanted = seconds === undefined ? frame : Math.round(seconds * source.format.rate);
      if (!this.#isSought && source.frames !== undefined && wanted >= source.frames) {
        source.close();
        throw sourceError(path, this.#tooShort());
      }
      const first = Math.max(0, Math.min(wanted, source.frames ?? wanted));
      this.#begin(source, file, first);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#say({ kind: 'skipped', file, path, sentence: error instanceof Error ? error.message : String(error) });
      this.#phase = { kind: 'open', file: file + 1, frame: 0 };
    }
  }

  /** A source is there: it goes on in the stream as it is, or the sink is opened anew. */
  #begin(source: AudioSource, file: number, frame: number): void {
    const agreed = this.#session === undefined ? undefined : this.#goesOn(source, this.#session.opening);
    if (agreed !== undefined) this.#startFeeding(source, file, frame, agreed);
    else this.#phase = { kind: 'change', source, file, frame, isEnded: this.#session === undefined };
  }

  /** What becomes of a source in the stream as it is open; undefined: it would lose something. */
  #goesOn(source: AudioSource, opening: SinkOpening): Agreement | undefined {
    const agreed = negotiate(source.format, [offerOf(opening)], { lossy: !source.lossless });
    return 'refusal' in agreed || agreed.change === 'converted' ? undefined : agreed;
  }

  /** Ends the format in the stream, and asks for a sink when the pump has none. */
  #change(phase: Extract<Phase, { kind: 'change' }>): number {
    const { source, file, frame } = phase;
    if (!phase.isEnded) {
      if (!this.#descriptors.hasRoom) return 5;
      this.#descriptors.write({ kind: DescriptorKind.formatEnds });
      this.#phase = { ...phase, isEnded: true };
      this.#isFormatEnding = true;
      return 1;
    }
    if (this.#words[PumpWord.state] !== PumpState.idle || !this.#isFlushed()) return 1;
    this.#hasGap = this.#session !== undefined;
    this.#session = undefined;
    this.#isFormatEnding = false;
    const request: SinkRequest = {
      sink: this.#start.sink,
      settings: this.#start.settings,
      source: source.format,
      lossy: !source.lossless,
    };
    writeText(this.#bytes, offsets.request, JSON.stringify(request));
    Atomics.add(this.#words, FeederWord.request, 1);
    this.#phase = { kind: 'asked', source, file, frame };
    return 1;
  }

  #isFlushed(): boolean {
    return this.#words[PumpWord.flushed] === this.#words[FeederWord.flushGeneration];
  }

  /** What the pump said of the sink that was asked for last; undefined: nothing yet. */
  #answer(): PumpReply | undefined {
    if (Atomics.load(this.#words, PumpWord.reply) !== this.#words[FeederWord.request]) return undefined;
    return JSON.parse(readText(this.#bytes, offsets.reply)) as PumpReply;
  }

  #hasOpened(opening: SinkOpening): void {
    this.#session = { opening, frameBytes: frameBytes(opening.format) };
    this.#isAtStart = true;
    this.#say({ kind: 'opened', opening });
  }

  #hear({ source, file, frame }: Extract<Phase, { kind: 'asked' }>): number {
    const reply = this.#answer();
    if (reply === undefined) return 1;
    if ('refusal' in reply) {
      source.close();
      this.#phase = { kind: 'done' };
      this.#say({ kind: 'refused', sentence: reply.refusal, reason: reply.reason });
      return 20;
    }
    this.#hasOpened(reply.opening);
    this.#startFeeding(source, file, frame, reply.agreement);
    return 0;
  }

  #startFeeding(source: AudioSource, file: number, frame: number, agreement: Agreement): void {
    const { format, order, dither } = agreement;
    const isRead = source.extent !== undefined && agreement.change === 'none';
    if (!isRead) {
      source.setOutput({ format, ...(order === undefined ? {} : { order }), dither });
      if (frame > 0) source.seek(frame);
    }
    const number = this.#nextNumber++;
    this.#files[number] = file;
    const slot = isRead ? this.#nextSlot++ : -1;
    const direct = isRead ? this.#openDirect(source) : undefined;
    this.#feeding = { source, file, number, slot, direct, frame, fed: 0, isWhole: frame === 0, isTold: false };
    const { path, codec, decoder, lossless, frames, tags, notes } = source;
    this.#say({
      kind: 'track',
      track: {
        ...{ number, file, path, codec, decoder, lossless },
        ...{ format: source.format, frames, firstFrame: frame, tags, notes },
        ...{ change: agreement.change, words: agreement.words, isRead, gapBefore: this.#hasGap },
      },
    });
    this.#hasGap = false;
    this.#phase = { kind: 'feed' };
    this.#unsent = [];
    if (source.extent !== undefined && isRead) this.#unsent.push({ slot, fd: source.extent.fd });
    if (direct !== undefined) this.#unsent.push({ slot: this.#nextSlot++, fd: direct.fd });
  }

  /** The file past the page cache, where that is wanted and a read that waits for the disk cannot empty the ring. */
  #openDirect({ extent }: AudioSource): DirectFile | undefined {
    const { settings } = this.#start;
    const { takesDirect, ringFrames, format, clock } = this.#session!.opening;
    const isLarge = clock === 'none' || ringFrames >= format.rate * leastDirectSeconds;
    if (!settings.direct || !takesDirect || !isLarge || extent === undefined) return undefined;
    const direct = openDirect(extent.fd);
    if (direct !== undefined) this.#words[FeederWord.directAlignment] = direct.alignment;
    return direct;
  }

  /** Passes the files to the pump; false: not yet. */
  #pass(): boolean {
    for (let [unsent] = this.#unsent; unsent !== undefined; [unsent] = this.#unsent)
      if (!this.#passOne(unsent)) return false;
    return true;
  }

  #passOne(unsent: Unsent): boolean {
    const end = this.#slotsEnd.get(unsent.slot - fileSlots + 1);
    if (end !== undefined && ((this.#descriptors.head - end) | 0) <= 0) return false;
    const place = scratch(4);
    place.data.setInt32(place.offset, unsent.slot, true);
    if (sendWithDescriptors(this.#start.socket, place.address, 4, [unsent.fd]) !== 4) return false;
    this.#slotsEnd.delete(unsent.slot - fileSlots + 1);
    this.#unsent.shift();
    return true;
  }

  /** Hands over what there is room for. */
  #feed(): number {
    const feeding = this.#feeding!;
    const { opening } = this.#session!;
    const { rate } = opening.format;
    this.#space.release(this.#descriptors.head);
    const wanted = opening.ringFrames + aheadSeconds * rate;
    const ahead = this.#descriptors.framesAhead;
    const { extent } = feeding.source;
    if (this.#slow.isSlow(extent, (extent?.offset ?? 0) + feeding.frame * this.#session!.frameBytes)) return 2;
    const rest = opening.clock === 'none' ? 1 : 10;
    if (ahead >= wanted || !this.#descriptors.hasRoom || !this.#pass()) return rest;
    if (this.#leadIn) this.#writeLeadIn(feeding, rate);
    if (this.#isAtStart) this.#writeAlignment(feeding);
    const seconds = feeding.direct === undefined ? pieceSeconds : directPieceSeconds;
    const frames = Math.max(1, Math.round(rate * seconds));
    const given = feeding.slot >= 0 ? this.#feedExtent(feeding, frames) : this.#feedDecoded(feeding, frames);
    if (given < 0) return rest;
    if (given === 0) this.#endTrack(feeding);
    return 0;
  }

  #writeLeadIn({ number, frame }: Feeding, rate: number): void {
    this.#leadIn = false;
    const frames = this.#leadInFrames(rate);
    this.#descriptors.write({ kind: DescriptorKind.silence, frames, track: number, firstFrame: frame });
  }

  /** The ring is empty: a few frames of silence, of a sink that plays, have blocks of the file lie in it as they do on the disk. */
  #writeAlignment({ direct, source, number, frame }: Feeding): void {
    this.#isAtStart = false;
    const { opening, frameBytes: bytes } = this.#session!;
    if (direct === undefined || opening.clock === 'none') return;
    const lead = number === 0 ? this.#leadInFrames(opening.format.rate) : 0;
    const offset = source.extent!.offset + (frame - lead) * bytes;
    const frames = aligningFrames(offset, bytes, direct.alignment);
    if (frames !== undefined && frames > 0)
      this.#descriptors.write({ kind: DescriptorKind.silence, frames, track: number, firstFrame: frame });
  }

  #leadInFrames(rate: number): number {
    return Math.round((rate * this.#start.leadInMs) / 1000);
  }

  /** A piece of the file, whose pages are near. Gives frames; 0 at the end. */
  #feedExtent(feeding: Feeding, most: number): number {
    const { source, slot, number, frame } = feeding;
    const { fd, offset } = source.extent!;
    const left = (source.frames ?? 0) - frame;
    if (left <= 0) return 0;
    const { frameBytes: bytes } = this.#session!;
    const at = offset + frame * bytes;
    // Of a file that was cut short all that is missing is one piece, and told of once.
    const frames = Math.min(left, fileEnd(fd) <= at ? mostOwed : most);
    const { direct } = feeding;
    if (direct !== undefined) return this.#feedDirect(feeding, direct, at, frames);
    bringNear(fd, at, frames * bytes);
    this.#slotsEnd.set(slot, this.#descriptors.tail);
    this.#descriptors.write({
      kind: DescriptorKind.extent,
      slot,
      offset: at,
      frames,
      track: number,
      firstFrame: frame,
    });
    this.#count(feeding, frames);
    return frames;
  }

  #feedDirect(feeding: Feeding, { alignment }: DirectFile, at: number, most: number): number {
    const { slot, number, frame } = feeding;
    const frames = blockFrames(at, this.#session!.frameBytes, alignment, most);
    this.#slotsEnd.set(slot, this.#descriptors.tail);
    this.#slotsEnd.set(slot + 1, this.#descriptors.tail);
    const place = { slot: slot + 1, offset: at, frames, track: number, firstFrame: frame };
    this.#descriptors.write({ kind: DescriptorKind.direct, ...place });
    this.#count(feeding, frames);
    return frames;
  }

  /** Frames decoded into the ring. Gives how many; 0 at the end; -1: there is no room now. */
  #feedDecoded(feeding: Feeding, most: number): number {
    const { source, number, frame } = feeding;
    const { frameBytes: bytes } = this.#session!;
    const frames = Math.max(1, Math.min(most, Math.floor(this.#space.byteLength / 8 / bytes)));
    const start = this.#space.find(frames * bytes);
    if (start < 0) return -1;
    const target = this.#bytes.subarray(offsets.pcm + start, offsets.pcm + start + frames * bytes);
    let got: number;
    try {
      got = source.read(target, frames);
    } catch (error) {
      const sentence = error instanceof Error ? error.message : String(error);
      this.#tellSkipped(feeding, sentence);
      return 0;
    }
    if (got === 0) return 0;
    this.#space.take(start, got * bytes, this.#descriptors.tail);
    this.#descriptors.write({ kind: DescriptorKind.pcm, offset: start, frames: got, track: number, firstFrame: frame });
    this.#count(feeding, got);
    return got;
  }

  #count(feeding: Feeding, frames: number): void {
    this.#isFruitful = true;
    feeding.frame += frames;
    feeding.fed += frames;
  }

  /** Of the file that is begun somewhere else than at its beginning. */
  #tooShort(): string {
    return `it ends before the place at which it was to begin, ${this.#start.startSeconds} s`;
  }

  #tellSkipped(feeding: Feeding, sentence: string): void {
    feeding.isTold = true;
    this.#say({ kind: 'skipped', file: feeding.file, path: feeding.source.path, sentence });
  }

  /** A file of which nothing came; that nothing is behind a place that was sought is no fault of it. */
  #tellNothing(feeding: Feeding): void {
    const { isWhole, isTold, source } = feeding;
    if (isTold || (!isWhole && this.#isSought)) return;
    const why = isWhole ? 'none of its frames could be decoded: the file is damaged' : this.#tooShort();
    this.#tellSkipped(feeding, sourceError(source.path, why).message);
  }

  #endTrack(feeding: Feeding): void {
    if (feeding.fed === 0) this.#tellNothing(feeding);
    this.#tellFed(feeding, feeding.isWhole);
    this.#closeFeeding();
    this.#phase = { kind: 'open', file: feeding.file + 1, frame: 0 };
  }

  #tellFed({ source, number, fed }: Feeding, isWhole: boolean): void {
    this.#say({ kind: 'fed', number, frames: fed, verdict: source.verdict(), isWhole });
  }

  /** Nothing follows. */
  #finish(): void {
    if (this.#session === undefined) {
      this.#phase = { kind: 'done' };
      if (this.#nextNumber > 0 || this.#isSought) this.#say({ kind: 'over' });
      else this.#say({ kind: 'refused', sentence: 'none of the files can be played', reason: 'usage' });
      return;
    }
    if (!this.#descriptors.hasRoom) return;
    this.#descriptors.write({ kind: DescriptorKind.end });
    this.#phase = { kind: 'done' };
  }
}
