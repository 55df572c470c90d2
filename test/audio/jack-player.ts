// The JACK sink without the pump around it, for tests: plays frames that a formula makes, and says as JSON what happened. A process of its own, since it blocks in its cycles.
// Arguments: FORMAT FRAMES STALL-MS JOIN: it sleeps so long once, after half of them; with "join" it joins its ports to those that the server has.

import { PumpClock } from '../../src/audio/pump/clock.js';
import { connectJack } from '../../src/audio/sinks/jack-connect.js';
import { JackSink } from '../../src/audio/sinks/jack-sink.js';
import { SinkState } from '../../src/audio/sinks/sink.js';
import { frameBytes, type PcmFormat, type SampleFormat, sampleBits } from '../../src/wire/pcm/format.js';
import { jackTestByte } from '../support/jack-samples.js';

const [sample, frames, stallMs] = [process.argv[2] as SampleFormat, Number(process.argv[3]), Number(process.argv[4])];
const channels = 2;
const format: PcmFormat = {
  sample,
  rate: 48_000,
  channels,
  channelMask: 3,
  validBits: Math.min(24, sampleBits(sample)),
};
const sink = new JackSink(new PumpClock());
const takes = sink.offers(format).some((offer) => offer.sample === sample);
if (!takes) throw new Error(`${sample} is not offered`);
const opening = sink.open(format);
sink.rehearse(true);
for (let pass = 0; pass < 2000; pass++) {
  sink.wait();
  sink.update();
  const count = sink.area(opening.periodFrames);
  sink.commit(count);
}
sink.rehearse(false);
sink.prepare();
const area = new Uint8Array(sink.memory.buffer);
const bytes = frameBytes(format);
let committed = 0;
const fill = (): void => {
  while (sink.room > 0 && committed < frames) {
    const count = sink.area(Math.min(sink.room, frames - committed));
    for (let at = 0; at < count * bytes; at++)
      area[sink.areaOffset + at] = jackTestByte(sample, committed * bytes + at);
    sink.commit(count);
    committed += count;
  }
};
fill();
if (sink.start() < 0) throw new Error(sink.trouble());
const joining = process.argv[5] === 'join' ? connectJack(process.pid, channels) : [];
const xruns: number[] = [];
let isStalled = stallMs === 0;
let cycles = 0;
let state: number = SinkState.running;
const step = (): boolean => {
  if (sink.wait() < 0) return false;
  cycles++;
  state = sink.update();
  if (state === SinkState.xrun) {
    xruns.push(sink.xrun[1]!);
    sink.prepare();
    if (sink.start() < 0) throw new Error(sink.trouble());
  }
  if (!isStalled && committed > frames / 2) {
    isStalled = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
  }
  fill();
  if (committed === frames && state === SinkState.running) sink.drain();
  return state !== SinkState.drained && state !== SinkState.gone;
};
// The joining needs turns of the event loop, which a pump has not.
const turn = (): void => {
  if (step()) setImmediate(turn);
  else void end();
};
async function end(): Promise<void> {
  const joined = await joining;
  const trouble = sink.trouble();
  sink.close();
  process.stdout.write(JSON.stringify({ opening, joined, xruns, cycles, committed, trouble, state }));
}
turn();
