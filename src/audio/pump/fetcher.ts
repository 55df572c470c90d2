// Frames from the feeder's descriptors into a sink's area: of a file by one read of the kernel's, of the PCM ring by one copy, of neither as silence. It keeps two places in the ring of
// descriptors: what is fetched next, and what is heard next. Only what has been heard is given back to the feeder, so that after an xrun, a pause or a seek of the device everything that was
// queued can be fetched again. Its hot methods allocate nothing. Not here: when (loop.ts).

import { RWF } from '../../kernel/constants.js';
import { Errno } from '../../kernel/errno.js';
import { fileEnd, readVectors } from '../../kernel/file.js';
import { type KeptAddress, keepAddress } from '../../kernel/memory.js';
import { highWord, lowWord, word64 } from '../../kernel/words.js';
import { CopyReason, copyElements } from '../../memory/copy.js';
import { Region } from '../../memory/region.js';
import { ConsumerRing } from '../../ring/ring.js';
import { frameBytes, type PcmFormat, silenceByte } from '../../wire/pcm/format.js';
import type { Sink } from '../sinks/sink.js';
import type { FileSlots } from './file-slots.js';
import {
  DescriptorKind,
  DescriptorWord,
  descriptorEntries,
  descriptorPlace,
  FeederWord,
  offsets,
  PumpNumber,
  PumpWord,
} from './shared-layout.js';
import { SampleViews, type Volume } from './volume.js';

/** Why {@link Fetcher.fetch} gave no frames. */
export const Shortage = {
  none: 0,
  /** The feeder has not said what follows. */
  empty: 1,
  /** The page cache does not have it yet. */
  notCached: 2,
  /** The stream, or its format, ends here: {@link DescriptorKind} says which. */
  end: 3,
  /** There is less room than a read past the page cache needs, or the sink has none now. */
  room: 4,
} as const;

/** As constants: a name that is looked up where nobody has been before has compiled code thrown away. */
const { none: ended, notCached } = Shortage;
const again = -Errno.EAGAIN;
const interrupted = -Errno.EINTR;

const mask = descriptorEntries - 1;
const mostMissing = 0x7fff_ffff;
/** Bytes that are read and multiplied in one go while the volume is not 0 dB. */
const stagingBytes = 64 * 1024;

const halvesOf = (address: number): Uint32Array => new Uint32Array([lowWord(address), highWord(address)]);

/** See the file's head. */
export class Fetcher {
  /** See {@link Shortage}, of the last {@link fetch}. */
  shortage: number = Shortage.none;
  /** Frames that were fetched, and have not been heard. */
  outstanding = 0;
  /** Frames that a file owed and did not have, since it was last asked: the loop tells of them and sets it to 0. */
  missing = 0;
  /** What ends the stream, once `shortage` is `end`: a kind of descriptor. */
  endKind = 0;
  /** The track that is heard, and which of its frames is next. */
  track = -1;
  readonly frame = new Float64Array(1);

  readonly #ring: ConsumerRing;
  readonly #words: Int32Array;
  readonly #numbers: Float64Array;
  readonly #slots: FileSlots;
  readonly #sink: Sink;
  readonly #volume: Volume;
  readonly #frameBytes: number;
  readonly #silence: number;
  /** Frames of a descriptor that are there, where a file had fewer than it owed; -1: all. */
  readonly #there = new Int32Array(descriptorEntries).fill(-1);
  readonly #area: SampleViews;
  /** Addresses of the area and of the staging memory, low half first. */
  readonly #areaHalves: Uint32Array;
  readonly #stagingHalves: Uint32Array;
  readonly #pcm: SampleViews;
  readonly #staging: Region;
  readonly #stagingSamples: SampleViews;
  readonly #vector: Region;
  readonly #vectorWords: Uint32Array;
  readonly #vectorAt: KeptAddress;
  #fetchIndex: number;
  #fetchDone = 0;
  #heardDone = 0;
  /** RWF_NOWAIT, or 0 where a file system does not know it. */
  #readFlags: number = RWF.NOWAIT;
  /** No read past the page cache was refused. */
  #takesDirect = true;

