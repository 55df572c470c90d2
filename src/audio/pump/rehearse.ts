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

const passes = 15_000;
const longestNs = 400e6;
const pcmBytes = 64 * 1024;

/** Descriptors of every kind that is played. `file` is the number of the region's own memory file. */
function fillDescriptors(words: Int32Array, frames: number, file: number): void {
  for (let index = 0; index < descriptorEntries; index++) {
    const at = (offsets.descriptors + index * descriptorBytes) >> 2;
    words[at + DescriptorWord.kind] =
      index % 8 === 7 ? DescriptorKind.silence : index % 2 === 0 ? DescriptorKind.pcm : DescriptorKind.extent;
    words[at + DescriptorWord.slot] = file;
    words[at + DescriptorWord.offsetLow] = index % 2 === 0 ? 0 : offsets.pcm;
    words[at + DescriptorWord.frames] = frames;
  }
}

/**
 * See the file's head. The sink is open, and prepared again when this returns.
 */
export function rehearse(sink: Sink, opening: SinkOpening, clock: PumpClock): void {
  const { format } = opening;
  const region = new Region(regionBytes(pcmBytes), { kind: 'memfd', name: 'clearway-rehearsal' });
  const words = new Int32Array(region.buffer, 0, offsets.pcm / 4);
  new Float64Array(region.buffer)[PlayerNumber.volume] = 1;
  words[PlayerWord.isPlaying] = 1;
  const file = 0;
  fillDescriptors(words, Math.max(1, Math.min(1024, Math.floor(pcmBytes / frameBytes(format)))), file);
  sink.rehearse(true);
  const slots = FileSlots.of(region.fd);
  const volume = new Volume(format.sample, format.channels, format.rate / 20);
  const fetcher = new Fetcher(region.buffer, sink, format, slots, volume);
  const figures = new Figures(region.buffer, clock);
  figures.begin(opening.periodFrames, format.rate);
  const parts = { region: region.buffer, clock, sink, opening, fetcher, volume, figures };
  const loop = new PumpLoop({ ...parts, wakeFrames: opening.periodFrames, parentPid: 0, isRehearsal: true });
  clock.read();
  const until = clock.times[Time.now]! + longestNs;
  for (let pass = 0; pass < passes && clock.times[Time.now]! < until; pass++) {
    words[FeederWord.tail] = (words[PumpWord.head]! + descriptorEntries) | 0;
    loop.pass();
  }
  sink.rehearse(false);
  sink.prepare();
  fetcher.close();
  figures.close();
  region.unmap();
}
