// SipHash-1-3 of keys: the same construction as SipHash-2-4 (siphash.ts) with fewer rounds, which is what hash tables that strangers fill use
// elsewhere, too. In local variables, because it runs for every command.

let k0: u64 = 0;
let k1: u64 = 0;

/** Takes the key: two numbers that nobody else knows. */
export function seedHash(one: u64, other: u64): void {
  k0 = one;
  k1 = other;
}

/** The last 0 to 7 bytes of a range as a number, without a look beyond it. */
function tailOf(at: usize, length: u32): u64 {
  const left = length & 7;
  if (left >= 4) return <u64>load<u32>(at) | ((<u64>load<u32>(at + left - 4)) << ((left - 4) * 8));
  if (left >= 2) return <u64>load<u16>(at) | ((<u64>load<u16>(at + left - 2)) << ((left - 2) * 8));
  return left === 1 ? <u64>load<u8>(at) : 0;
}

/** The hash of a range. */
export function hashOf(address: usize, length: u32): u32 {
  let v0 = k0 ^ 0x736f6d6570736575;
  let v1 = k1 ^ 0x646f72616e646f6d;
  let v2 = k0 ^ 0x6c7967656e657261;
  let v3 = k1 ^ 0x7465646279746573;
  let at = address;
  const end = address + (length & ~7);
  let finishing: u32 = 0;
  // Words, then the last one with the length in its highest byte, then three rounds more.
  while (true) {
    let word: u64 = 0;
    if (at < end) word = load<u64>(at);
    else if (finishing === 0) word = tailOf(at, length) | ((<u64>length) << 56);
    if (at >= end) {
      if (finishing === 1) v2 ^= 0xff;
      finishing += 1;
    }
    at += 8;
    v3 ^= word;
    v0 += v1;
    v2 += v3;
    v1 = rotl<u64>(v1, 13) ^ v0;
    v3 = rotl<u64>(v3, 16) ^ v2;
    v0 = rotl<u64>(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = rotl<u64>(v1, 17) ^ v2;
    v3 = rotl<u64>(v3, 21) ^ v0;
    v2 = rotl<u64>(v2, 32);
    v0 ^= word;
    if (finishing === 4) break;
  }
  const mixed = v0 ^ v1 ^ v2 ^ v3;
  return <u32>mixed ^ <u32>(mixed >> 32);
}
