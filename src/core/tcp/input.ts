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

/**
 * Whether the 8 bytes at `quoted` (ports of ours and of the other side, sequence number) are of a segment of ours that is under way: sent and not acknowledged.
 */
export function tcpOwnsQuoted(_local: usize, _remote: usize, _quoted: usize): bool {
  return false;
}

/** The way to an address carries packets of at most `mtu` bytes from now on. It may also be more than before. */
export function tcpPathChanged(_remote: usize, _mtu: u32): void {}

/** A segment, of which `tcpOwnsQuoted` was true, did not arrive: -ECONNREFUSED, -EHOSTUNREACH or -ENETUNREACH. */
export function tcpUnreachable(_local: usize, _remote: usize, _quoted: usize, _error: i32): void {}

/** Does what is due at the time of this turn. */
export function tcpTimers(): void {}

/** When something is due (`nowUs` of clock.ts); all ones: never. */
export function tcpNextDeadline(): u64 {
  return 0xffffffffffffffff;
}
