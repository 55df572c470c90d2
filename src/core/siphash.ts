// SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash of short inputs, for tables that strangers fill and numbers that strangers may not guess.

let v0: u64 = 0;
let v1: u64 = 0;
let v2: u64 = 0;
let v3: u64 = 0;

function round(): void {
  v0 += v1;
  v1 = rotl<u64>(v1, 13) ^ v0;
  v0 = rotl<u64>(v0, 32);
  v2 += v3;
  v3 = rotl<u64>(v3, 16) ^ v2;
  v0 += v3;
  v3 = rotl<u64>(v3, 21) ^ v0;
  v2 += v1;
  v1 = rotl<u64>(v1, 17) ^ v2;
  v2 = rotl<u64>(v2, 32);
}

/** The 64-bit hash of `length` bytes under a key of 16 bytes at `key`. */
export function siphash(key: usize, address: usize, length: u32): u64 {
  const k0 = load<u64>(key);
  const k1 = load<u64>(key, 8);
  v0 = k0 ^ 0x736f6d6570736575;
  v1 = k1 ^ 0x646f72616e646f6d;
  v2 = k0 ^ 0x6c7967656e657261;
  v3 = k1 ^ 0x7465646279746573;
  let at = address;
  for (const end = address + (length & ~7); at < end; at += 8) {
    const word = load<u64>(at);
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  }
  let last = (<u64>length) << 56;
  for (let index: u32 = 0; index < (length & 7); index++) last |= (<u64>load<u8>(at + index)) << (index * 8);
  v3 ^= last;
  round();
  round();
  v0 ^= last;
  v2 ^= 0xff;
  round();
  round();
  round();
  round();
  return v0 ^ v1 ^ v2 ^ v3;
}