  /** @param region the shared region's bytes. @param sink open, for frames of `format` */
  constructor(region: ArrayBuffer, sink: Sink, format: PcmFormat, slots: FileSlots, volume: Volume) {
    this.#words = new Int32Array(region, 0, offsets.pcm / 4);
    this.#numbers = new Float64Array(region, 0, offsets.pcm / 8);
    this.#ring = new ConsumerRing(this.#words, PumpWord.head, FeederWord.tail, descriptorEntries);
    this.#fetchIndex = this.#ring.head;
    this.#slots = slots;
    this.#sink = sink;
    this.#volume = volume;
    this.#frameBytes = frameBytes(format);
    this.#silence = silenceByte(format.sample);
    this.#area = new SampleViews(sink.memory.buffer);
    this.#areaHalves = halvesOf(sink.memory.address);
    this.#pcm = new SampleViews(region, offsets.pcm);
    this.#staging = new Region(stagingBytes);
    this.#stagingSamples = new SampleViews(this.#staging.buffer);
    this.#stagingHalves = halvesOf(this.#staging.address);
    this.#vector = new Region(16);
    this.#vectorWords = new Uint32Array(this.#vector.buffer, 0, 4);
    this.#vectorAt = keepAddress(this.#vector.address);
    // Pages are there before they are needed.
    this.#staging.bytes.fill(0);
    this.#vectorWords.fill(0);
    this.tellPlace();
  }

