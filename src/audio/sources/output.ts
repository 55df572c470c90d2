// What every source shares: whether an output can be made of it, and the list of what was lost. Not here: decoding.

import { describeChannels, type PcmFormat } from '../../wire/pcm/format.js';
import { FrameStore } from '../../wire/pcm/store.js';
import { sourceError } from './file.js';
import type { LostFrames, SourceOutput } from './source.js';

/**
 * The store that makes an output of a source's frames.
 * @param loaded how the frames lie in memory before: the source's format, or a decoder's. @param up see {@link FrameStore}.
 * @throws SourceError for another rate, and for channels that the source does not have.
 */
export function storeFor(path: string, loaded: PcmFormat, output: SourceOutput, up = 0): FrameStore {
  const { format, order } = output;
  if (format.rate !== loaded.rate) {
    throw sourceError(path, `it has ${loaded.rate} Hz and is not converted to ${format.rate} Hz here`);
  }
  const isSound = order === undefined ? format.channels === loaded.channels : order.length === format.channels;
  if (!isSound || order?.some((from) => from >= loaded.channels) === true) {
    throw sourceError(
      path,
      `it has ${describeChannels(loaded.channels)} and is not mixed to ${describeChannels(format.channels)} here`,
    );
  }
  return new FrameStore(loaded, output, up);
}

/** A view of the target's beginning. @throws RangeError when it has no room for so many frames. */
export function targetView(target: Uint8Array, frames: number, frameBytes: number): DataView {
  if (target.byteLength < frames * frameBytes) {
    throw new RangeError(`${frames} frames of ${frameBytes} bytes do not fit into ${target.byteLength} bytes`);
  }
  return new DataView(target.buffer, target.byteOffset, frames * frameBytes);
}

const mostEntries = 1000;

/** Damage in the order of the stream. The list is bounded: its last entry stands for all that comes behind. */
export class LossList {
  readonly entries: { frame: number; frames: number }[] = [];
  framesTotal = 0;

  /** Adds frames that could not be had; what follows the last loss directly is one with it, and what is met again counts once. */
  add(frame: number, frames: number): void {
    if (frames <= 0 || this.entries.some((entry) => frame >= entry.frame && frame < entry.frame + entry.frames)) return;
    this.framesTotal += frames;
    const last = this.entries.at(-1);
    if (last !== undefined && (last.frame + last.frames === frame || this.entries.length === mostEntries)) {
      last.frames += frames;
    } else this.entries.push({ frame, frames });
  }

  /** The list as it is now. */
  list(): readonly LostFrames[] {
    return this.entries.map((entry) => ({ ...entry }));
  }
}
