// What is said of a device to its operator, within bounds: a guest, or a front end, that does wrong over and over must not fill a disk with sentences
// about it, nor memory, where the operator reads slowly. What is left out is counted, and the count is said. Not here: what is said.

import type { Loop } from '../transport/loop.js';

/** Sentences that may be said at once, and in a second from then on. */
const mostAtOnce = 100;
const perSecond = 2;

/** Returns what says sentences as `say` does, as long as they are not too many. */
export function limitedSay(loop: Loop, say: (sentence: string) => void): (sentence: string) => void {
  let left = mostAtOnce;
  let sinceMs = loop.nowMs;
  let leftOut = 0;
  let stop: (() => void) | undefined;
  const fill = (): void => {
    left = Math.min(left + (perSecond * (loop.nowMs - sinceMs)) / 1000, mostAtOnce);
    sinceMs = loop.nowMs;
  };
  // Only while something was left out: otherwise nobody wakes up for it.
  const tick = (): void => {
    fill();
    if (left < 1) return;
    left--;
    say(`${leftOut} more sentences like these are left out`);
    leftOut = 0;
    stop?.();
    stop = undefined;
  };
  return (sentence) => {
    fill();
    if (left >= 1 && leftOut === 0) {
      left--;
      say(sentence);
      return;
    }
    leftOut++;
    stop ??= loop.everyTick(tick);
  };
}
