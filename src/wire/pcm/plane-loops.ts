// The loops that a decoder's planes go through, one for each usual form of samples: three times as fast as the one that can do everything
// (store.ts), because nothing in them is decided. Pure.

/**
 * Stores a run of 32-bit integers, shifted up first, in another form; gives all bits that were seen.
 * `at` and `targetAt` are bytes, the source's samples lie together, the target's `step` bytes apart.
 */
export type PlaneLoop = (
  source: DataView,
  at: number,
  target: DataView,
  targetAt: number,
  step: number,
  frames: number,
  up: number,
) => number;

const to16: PlaneLoop = (source, at, target, targetAt, step, frames, up) => {
  let seen = 0;
  let from = at;
  let to = targetAt;
  for (let frame = 0; frame < frames; frame++) {
    const value = source.getInt32(from, true) << up;
    seen |= value;
    target.setInt16(to, value >> 16, true);
    from += 4;
    to += step;
  }
  return seen;
};

const to24Packed: PlaneLoop = (source, at, target, targetAt, step, frames, up) => {
  let seen = 0;
  let from = at;
  let to = targetAt;
  for (let frame = 0; frame < frames; frame++) {
    const value = source.getInt32(from, true) << up;
    seen |= value;
    target.setInt16(to, value >> 8, true);
    target.setInt8(to + 2, value >> 24);
    from += 4;
    to += step;
  }
  return seen;
};

const to24: PlaneLoop = (source, at, target, targetAt, step, frames, up) => {
  let seen = 0;
  let from = at;
  let to = targetAt;
  for (let frame = 0; frame < frames; frame++) {
    const value = source.getInt32(from, true) << up;
    seen |= value;
    target.setInt32(to, value >> 8, true);
    from += 4;
    to += step;
  }
  return seen;
};

const to32: PlaneLoop = (source, at, target, targetAt, step, frames, up) => {
  let from = at;
  let to = targetAt;
  for (let frame = 0; frame < frames; frame++) {
    target.setInt32(to, source.getInt32(from, true) << up, true);
    from += 4;
    to += step;
  }
  return 0;
};

/** The loops by the target's form of samples. */
export const planeLoops: Readonly<Record<string, PlaneLoop>> = {
  S16_LE: to16,
  S24_3LE: to24Packed,
  S24_LE: to24,
  S32_LE: to32,
};
