// The seam of TCP toward the layers below it: segments come in here, and the stack asks here for its timers.

/** Lays out what TCP needs in the arena, by the settings. Returns whether there was room. */
export function configureTcp(): bool {
  return true;
}

/**
 * A segment of at least 20 bytes, whose checksum is right, from a host to one of our addresses (16 bytes each).
 * Returns whether its frame is kept: then TCP releases it (`releaseFrame`), or lends it.
 */
export function tcpInput(
  _frame: usize,
  _ip: usize,
  _segment: usize,
  _length: u32,
  _local: usize,
  _remote: usize,
): bool {
  return false;
}

/** Does what is due at the time of this turn. */
export function tcpTimers(): void {}

/** When something is due (`nowUs` of clock.ts); all ones: never. */
export function tcpNextDeadline(): u64 {
  return 0xffffffffffffffff;
}
