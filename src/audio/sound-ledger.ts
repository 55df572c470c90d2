// What became of sound in the account of copies: the pump is a process whose own account ends with it, and says in numbers of the shared region what it copied; sinks say how often they copy once
// more. Not here: the account (memory/copy.ts), the numbers (pump/shared-layout.ts), copies of the kernel, which are none of ours.

import { CopyReason, countCopy } from '../memory/copy.js';
import { frameBytes } from '../wire/pcm/format.js';
import { PumpNumber } from './pump/shared-layout.js';
import type { SinkOpening } from './sinks/sink.js';

/** Frames of files that were committed: silence is left out. @param numbers of the shared region */
export function payloadFramesOf(numbers: Float64Array): number {
  // Silence that was fetched and dropped before it was heard is in the one number alone.
  return Math.max(0, numbers[PumpNumber.framesCommitted]! - numbers[PumpNumber.silentFrames]!);
}

/**
 * Counts the pump's copies on this thread. Where the format changed on the way, the copies of sinks are reckoned as if all had had the last one.
 * @param numbers of the shared region, at the end @param opening of the sink that was open last
 */
export function countSoundCopies(numbers: Float64Array, opening: SinkOpening | undefined): void {
  const multiplied = numbers[PumpNumber.volumeBytes]!;
  const bySink =
    opening === undefined ? 0 : (opening.copies ?? 0) * payloadFramesOf(numbers) * frameBytes(opening.format);
  countCopy(CopyReason.soundVolume, multiplied);
  countCopy(CopyReason.soundFill, numbers[PumpNumber.userBytes]! - multiplied + bySink);
}
