// What a rehearsal runs of the sink for cards, block by block, in a process of its own: V8 counts blocks only of what was not compiled before. Not here: the rest of it (alsa-kernel.test.ts).

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftOutBlocks } from '../../../test/support/left-out-blocks.js';
import { FakeSound, fakeCard } from '../../alsa/fake-sound.js';
import type { PcmFormat } from '../../wire/pcm/format.js';
import { PumpClock } from '../pump/clock.js';
import { rehearse } from '../pump/rehearse.js';
import { KernelAlsaSink } from './alsa-kernel.js';

const format: PcmFormat = { sample: 'S16_LE', rate: 48_000, channels: 2, channelMask: 3, validBits: 16 };
/** Of 128 passes each. */
const cycles = 12;

test('a rehearsal runs every block that playing to a card needs, also when it ran dry', async () => {
  const clock = new PumpClock();
  const sink = new KernelAlsaSink(clock, { card: 0, device: 0, subdevice: undefined }, new FakeSound(fakeCard()));
  sink.offers(format);
  const opening = sink.open(format, { bufferMs: 500, periodFrames: 256, convert: false, direct: false });
  let left = cycles;
  const found = await leftOutBlocks(['/audio/sinks/alsa-kernel.js', '/alsa/stream.js'], () =>
    rehearse(sink, opening, clock, () => left-- > 0),
  );
  sink.close();
  assert.deepEqual(found, {
    // The device is gone; more is queued than there is; the system slept; the end.
    update: [
      "{ this.#failed('its position', -Errno.ENODEV); ret",
      '? this.#ring',
      'return SinkState.suspended;',
      'return SinkState.draining;',
      '? SinkState.drained',
    ],
    drop: ['stream.synchronize();'],
    // What nobody does.
    commit: ['return -Errno.EINVAL;'],
    // Of cards that cannot pause.
    pause: ['return -Errno.ENOSYS;'],
    // The high word, once in 2^32 frames. The rest: of cards that share no pages, which are asked by calls.
    advance: ['{ // The high word changes too: both in one store,', ': this.#sync(0)'],
    synchronize: [
      'const result = this.#sync(SNDRV_PCM_SYNC_PTR.HWSYN',
      'return result; return this.#sync(SNDRV_PCM_SYNC_PT',
    ],
    rehearse: ['this.#sync(SNDRV_PCM_SYNC_PTR.APPL | SNDRV_PCM_SYN'],
    '#after': ['this.#sync(SNDRV_PCM_SYNC_PTR.APPL | SNDRV_PCM_SYN'],
  });
});
