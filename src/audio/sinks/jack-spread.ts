// Interleaved samples of a file's format onto one float buffer a channel, as JACK has them: the one copy on the way. Exact for up to 24 bits. Hot: nothing here
// allocates once it is compiled. Not here: where the buffers are.

import type { SampleFormat } from '../../wire/pcm/format.js';

/** The formats that are spread, and how much of a sample a float keeps. */
export type SpreadFormat = Extract<SampleFormat, 'S16_LE' | 'S24_3LE' | 'S24_LE' | 'S32_LE' | 'FLOAT_LE'>;

/** Those, the ones of files first. */
export const spreadFormats: readonly SpreadFormat[] = ['S16_LE', 'S24_3LE', 'S24_LE', 'S32_LE', 'FLOAT_LE'];

/** Whether there is a way for a format. */
export function isSpread(format: SampleFormat): format is SpreadFormat {
  return (spreadFormats as readonly SampleFormat[]).includes(format);
}

/** Spreads `frames` frames of which the first is frame `from` of the area, onto `port` from `at` on: one channel of `channels`. */
export type Spread = (
  channel: number,
  channels: number,
  from: number,
  frames: number,
  port: Float32Array,
  at: number,
) => void;

/** The way for a format over an area, which stays where it is. */
export function spreadOf(format: SpreadFormat, area: ArrayBuffer): Spread {
  switch (format) {
    case 'S16_LE':
      return ofWhole(new Int16Array(area, 0), 2 ** -15);
    case 'S32_LE':
      return ofWhole(new Int32Array(area, 0), 2 ** -31);
    case 'FLOAT_LE':
      return ofWhole(new Float32Array(area, 0), 1);
    case 'S24_LE':
      return ofThreeInFour(new Int32Array(area, 0));
    case 'S24_3LE':
      return ofThree(new Uint8Array(area, 0));
  }
}

function ofWhole(samples: Int16Array | Int32Array | Float32Array, factor: number): Spread {
  return (channel, channels, from, frames, port, at) => {
    let index = from * channels + channel;
    for (let frame = 0; frame < frames; frame++) {
      port[at + frame] = samples[index]! * factor;
      index += channels;
    }
  };
}

function ofThreeInFour(samples: Int32Array): Spread {
  return (channel, channels, from, frames, port, at) => {
    let index = from * channels + channel;
    for (let frame = 0; frame < frames; frame++) {
      // What is above the 24 bits is anything.
      port[at + frame] = ((samples[index]! << 8) >> 8) * 2 ** -23;
      index += channels;
    }
  };
}

function ofThree(bytes: Uint8Array): Spread {
  return (channel, channels, from, frames, port, at) => {
    const step = channels * 3;
    let index = (from * channels + channel) * 3;
    for (let frame = 0; frame < frames; frame++) {
      port[at + frame] =
        (((bytes[index]! | (bytes[index + 1]! << 8) | (bytes[index + 2]! << 16)) << 8) >> 8) * 2 ** -23;
      index += step;
    }
  };
}
