// Runs the pump's loop thousands of times before it counts, on a region of its own and with deadlines in the past, so that V8 has compiled everything when the first frame is due. The sink takes part
// without its device (Sink.rehearse). Not here: the loop.

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
  descriptorBytes,
  descriptorEntries,
  FeederWord,
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
/** A busy host gives less of the processor; longer than this nobody wants to wait for the first frame. */
const longestNs = 800e6;
const pcmBytes = 64 * 1024;

/** Descriptors of every kind that is played; files are the region's own memory file, number 0. */
function fillDescriptors(words: Int32Array, frames: number): void {
  for (let index = 0; index < descriptorEntries; index++) {
    const at = (offsets.descriptors + index * descriptorBytes) >> 2;
    words[at + DescriptorWord.kind] =
      index % 8 === 7 ? DescriptorKind.silence : index % 2 === 0 ? DescriptorKind.pcm : DescriptorKind.extent;
    words[at + DescriptorWord.offsetLow] = index % 2 === 0 ? 0 : offsets.pcm;
    words[at + DescriptorWord.frames] = frames;
  }
}

/** See the file's head. The sink is open, and prepared again when this returns. @param isWanted still; asked now and then */
export function rehearse(sink: Sink, opening: SinkOpening, clock: PumpClock, isWanted = () => true): void {
  sink.rehearse(true);
  for (let round = 0; round < rounds; round++) rehearseOnce(sink, opening, clock, isWanted);
  sink.rehearse(false);
  sink.prepare();
}

/** Now and then it pauses, and the volume changes; once in a while there is nothing to be fetched, or the stream ends, or another place is sought. */
function commandAtTimes(words: Int32Array, numbers: Float64Array, frames: number, pass: number): void {
  const step = pass & 127;
  words[PlayerWord.isPlaying] = step < 2 ? 0 : 1;
  if (step === 20 || step === 60) {
    numbers[PlayerNumber.volume] = step === 20 ? 0.5 : 1;
    words[PlayerWord.volumeGeneration]!++;
  } else if (step === 70) words[FeederWord.tail] = words[PumpWord.head]!;
  else if (step === 80) {
    const soon = (words[PumpWord.head]! + 1) & (descriptorEntries - 1);
    words[(offsets.descriptors + soon * descriptorBytes) / 4 + DescriptorWord.kind] = DescriptorKind.end;
  } else if (step === 100) {
    fillDescriptors(words, frames);
    words[FeederWord.flushTail] = (words[PumpWord.head]! + 8) | 0;
    words[FeederWord.flushGeneration]!++;
  }
}

function rehearseOnce(sink: Sink, opening: SinkOpening, clock: PumpClock, isWanted: () => boolean): void {
  const { format, periodFrames } = opening;
  const region = new Region(regionBytes(pcmBytes), { kind: 'memfd', name: 'clearway-rehearsal' });
  const words = new Int32Array(region.buffer, 0, offsets.pcm / 4);
  const numbers = new Float64Array(region.buffer, 0, offsets.pcm / 8);
  numbers[PlayerNumber.volume] = 1;
  words[PlayerWord.isPlaying] = 1;
  const frames = Math.max(1, Math.min(1024, Math.floor(pcmBytes / frameBytes(format))));
  fillDescriptors(words, frames);
  const slots = FileSlots.of(region.fd);
  const volume = new Volume(format.sample, format.channels, format.rate / 20);
  const fetcher = new Fetcher(region.buffer, sink, format, slots, volume);
  const figures = new Figures(region.buffer, clock);
  figures.begin(periodFrames, format.rate);
  const parts = { region: region.buffer, clock, sink, opening, fetcher, volume, figures };
  const loop = new PumpLoop({ ...parts, wakeFrames: periodFrames, parentPid: 0, isRehearsal: true });
  clock.read();
  const until = clock.times[Time.now]! + longestNs;
  for (let pass = 0; pass < passes && clock.times[Time.now]! < until; pass++) {
    words[FeederWord.tail] = (words[PumpWord.head]! + descriptorEntries) | 0;
    if ((pass & 127) === 127 && !isWanted()) break;
    commandAtTimes(words, numbers, frames, pass);
    loop.pass();
  }
  fetcher.close();
  figures.close();
  region.unmap();
}
