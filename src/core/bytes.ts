// Numbers as networks write them (big-endian), at addresses of the core's memory, and what is before what among numbers that wrap.

/** The 16-bit number at an address. */
export function be16(address: usize): u32 {
  return <u32>bswap<u16>(load<u16>(address));
}

/** The 32-bit number at an address. */
export function be32(address: usize): u32 {
  return bswap<u32>(load<u32>(address));
}

/** Writes the lower 16 bits of a number. */
export function putBe16(address: usize, value: u32): void {
  store<u16>(address, bswap<u16>(<u16>value));
}

/** Writes a 32-bit number. */
export function putBe32(address: usize, value: u32): void {
  store<u32>(address, bswap<u32>(value));
}

/** Whether one number that wraps (a sequence number, RFC 9293 section 3.4; microseconds) comes before another. */
export function before(one: u32, other: u32): bool {
  return <i32>(one - other) < 0;
}
