// Why the pump's loop comes back. Not here: what becomes of that (pump-main.ts).

/** Why PumpLoop.run (loop.ts) came back. */
export const LoopEnd = {
  /** It goes on. */
  none: 0,
  stopped: 1,
  ended: 2,
  /** What follows has another format. */
  formatEnds: 3,
  /** The device is no longer there, or refused to go on. */
  gone: 4,
  /** Nobody is there who could want it. */
  orphaned: 5,
} as const;
