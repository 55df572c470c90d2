// The Internet checksum (RFC 1071): sums of 16-bit words as they lie in memory, which is the same in either byte order.

/** Folds a sum of words into 16 bits, carries added. */
function fold(sum: u64): u32 {
  let folded = (sum & 0xffff_ffff) + (sum >> 32);
  folded = (folded & 0xffff) + (folded >> 16);
  folded = (folded & 0xffff) + (folded >> 16);
  return <u32>((folded & 0xffff) + (folded >> 16));
}

/** Adds the words of a range to a sum; an odd last byte counts as a word whose other half is 0. */
export function sumOf(address: usize, length: u32, initial: u64): u64 {
  let sum = initial;
  let at = address;
  for (const end = address + (length & ~15); at < end; at += 16) {
    sum += <u64>load<u32>(at) + <u64>load<u32>(at, 4) + <u64>load<u32>(at, 8) + <u64>load<u32>(at, 12);
  }
  for (const end = at + (length & 14); at < end; at += 2) sum += <u64>load<u16>(at);
  if ((length & 1) !== 0) sum += <u64>load<u8>(at);
  return sum;
}

/** The checksum of a range, ready to be stored as it is; over a range that holds a right one it is 0. */
export function checksumOf(address: usize, length: u32, initial: u64): u32 {
  return fold(sumOf(address, length, initial)) ^ 0xffff;
}
