// The loop's own numbers: where each stands, when it wakes up, and how long it is patient. Not here: what it does with them (loop.ts).

/** Places of the loop's own numbers; `committed`: frames since the sink was prepared. */
export const Own = {
  frameNs: 0,
  lookedNs: 1,
  endBoundNs: 2,
  stallDueNs: 3,
  parentDueNs: 4,
  dryNs: 5,
  committed: 6,
  /** What was committed when it grew last, while filling, and until when more is waited for. */
  grown: 7,
  growsUntilNs: 8,
} as const;

/**
 * Frames that are played between two wake-ups. The pump sleeps by its own clock, and so it is ahead of the device: frames are there before a whole period is free, where who waits for the
 * device's interrupt can only be behind it. A large ring costs few wake-ups, and is filled twice a period.
 */
export function wakeFramesOf(ringFrames: number, periodFrames: number, rate: number): number {
  const share = ringFrames >= rate / 10 ? 0.5 : 0.75;
  return Math.max(1, Math.floor(periodFrames * share));
}

/** How long a ring that is not full waits for more, before it begins with what it has. */
export const fillPatienceNs = 250e6;

/** Times between looks while nothing plays, or data is short. */
export const restNs = 10e6;
export const shortRestNs = 1e6;
/** What an end may take longer than what is queued. */
export const endPatienceNs = 600e6;

/** The least of the silence behind the last frame: an emulated HDA card kept 890 frames of 48 kHz, 19 ms. */
export const tailSeconds = 0.05;
export const parentEveryNs = 500e6;