  /**
   * Puts up to `frames` frames where the sink has its next ones, in one piece; the sink is not told. Gives how many; 0: `shortage` says why.
   */
  fetch(frames: number): number {
    for (let pass = 0; pass < descriptorEntries; pass++) {
      const ahead = (this.#fetchIndex - this.#ring.head) | 0;
      if (this.#ring.available() - ahead <= 0) {
        this.#giveBack();
        return this.#short(Shortage.empty);
      }
      const at = descriptorPlace(this.#fetchIndex);
      const kind = this.#words[at + DescriptorWord.kind]!;
      if (kind === DescriptorKind.end || kind === DescriptorKind.formatEnds) {
        this.endKind = kind;
        return this.#short(Shortage.end);
      }
      const left = this.#framesOf(this.#fetchIndex) - this.#fetchDone;
      if (left > 0) {
        const wanted = this.#sink.area(left < frames ? left : frames);
        // None is nothing about the file.
        if (wanted <= 0) return this.#short(Shortage.room);
        const got = this.#take(kind, at, wanted);
        if (got > 0) {
          if (this.#volume.isUnity()) this.#volume.pass(got);
          this.#fetchDone += got;
          this.outstanding += got;
          this.shortage = Shortage.none;
          return got;
        }
        if (this.shortage !== Shortage.none) return 0;
        // The file ended: what it owes is left out.
        continue;
      }
      this.#fetchIndex = (this.#fetchIndex + 1) | 0;
      this.#fetchDone = 0;
    }
    return this.#short(Shortage.empty);
  }

  /** Silence where the sink has its next frames: up to `frames`, in one piece. It stands for no descriptor. Gives how many. */
  fetchSilence(frames: number): number {
    const wanted = this.#sink.area(frames);
    if (wanted <= 0) return this.#short(Shortage.room);
    this.#silent(wanted);
    return wanted;
  }

  /** `queued` frames have not been heard yet: what was fetched before them has, and is given back. */
  heard(queued: number): void {
    let played = this.outstanding - queued;
    if (played <= 0) return;
    this.outstanding = queued;
    const before = this.#ring.head;
    while (played > 0) {
      const left = this.#framesOf(this.#ring.head) - this.#heardDone;
      if (played < left) {
        this.#heardDone += played;
        break;
      }
      played -= left;
      this.#pass(left);
    }
    if (((this.#fetchIndex - this.#ring.head) | 0) < 0) {
      // All of a descriptor was fetched and heard before the next one was looked at.
      this.#fetchIndex = this.#ring.head;
      this.#fetchDone = 0;
    }
    // Nothing is left of it, so it need not wait for what follows.
    while (this.#ring.head !== this.#fetchIndex && this.#framesOf(this.#ring.head) === this.#heardDone) this.#pass(0);
    if (this.#ring.head !== before) this.#ring.release();
    this.tellPlace();
  }

  /** Fetches again from what is heard next: nothing of it is queued any more. */
  again(): void {
    this.#numbers[PumpNumber.silentFrames]! -= this.#silenceOutstanding();
    this.#rewind();
  }

  #rewind(): void {
    this.#fetchIndex = this.#ring.head;
    this.#fetchDone = this.#heardDone;
    this.outstanding = 0;
  }

  /** The sink took the last `frames` frames back. */
  takeBack(frames: number): void {
    let left = this.outstanding - frames;
    this.again();
    this.outstanding = left;
    while (left > 0) {
      const there = this.#framesOf(this.#fetchIndex) - this.#fetchDone;
      if (left < there) {
        this.#fetchDone += left;
        break;
      }
      left -= there;
      this.#fetchIndex = (this.#fetchIndex + 1) | 0;
      this.#fetchDone = 0;
    }
    this.#numbers[PumpNumber.silentFrames]! += this.#silenceOutstanding();
  }

  /** Of the frames that were fetched and have not been heard: how many are silence before a file's first. */
  #silenceOutstanding(): number {
    let silent = 0;
    let from = this.#heardDone;
    for (let index = this.#ring.head; ((this.#fetchIndex - index) | 0) >= 0; index = (index + 1) | 0) {
      const isLast = index === this.#fetchIndex;
      const isSilence = this.#words[descriptorPlace(index) + DescriptorWord.kind] === DescriptorKind.silence;
      if (isSilence) silent += (isLast ? this.#fetchDone : this.#framesOf(index)) - from;
      from = 0;
    }
    return silent;
  }

  /** Forgets every descriptor before `index`, as the feeder asked. Nothing of them is queued any more. */
  flush(index: number): void {
    this.#numbers[PumpNumber.silentFrames]! -= this.#silenceOutstanding();
    while (this.#ring.head !== index) this.#next();
    this.#heardDone = 0;
    this.#ring.release();
    this.#rewind();
    this.tellPlace();
  }

  /** Goes past the descriptor that ended the stream's format. Cold. */
  passEnd(): void {
    while (this.#ring.head !== this.#fetchIndex) this.#next();
    this.#next();
    this.#ring.release();
    this.#rewind();
  }

  /** Looks which track is heard, and which of its frames is next: `track` and `frame`. */
  tellPlace(): void {
    if (this.#ring.available() <= 0) return;
    const at = descriptorPlace(this.#ring.head);
    const kind = this.#words[at + DescriptorWord.kind]!;
    if (kind === DescriptorKind.end || kind === DescriptorKind.formatEnds) return;
    this.track = this.#words[at + DescriptorWord.track]!;
    this.frame[0] =
      word64(this.#words, at + DescriptorWord.firstFrame) + (kind === DescriptorKind.silence ? 0 : this.#heardDone);
  }

  /** Gives its memory back. */
  close(): void {
    this.#staging.unmap();
    this.#vector.unmap();
  }

  #framesOf(index: number): number {
    const there = this.#there[index & mask]!;
    return there >= 0 ? there : this.#words[descriptorPlace(index) + DescriptorWord.frames]!;
  }

  /** The rest of the descriptor that is heard next, so many frames, was heard: it is done with. */
  #pass(frames: number): void {
    this.#heardDone += frames;
    this.tellPlace();
    this.#next();
  }

  /** The descriptor that is heard next is done with. */
  #next(): void {
    this.#there[this.#ring.head & mask] = -1;
    this.#ring.head = (this.#ring.head + 1) | 0;
    this.#heardDone = 0;
  }

  /** Nothing is queued: descriptors that turned out to be empty need not wait until something was heard. */
  #giveBack(): void {
    if (this.outstanding !== 0 || this.#ring.head === this.#fetchIndex) return;
    while (this.#ring.head !== this.#fetchIndex) this.#pass(0);
    this.#ring.release();
  }

  #short(reason: number): number {
    this.shortage = reason;
    return 0;
  }

  #take(kind: number, at: number, frames: number): number {
    if (kind === DescriptorKind.extent) return this.#read(at, this.#words[at + DescriptorWord.slot]!, frames);
    if (kind === DescriptorKind.direct) return this.#readDirect(at, frames);
    if (kind === DescriptorKind.pcm) this.#copy(at, frames);
    else {
      this.#silent(frames);
      this.#numbers[PumpNumber.silentFrames]! += frames;
    }
    return frames;
  }

  #silent(frames: number): void {
    const { bytes } = this.#area;
    const start = this.#sink.areaOffset;
    const end = start + frames * this.#frameBytes;
    for (let at = start; at < end; at++) bytes[at] = this.#silence;
  }

  #copy(at: number, frames: number): void {
    const from = this.#words[at + DescriptorWord.offset]! + this.#fetchDone * this.#frameBytes;
    const length = frames * this.#frameBytes;
    if (this.#volume.isUnity())
      copyElements(CopyReason.soundFill, this.#area, this.#sink.areaOffset, this.#pcm, from, length);
    else this.#multiply(this.#pcm, from, frames);
    this.#numbers[PumpNumber.userBytes]! += length;
  }

  /**
   * Past the page cache, the disk's DMA straight into the area, as far as place, length and file are aligned; what is before and behind that
   * comes through the page cache.
   */
  #readDirect(at: number, frames: number): number {
    const slot = this.#words[at + DescriptorWord.slot]!;
    const alignment = this.#words[FeederWord.directAlignment]! - 1;
    const place = this.#sink.areaOffset;
    const inFile = this.#words[at + DescriptorWord.offset]! + Math.imul(this.#fetchDone, this.#frameBytes);
    if (!this.#takesDirect || !this.#volume.isUnity() || (((inFile - place) | 0) & alignment) !== 0)
      return this.#read(at, slot - 1, frames);
    if ((place & alignment) !== 0) return this.#read(at, slot - 1, this.#framesToBlock(place, alignment, frames));
    let unit = alignment + 1;
    while (unit % this.#frameBytes !== 0) unit += alignment + 1;
    const left = (this.#framesOf(this.#fetchIndex) - this.#fetchDone) * this.#frameBytes;
    const whole = (frames * this.#frameBytes) / unit;
    if (whole < 1) return left < unit ? this.#read(at, slot - 1, frames) : this.#short(Shortage.room);
    const file = this.#slots.descriptorOf(slot);
    if (file < 0) return this.#short(Shortage.notCached);
    this.#aim(this.#areaHalves, place);
    const got = this.#readBlocks(file, at, Math.floor(whole) * unit);
    return got > 0 ? got : this.#read(at, slot - 1, frames);
  }

  /** Frames until a block of the file begins where a frame does, `most` if that is further away. */
  #framesToBlock(place: number, alignment: number, most: number): number {
    let frames = 1;
    while (frames < most && ((place + frames * this.#frameBytes) & alignment) !== 0) frames++;
    return frames;
  }

  /** Gives frames; 0: it cannot be read so. */
  #readBlocks(file: number, at: number, length: number): number {
    const offset = word64(this.#words, at + DescriptorWord.offset) + this.#fetchDone * this.#frameBytes;
    this.#vectorWords[2] = length;
    const got = readVectors(file, this.#vectorAt[0], 1, offset, 0);
    if (got < 0) this.#takesDirect = false;
    const frames = got > 0 ? (got / this.#frameBytes) | 0 : 0;
    this.#numbers[PumpNumber.directBytes]! += frames * this.#frameBytes;
    if (frames > 0) this.shortage = Shortage.none;
    return frames;
  }

  #read(at: number, slot: number, frames: number): number {
    const file = this.#slots.descriptorOf(slot);
    if (file < 0) return this.#short(Shortage.notCached);
    if (this.#volume.isUnity()) {
      this.#aim(this.#areaHalves, this.#sink.areaOffset);
      return this.#readFrames(file, at, frames);
    }
    const most = (stagingBytes / this.#frameBytes) | 0;
    this.#aim(this.#stagingHalves, 0);
    const got = this.#readFrames(file, at, frames < most ? frames : most);
    if (got <= 0) return got;
    this.#multiply(this.#stagingSamples, 0, got);
    this.#numbers[PumpNumber.userBytes]! += got * this.#frameBytes;
    return got;
  }

  /** Frames by the volume into the area; `from` in bytes. */
  #multiply(source: SampleViews, from: number, frames: number): void {
    this.#volume.apply(this.#area, this.#sink.areaOffset, source, from, frames);
    this.#numbers[PumpNumber.volumeBytes]! += frames * this.#frameBytes;
  }

  /** The next read goes to `offset` bytes behind an address, which is given in two halves. */
  #aim(halves: Uint32Array, offset: number): void {
    const low = halves[0]! + offset;
    this.#vectorWords[0] = low;
    this.#vectorWords[1] = halves[1]! + highWord(low);
  }

  /** Gives frames; 0 and a shortage: the page cache does not have them; 0 and none: the file ends here. */
  #readFrames(file: number, at: number, frames: number): number {
    const offset = word64(this.#words, at + DescriptorWord.offset) + this.#fetchDone * this.#frameBytes;
    this.#vectorWords[2] = frames * this.#frameBytes;
    let got = readVectors(file, this.#vectorAt[0], 1, offset, this.#readFlags);
    if (got === -Errno.EOPNOTSUPP && this.#readFlags !== 0) {
      this.#readFlags = 0;
      got = readVectors(file, this.#vectorAt[0], 1, offset, 0);
    }
    if (got >= this.#frameBytes) {
      const whole = (got / this.#frameBytes) | 0;
      this.shortage = Shortage.none;
      this.#numbers[PumpNumber.kernelBytes]! += whole * this.#frameBytes;
      return whole;
    }
    // No branch: that a page is not there happens in no rehearsal.
    const isLater = got === again || got === interrupted || (got > 0 && fileEnd(file) >= offset + this.#frameBytes);
    this.shortage = isLater ? notCached : ended;
    if (!isLater) this.#leaveOut();
    return 0;
  }

  /** The file has no more, or cannot be read: the rest of this descriptor is left out. */
  #leaveOut(): void {
    const left = this.#framesOf(this.#fetchIndex) - this.#fetchDone;
    this.#there[this.#fetchIndex & mask] = this.#fetchDone;
    this.missing = left < mostMissing - this.missing ? this.missing + left : mostMissing;
    // Hours of a file that was cut are more than a word holds: it stays at the most.
    const soFar = this.#words[PumpWord.framesMissing]!;
    this.#words[PumpWord.framesMissing] = left < mostMissing - soFar ? soFar + left : mostMissing;
  }
}
