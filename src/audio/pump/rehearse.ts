// Runs the pump's loop thousands of times before it counts, on a region of its own and with deadlines in the past, so that V8 has compiled everything when the first frame is due. The sink takes part
// without its device (Sink.rehearse). Not here: the loop.

import { setFlagsFromString } from 'node:v8';
import { scratch } from '../../kernel/memory.js';
import { sendWithDescriptors } from '../../kernel/pass-descriptors.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { unixStreamPair } from '../../kernel/socket-pair.js';
import { Region } from '../../memory/region.js';
import { frameBytes } from '../../wire/pcm/format.js';
import type { Sink, SinkOpening } from '../sinks/sink.js';
import { type PumpClock, Time } from './clock.js';
import { Fetcher } from './fetcher.js';
import { Figures } from './figures.js';
import { FileSlots } from './file-slots.js';
import { PumpLoop } from './loop.js';
import {
  DescriptorKind,
  DescriptorWord,
  descriptorEntries,
  descriptorPlace,
  FeederWord,
  fileSlots,
  offsets,
  PlayerNumber,
  PlayerWord,
  PumpWord,
  regionBytes,
} from './shared-layout.js';
import { Volume } from './volume.js';

/**
 * Each time with objects of its own: what V8 takes for granted of the first ones (a field that never changes) it has learned not to, when the second time begins.
 */
const rounds = 2;
const passes = 8000;
/** Of the processor, for each round: the passes take a third of it. */
const mostUs = 800_000;
/** A busy host gives little of it at a time; longer than this, for all rounds, nobody wants to wait for the first frame. */
const longestNs = 4e9;
const pcmBytes = 64 * 1024;
/** V8 compiles what runs often after a seventh of its own budget (66 KiB of bytecode): on a busy host too all of the loop is compiled within the time. */
const eagerFlag = '--interrupt-budget=10000';
const heldFlags = ['--no-opt', '--no-maglev', '--no-sparkplug'] as const;
/** Maglev stays off: not every V8 has it, or has it on. */
const releasedFlags = ['--opt', '--sparkplug'] as const;

/** Blocks of a disk that is read past the page cache, as small as areas of a rehearsal are. */
const blockBytes = 64;
/** What is there of a file that ends: of most forms of samples a frame or two, and less than one. */
const fileRestBytes = 5;

/** What follows each other: all kinds that are played. */
const sequence = [
  ...[DescriptorKind.pcm, DescriptorKind.extent, DescriptorKind.pcm, DescriptorKind.extent],
  ...[DescriptorKind.pcm, DescriptorKind.direct, DescriptorKind.extent, DescriptorKind.silence],
] as const;
/** Two numbers with the same place among the slots: each is there only until the other comes. */
const lateFiles = [2, 2 + fileSlots] as const;

/** What a rehearsal is played from: a region whose memory file is also the file that is read, as every number, and a socket over which that comes. */
class Stage {
  readonly region = new Region(regionBytes(pcmBytes), { kind: 'memfd', name: 'clearway-rehearsal' });
  readonly words = new Int32Array(this.region.buffer, 0, offsets.pcm / 4);
  readonly numbers = new Float64Array(this.region.buffer, 0, offsets.pcm / 8);
  readonly #sockets = unixStreamPair();
  readonly slots = new FileSlots(this.#sockets[1]);
  readonly #frames: number;
  #lateFile = 0;

  /** @param frames of each descriptor */
  constructor(frames: number) {
    this.#frames = frames;
    this.words[FeederWord.directAlignment] = 1;
    this.words[PlayerWord.isPlaying] = 1;
    this.numbers[PlayerNumber.volume] = 1;
    this.#fill();
    for (const number of [0, 1]) this.#pass(number);
  }

  /** Every descriptor anew: of the sequence, or all of one kind, file and place in it. */
  #fill(kind?: number, slot = 0, offset: number = offsets.pcm): void {
    for (let index = 0; index < descriptorEntries; index++) {
      const at = descriptorPlace(index);
      const each = kind ?? sequence[index % sequence.length]!;
      this.words[at + DescriptorWord.kind] = each;
      this.words[at + DescriptorWord.slot] = each === DescriptorKind.direct ? 1 : slot;
      this.words[at + DescriptorWord.offset] = each === DescriptorKind.pcm ? 0 : offset;
      this.words[at + DescriptorWord.frames] = this.#frames;
    }
  }

  /** The file, as this number, to the pump's end of the socket. */
  #pass(number: number): void {
    const place = scratch(4);
    place.data.setInt32(place.offset, number, true);
    sendWithDescriptors(this.#sockets[0], place.address, 4, [this.region.fd]);
  }

