import assert from 'node:assert/strict';
import { Session } from 'node:inspector/promises';
import { test } from 'node:test';
import type { PcmFormat } from '../../wire/pcm/format.js';
import { NullSink } from '../sinks/null-sink.js';
import { PumpClock } from './clock.js';
import { rehearse } from './rehearse.js';

const format: PcmFormat = { sample: 'S16_LE', rate: 48_000, channels: 2, channelMask: 3, validBits: 16 };
const files = ['loop', 'fetcher', 'file-slots', 'figures', 'volume', 'clock'];
/** Of 128 passes each. */
const cycles = 12;

test('a rehearsal runs every function that playing, pausing, seeking, xruns, late files and an end need', async () => {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true });
  const clock = new PumpClock();
  const sink = new NullSink(clock, true);
  let left = cycles;
  const opening = sink.open(format, { bufferMs: 0, periodFrames: 256, convert: false, direct: false });
  rehearse(sink, opening, clock, () => left-- > 0);
  sink.close();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const ours = result.filter(({ url }) => files.some((file) => url.endsWith(`/audio/pump/${file}.js`)));
  assert.equal(ours.length, files.length);
  const leftOut = ours
    .flatMap(({ functions }) => functions)
    .filter(({ ranges }) => ranges[0]!.count === 0)
    .map(({ functionName }) => functionName);
  assert.deepEqual(
    new Set(leftOut),
    new Set([
      // What goes wrong: the device is gone, a file is shorter than it was, the system slept.
      ...['#gone', '#leaveOut', '#tellMissing', '#wokeUp'],
      // Of sinks whose end is a drain, and of disks with blocks.
      ...['#drained', '#framesToBlock'],
      // Of cards that give times, and when playing is over.
      ...['get baseSeconds', 'end', 'passEnd'],
    ]),
  );
});
