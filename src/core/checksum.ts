// The Internet checksum (RFC 1071): sums of words as they lie in memory, which is the same in either byte order.

/** From so many bytes on, vectors are faster (of 1,480 bytes: 30 ns where words take 57). */
export const manyBytes: u32 = 128;

/** Folds a sum of words into 16 bits, carries added: each half is added to the other, and what the lower one carries goes into the upper one, which is kept. */
export function fold(sum: u64): u32 {
  const half = <u32>((sum + rotl<u64>(sum, 32)) >> 32);
  return (half + rotl<u32>(half, 16)) >> 16;
}

/** 65,535 times this is 1 in 64 bits, and so many are the multiples of 65,535. */
const inverse: u64 = 0xfffe_fffe_fffe_ffff;
const multiples: u64 = 0x0001_0001_0001_0001;

/**
 * Whether a sum of words that is not 0 folds to 0xffff, as over a range that holds a right checksum: then 65,535 divides it, and its product with the inverse is the
 * quotient, which is at most so much; of all others the product is more.
 */
export function isWhole(sum: u64): bool {
  return sum * inverse <= multiples;
}

/** Adds the words of a range of less than 128 bytes, in front of which 8 bytes can be read, to a sum. An odd last byte counts as by `sumOf`. */
export function sumShort(address: usize, length: u32, initial: u64): u64 {
  let sum = initial;
  const end = address + length;
  let at = address;
  for (; at + 8 <= end; at += 8) sum += <u64>load<u32>(at) + <u64>load<u32>(at, 4);
  if (at === end) return sum;
  // The last 8 bytes, without those that were added before: what is shifted in counts nothing.
  const last = load<u64>(end - 8) >> <u64>(64 - ((end - at) << 3));
  return sum + (last & 0xffff_ffff) + (last >> 32);
}

/** Adds the words of a range to a sum; an odd last byte counts as a word whose other half is 0. */
export function sumOf(address: usize, length: u32, initial: u64): u64 {
  let sum = initial;
  let at = address;
  // Not every translation of the module has vectors: without the feature they are not in it.
  if (ASC_FEATURE_SIMD && length >= manyBytes) {
    const end = address + (length & ~31);
    sum += sumVectors(at, end);
    at = end;
  }
  for (const end = address + (length & ~31); at < end; at += 32) sum += sumOf16(at) + sumOf16(at + 16);
  // What is left, by the bits of its length: a header's is known in three steps.
  if ((length & 16) !== 0) {
    sum += sumOf16(at);
    at += 16;
  }
  if ((length & 8) !== 0) {
    sum += <u64>load<u32>(at) + <u64>load<u32>(at, 4);
    at += 8;
  }
  if ((length & 4) !== 0) {
    sum += <u64>load<u32>(at);
    at += 4;
  }
  if ((length & 2) !== 0) {
    sum += <u64>load<u16>(at);
    at += 2;
  }
  if ((length & 1) !== 0) sum += <u64>load<u8>(at);
  return sum;
}

function sumOf16(at: usize): u64 {
  return <u64>load<u32>(at) + <u64>load<u32>(at, 4) + <u64>load<u32>(at, 8) + <u64>load<u32>(at, 12);
}

/** The checksum of a range, ready to be stored as it is; over a range that holds a right one it is 0. */
export function checksumOf(address: usize, length: u32, initial: u64): u32 {
  return fold(sumOf(address, length, initial)) ^ 0xffff;
}

/**
 * The sum of the 32-bit words of a range of a multiple of 32 bytes, by vectors of two pairs of words: `both` is the sum of pairs as 64-bit numbers, whose carries are lost, `upper` that of their upper halves; so that of
 * the lower halves is what is left.
 */
export function sumVectors(address: usize, end: usize): u64 {
  let both = i64x2(0, 0);
  let upper = i64x2(0, 0);
  let at = address;
  for (; at + 64 <= end; at += 64) {
    const first = v128.load(at);
    const second = v128.load(at, 16);
    const third = v128.load(at, 32);
    const fourth = v128.load(at, 48);
    both = i64x2.add(both, i64x2.add(i64x2.add(first, second), i64x2.add(third, fourth)));
    const uppers = i64x2.add(i64x2.shr_u(first, 32), i64x2.shr_u(second, 32));
    upper = i64x2.add(upper, i64x2.add(uppers, i64x2.add(i64x2.shr_u(third, 32), i64x2.shr_u(fourth, 32))));
  }
  if (at < end) {
    const first = v128.load(at);
    const second = v128.load(at, 16);
    both = i64x2.add(both, i64x2.add(first, second));
    upper = i64x2.add(upper, i64x2.add(i64x2.shr_u(first, 32), i64x2.shr_u(second, 32)));
  }
  const bothSum = <u64>i64x2.extract_lane(both, 0) + <u64>i64x2.extract_lane(both, 1);
  const upperSum = <u64>i64x2.extract_lane(upper, 0) + <u64>i64x2.extract_lane(upper, 1);
  return bothSum - (upperSum << 32) + upperSum;
}