  /**
   * Before each pass, of which 128 are a cycle: it pauses, the volume changes while it plays and while it does not, blocks have another size, nothing is there, a file comes late, the stream ends,
   * another place is sought, of which nothing is there yet, or too little, and a file has ended in the middle of a frame.
   */
  command(pass: number): void {
    const { words } = this;
    const step = pass & 127;
    words[FeederWord.tail] = (words[PumpWord.head]! + descriptorEntries) | 0;
    words[PlayerWord.isPlaying] = step < 2 ? 0 : 1;
    if (step === 1) this.#changeVolume(1);
    else if (step === 10) words[FeederWord.directAlignment] = (pass & 128) === 0 ? 1 : blockBytes;
    else if (step === 20) this.#changeVolume(0.5);
    else if (step === 60) this.#changeVolume(1);
    else if (step === 70) words[FeederWord.tail] = words[PumpWord.head]!;
    else if (step === 72) {
      this.#lateFile ^= 1;
      this.#fill(DescriptorKind.extent, lateFiles[this.#lateFile]);
    } else if (step === 75) this.#pass(lateFiles[this.#lateFile]!);
    else if (step === 80) this.#fill(DescriptorKind.end);
    else if (step === 81) this.#changeVolume(1);
    else if (step === 100) {
      this.#fill();
      words[FeederWord.flushTail] = (words[PumpWord.head]! + 8) | 0;
      words[FeederWord.tail] = (words[FeederWord.flushTail]! + ((pass & 128) === 0 ? 0 : 1)) | 0;
      words[FeederWord.flushGeneration]!++;
    } else if (step === 101) this.#changeVolume(1);
    else if (step === 110) this.#fill(DescriptorKind.extent, 0, this.region.byteLength - fileRestBytes);
    else if (step === 116) this.#fill();
  }

  #changeVolume(volume: number): void {
    this.numbers[PlayerNumber.volume] = volume;
    this.words[PlayerWord.volumeGeneration]!++;
  }

  close(): void {
    this.slots.close();
    for (const socket of this.#sockets) closeDescriptor(socket);
    this.region.unmap();
  }
}

/** See the file's head. The sink is open, and prepared again when this returns. @param isWanted still; asked now and then */
export function rehearse(sink: Sink, opening: SinkOpening, clock: PumpClock, isWanted = () => true): void {
  setFlagsFromString(eagerFlag);
  sink.rehearse(true);
  sink.update();
  clock.read();
  const until = clock.times[Time.now]! + longestNs;
  for (let round = 0; round < rounds; round++) rehearseOnce(sink, opening, clock, until, isWanted);
  sink.rehearse(false);
  sink.prepare();
}

/**
 * While they are held, V8 compiles nothing of what runs often: compiling happens on the thread that plays, takes it for milliseconds, and memory by the page. What was rehearsed runs as
 * it was compiled there; the rest is interpreted. Cold.
 */
export function holdCompilers(isHeld: boolean): void {
  for (const flag of isHeld ? heldFlags : releasedFlags) setFlagsFromString(flag);
}

function usedUs(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin);
  return user + system;
}

function rehearseOnce(
  sink: Sink,
  opening: SinkOpening,
  clock: PumpClock,
  until: number,
  isWanted: () => boolean,
): void {
  const { format, periodFrames } = opening;
  // Less than there is room for: one descriptor follows the other.
  const frames = Math.max(1, Math.min(1024, Math.floor(pcmBytes / frameBytes(format)), (sink.room * 3) >> 2));
  const stage = new Stage(frames);
  const { buffer } = stage.region;
  const volume = new Volume(format.sample, format.channels, format.rate / 20);
  const fetcher = new Fetcher(buffer, sink, format, stage.slots, volume);
  const figures = new Figures(buffer, clock);
  figures.begin(periodFrames, format.rate);
  const parts = { region: buffer, clock, sink, opening, fetcher, volume, figures };
  const loop = new PumpLoop({ ...parts, wakeFrames: periodFrames, parentPid: 0, isRehearsal: true });
  const begin = process.cpuUsage();
  for (let pass = 0; pass < passes && clock.times[Time.now]! < until; pass++) {
    if ((pass & 127) === 127 && (usedUs(begin) > mostUs || !isWanted())) break;
    stage.command(pass);
    loop.pass();
    // Not every sink takes frames back.
    if ((pass & 127) === 30) fetcher.takeBack(0);
  }
  stage.words[PlayerWord.stop] = 1;
  loop.run();
  fetcher.close();
  figures.close();
  stage.close();
}
