// Integers as text, both ways: strictly as Redis reads them (no blanks, no plus, no leading zeros), and at most 20 bytes.

/** The number that `readInteger` read. */
export let integer: i64 = 0;

/** Reads a whole range as a signed number of 64 bits into `integer`. Returns whether it is one. */
export function readInteger(at: usize, length: u32): bool {
  if (length === 0 || length > 20) return false;
  let index: u32 = 0;
  const isNegative = load<u8>(at) === 0x2d;
  if (isNegative) index = 1;
  if (index === length) return false;
  const first = <u32>load<u8>(at + index) - 0x30;
  if (first > 9) return false;
  if (first === 0) {
    integer = 0;
    return length === 1;
  }
  let value: u64 = 0;
  for (; index < length; index++) {
    const digit = <u64>load<u8>(at + index) - 0x30;
    if (digit > 9) return false;
    if (value > 922337203685477580) return false;
    value = value * 10 + digit;
  }
  if (value > (isNegative ? <u64>0x8000_0000_0000_0000 : <u64>0x7fff_ffff_ffff_ffff)) return false;
  integer = isNegative ? 0 - <i64>value : <i64>value;
  return true;
}

/** How many digits a number has. */
function digitsOf(value: u64): u32 {
  let digits: u32 = 1;
  let limit: u64 = 10;
  while (digits < 20 && value >= limit) {
    digits += 1;
    if (digits === 20) break;
    limit *= 10;
  }
  return digits;
}

/** Writes a number of at most 20 digits. Returns how many bytes. */
export function writeUnsigned(at: usize, value: u64): u32 {
  const digits = digitsOf(value);
  let rest = value;
  let place = at + digits;
  // Of 32 bits as long as that is enough: a division of 64 bits costs several times as much.
  while (rest > 0xffff_ffff) {
    place -= 1;
    store<u8>(place, <u8>(0x30 + (rest % 10)));
    rest /= 10;
  }
  let small = <u32>rest;
  while (place > at) {
    place -= 1;
    store<u8>(place, <u8>(0x30 + (small % 10)));
    small /= 10;
  }
  return digits;
}

/** Writes a signed number of at most 20 bytes. Returns how many bytes. */
export function writeInteger(at: usize, value: i64): u32 {
  if (value >= 0) return writeUnsigned(at, <u64>value);
  store<u8>(at, 0x2d);
  return 1 + writeUnsigned(at + 1, 0 - <u64>value);
}
