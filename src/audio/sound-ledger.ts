// What became of sound in the account of copies: the pump is a process whose own account ends with it, and says in numbers of the shared region what it copied; sinks say how often they copy once
// more. Not here: the account (memory/copy.ts), the numbers (pump/shared-layout.ts), copies of the kernel, which are none of ours.

import { CopyReason, countCopy } from '../memory/copy.js';
import { frameBytes } from '../wire/pcm/format.js';
import { PumpNumber } from './pump/shared-layout.js';
import type { SinkOpening } from './sinks/sink.js';

/** Bytes of files that were committed. */
interface Payload {
  /** Silence is left out. */
  readonly bytes: number;
  /** What sinks copied of them once more. */
  readonly sinkBytes: number;
}

function payloadFramesOf(numbers: Float64Array): number {
  // Silence that a device refused when it went away is in the one number alone.
  return Math.max(0, numbers[PumpNumber.framesCommitted]! - numbers[PumpNumber.silentFrames]!);
}

/** What was committed over all formats. @param numbers of the shared region @param opening of the sink that was open last */
export function payloadOf(numbers: Float64Array, opening: SinkOpening | undefined): Payload {
  const frames = Math.max(0, payloadFramesOf(numbers) - numbers[PumpNumber.endedFrames]!);
  const bytes = opening === undefined ? 0 : frames * frameBytes(opening.format);
  return {
    bytes: numbers[PumpNumber.endedBytes]! + bytes,
    sinkBytes: numbers[PumpNumber.endedSinkBytes]! + bytes * (opening?.copies ?? 0),
  };
}

/** In the pump: the stream of this sink has been played, and another format follows. */
export function endStream(numbers: Float64Array, opening: SinkOpening): void {
  const { bytes, sinkBytes } = payloadOf(numbers, opening);
  numbers[PumpNumber.endedFrames] = payloadFramesOf(numbers);
  numbers[PumpNumber.endedBytes] = bytes;
  numbers[PumpNumber.endedSinkBytes] = sinkBytes;
}

/** Counts the pump's copies on this thread. @param numbers of the shared region, at the end @param opening of the sink that was open last */
export function countSoundCopies(numbers: Float64Array, opening: SinkOpening | undefined): void {
  const multiplied = numbers[PumpNumber.volumeBytes]!;
  const { sinkBytes } = payloadOf(numbers, opening);
  countCopy(CopyReason.soundVolume, multiplied);
  countCopy(CopyReason.soundFill, numbers[PumpNumber.userBytes]! - multiplied + sinkBytes);
}
