// Numbers with a fraction as text, both ways, exactly: what is read is the nearest double, and what is written reads as the same one.

import { copyBytes } from '../copy';
import { writeInteger, writeUnsigned } from './numbers';

/** The number that `readDouble` read. */
export let double: f64 = 0;

/** 10^0 to 10^22 are exact. */
const exactMost: i32 = 22;
const digitsMost: u32 = 768;
const digits = memory.data(768, 8);
/** Big integers of 32-bit limbs, the lowest first. */
const LIMBS: u32 = 128;
const top = memory.data(512, 8);
const bottom = memory.data(512, 8);
const rest = memory.data(512, 8);

let digitCount: u32 = 0;
let exponent: i32 = 0;
let isNegative: bool = false;
let at: usize = 0;
let end: usize = 0;

/** Reads a whole range as a number: decimal, with an exponent, or inf and infinity. Returns whether it is one. */
export function readDouble(from: usize, length: u32): bool {
  if (length === 0 || length > digitsMost) return false;
  at = from;
  end = from + length;
  isNegative = load<u8>(at) === 0x2d;
  if (isNegative || load<u8>(at) === 0x2b) at += 1;
  if (at < end && (load<u8>(at) | 0x20) === 0x69) return readInfinity();
  if (!readDigits() || !readExponent() || at !== end) return false;
  const magnitude = valueOfDigits();
  double = isNegative ? -magnitude : magnitude;
  // What is too large or too small is refused: infinity has a word of its own, and so has 0.
  return Number.isFinite(magnitude) && (magnitude !== 0 || digitCount === 0);
}

function readInfinity(): bool {
  const length = <u32>(end - at);
  if (length !== 3 && length !== 8) return false;
  const word = 'infinity';
  for (let index: u32 = 0; index < length; index++) {
    if (<u16>(load<u8>(at + index) | 0x20) !== load<u16>(changetype<usize>(word) + index * 2)) return false;
  }
  double = isNegative ? -Infinity : Infinity;
  return true;
}

/** Digits with a point among them; leading zeros are left out. */
function readDigits(): bool {
  digitCount = 0;
  exponent = 0;
  let seen = false;
  let isBehind = false;
  for (; at < end; at++) {
    const byte = <u32>load<u8>(at);
    if (byte === 0x2e) {
      if (isBehind) return false;
      isBehind = true;
      continue;
    }
    if (byte - 0x30 > 9) break;
    seen = true;
    if (isBehind) exponent -= 1;
    if (digitCount === 0 && byte === 0x30) continue;
    store<u8>(digits + digitCount, <u8>(byte - 0x30));
    digitCount += 1;
  }
  return seen;
}

function readExponent(): bool {
  if (at === end || (load<u8>(at) | 0x20) !== 0x65) return true;
  at += 1;
  if (at === end) return false;
  const sign = load<u8>(at);
  if (sign === 0x2d || sign === 0x2b) at += 1;
  if (at === end) return false;
  let value: i32 = 0;
  for (; at < end; at++) {
    const digit = <u32>load<u8>(at) - 0x30;
    if (digit > 9) return false;
    // Beyond that it is 0 or infinity, whatever the digits are.
    if (value < 100_000) value = value * 10 + <i32>digit;
  }
  exponent += sign === 0x2d ? -value : value;
  return true;
}

function powerOfTen(power: i32): f64 {
  let value: f64 = 1;
  for (let index: i32 = 0; index < power; index++) value *= 10;
  return value;
}

function valueOfDigits(): f64 {
  while (digitCount > 0 && load<u8>(digits + digitCount - 1) === 0) {
    digitCount -= 1;
    exponent += 1;
  }
  if (digitCount === 0) return 0;
  if (<i32>digitCount + exponent > 310) return Infinity;
  if (<i32>digitCount + exponent < -330) return 0;
  if (digitCount <= 15 && exponent >= -exactMost && exponent <= exactMost) {
    // Both are exact, so that one operation rounds once (William Clinger 1990).
    let mantissa: u64 = 0;
    for (let index: u32 = 0; index < digitCount; index++) mantissa = mantissa * 10 + <u64>load<u8>(digits + index);
    return exponent < 0 ? <f64>mantissa / powerOfTen(-exponent) : <f64>mantissa * powerOfTen(exponent);
  }
  return divideExactly();
}

function multiplyAdd(number: usize, factor: u32, more: u32): void {
  let carry: u64 = <u64>more;
  for (let limb: u32 = 0; limb < LIMBS; limb++) {
    carry += <u64>load<u32>(number + limb * 4) * <u64>factor;
    store<u32>(number + limb * 4, <u32>carry);
    carry >>= 32;
  }
}

function bitLength(number: usize): i32 {
  for (let limb = <i32>LIMBS - 1; limb >= 0; limb--) {
    const value = load<u32>(number + limb * 4);
    if (value !== 0) return limb * 32 + 32 - <i32>clz(value);
  }
  return 0;
}

function shiftLeft(number: usize, bits: i32): void {
  const limbs = bits >> 5;
  const small = bits & 31;
  for (let limb = <i32>LIMBS - 1; limb >= 0; limb--) {
    const from = limb - limbs;
    let value: u64 = from >= 0 ? (<u64>load<u32>(number + from * 4)) << small : 0;
    if (from > 0) value |= ((<u64>load<u32>(number + (from - 1) * 4)) << small) >> 32;
    store<u32>(number + limb * 4, <u32>value);
  }
}

function compare(one: usize, other: usize): i32 {
  for (let limb = <i32>LIMBS - 1; limb >= 0; limb--) {
    const a = load<u32>(one + limb * 4);
    const b = load<u32>(other + limb * 4);
    if (a !== b) return a < b ? -1 : 1;
  }
  return 0;
}

function subtract(from: usize, less: usize): void {
  let borrow: u64 = 0;
  for (let limb: u32 = 0; limb < LIMBS; limb++) {
    const value = <u64>load<u32>(from + limb * 4) - <u64>load<u32>(less + limb * 4) - borrow;
    store<u32>(from + limb * 4, <u32>value);
    borrow = (value >> 32) & 1;
  }
}

/** Sets a big integer to a small one. */
function setNumber(number: usize, value: u64): void {
  memory.fill(number, 0, LIMBS * 4);
  store<u64>(number, value);
}

/** The digits times ten to the exponent, as a quotient of two whole numbers, of which 64 bits and whether there is more decide. */
function divideExactly(): f64 {
  setNumber(top, 0);
  setNumber(bottom, 1);
  for (let index: u32 = 0; index < digitCount; index++) multiplyAdd(top, 10, <u32>load<u8>(digits + index));
  for (let power: i32 = 0; power < exponent; power++) multiplyAdd(top, 10, 0);
  for (let power: i32 = exponent; power < 0; power++) multiplyAdd(bottom, 10, 0);
  // The quotient lies in [2^62, 2^64): shifted so, and that is taken back by the power of two.
  const shift = 63 - (bitLength(top) - bitLength(bottom));
  if (shift >= 0) shiftLeft(top, shift);
  else shiftLeft(bottom, -shift);
  const quotient = divide();
  return roundToDouble(quotient, -shift, bitLength(top) !== 0);
}

/** Divides `top` by `bottom`, where the quotient has at most 64 bits; what is left stands in `top`. */
function divide(): u64 {
  let quotient: u64 = 0;
  for (let bit: i32 = 63; bit >= 0; bit--) {
    copyBytes(rest, bottom, LIMBS * 4);
    shiftLeft(rest, bit);
    if (compare(top, rest) < 0) continue;
    subtract(top, rest);
    quotient |= (<u64>1) << bit;
  }
  return quotient;
}

/** Rounds quotient x 2^power to the nearest double, halves to the even one. @param isMore something is left behind the quotient. */
function roundToDouble(quotient: u64, power: i32, isMore: bool): f64 {
  const length = 64 - <i32>clz(quotient);
  const topPower = power + length - 1;
  if (topPower > 1023) return Infinity;
  // Bits that a double has there: 53, fewer near 0.
  const keeps = topPower >= -1022 ? 53 : 53 - (-1022 - topPower);
  if (keeps < 0) return 0;
  const drops = length - keeps;
  if (drops <= 0) return scaled(quotient, power);
  const mask = drops === 64 ? ~(<u64>0) : ((<u64>1) << drops) - 1;
  const left = quotient & mask;
  const half = (<u64>1) << (drops - 1);
  let kept = drops === 64 ? 0 : quotient >> drops;
  if (left > half || (left === half && (isMore || (kept & 1) !== 0))) kept += 1;
  return scaled(kept, power + drops);
}

/** value x 2^power, which is exact. */
function scaled(value: u64, power: i32): f64 {
  let number = <f64>value;
  let left = power;
  while (left > 1000) {
    number *= reinterpret<f64>((<u64>(1023 + 1000)) << 52);
    left -= 1000;
  }
  while (left < -1000) {
    number *= reinterpret<f64>((<u64>(1023 - 1000)) << 52);
    left += 1000;
  }
  return number * reinterpret<f64>((<u64>(1023 + left)) << 52);
}

/** Writes a number of at most 32 bytes, whole ones without a point: the fewest digits that read as the same number. Returns how many bytes. */
export function writeDouble(to: usize, value: f64): u32 {
  const isLow = value < 0 || (value === 0 && reinterpret<u64>(value) !== 0);
  if (isLow) store<u8>(to, 0x2d);
  const place: usize = isLow ? to + 1 : to;
  const magnitude = isLow ? -value : value;
  return (isLow ? 1 : 0) + writeMagnitude(place, magnitude);
}

function writeMagnitude(to: usize, value: f64): u32 {
  if (value === Infinity) {
    store<u16>(to, 0x6e69);
    store<u8>(to, 0x66, 2);
    return 3;
  }
  if (value < 1e17 && value === Math.floor(value)) return writeUnsigned(to, <u64>value);
  if (value >= 1e-6 && value < 1e15) {
    // Most have few digits behind the point, which are found by multiplying.
    let power: f64 = 10;
    for (let places: u32 = 1; places <= 15; places++, power *= 10) {
      const whole = value * power;
      if (whole >= 1e15) break;
      if (whole === Math.floor(whole) && whole / power === value) return writePlaces(to, <u64>whole, places);
    }
  }
  // Numbers next to 0 have fewer digits than others.
  for (let length: i32 = value < 2.2250738585072014e-308 ? 1 : 15; length < 17; length++) {
    const written = writeDigits(to, value, length);
    if (readDouble(to, written) && double === value) return written;
  }
  return writeDigits(to, value, 17);
}

/** A whole number whose last digits stand behind the point. */
function writePlaces(to: usize, whole: u64, places: u32): u32 {
  let power: u64 = 1;
  for (let index: u32 = 0; index < places; index++) power *= 10;
  const before = writeUnsigned(to, whole / power);
  store<u8>(to + before, 0x2e);
  let fraction = whole % power;
  for (let index = places; index > 0; index--) {
    store<u8>(to + before + index, <u8>(0x30 + (fraction % 10)));
    fraction /= 10;
  }
  return before + 1 + places;
}

const text = memory.data(32, 8);

/** So many digits of a number, rounded, with an exponent where it is large or small. */
function writeDigits(to: usize, value: f64, length: i32): u32 {
  const bits = reinterpret<u64>(value);
  const raw = <i32>(bits >> 52);
  const mantissa = (bits & 0xf_ffff_ffff_ffff) | (raw === 0 ? 0 : (<u64>1) << 52);
  const power = (raw === 0 ? 1 : raw) - 1075;
  // The place of the first digit, up to one: 0.30103 is the logarithm of 2.
  let first = <i32>Math.floor(<f64>(64 - <i32>clz(mantissa) + power - 1) * 0.30102999566398);
  let whole = roundedTo(mantissa, power, length - 1 - first);
  let most: u64 = 1;
  for (let index: i32 = 0; index < length; index++) most *= 10;
  if (whole >= most) {
    first += 1;
    whole = roundedTo(mantissa, power, length - 1 - first);
  }
  let count = <i32>writeUnsigned(text, whole);
  while (count > 1 && load<u8>(text + count - 1) === 0x30) count -= 1;
  return layOut(to, count, first);
}

/** mantissa x 2^power x 10^places, rounded to a whole number. */
function roundedTo(mantissa: u64, power: i32, places: i32): u64 {
  setNumber(top, mantissa);
  setNumber(bottom, 1);
  for (let index: i32 = 0; index < places; index++) multiplyAdd(top, 10, 0);
  for (let index: i32 = places; index < 0; index++) multiplyAdd(bottom, 10, 0);
  if (power >= 0) shiftLeft(top, power);
  else shiftLeft(bottom, -power);
  const quotient = divide();
  shiftLeft(top, 1);
  const half = compare(top, bottom);
  return half > 0 || (half === 0 && (quotient & 1) !== 0) ? quotient + 1 : quotient;
}

/** Puts the digits in `text` down, with a point and perhaps an exponent. @param first the power of ten of the first digit */
function layOut(to: usize, count: i32, first: i32): u32 {
  let at = to;
  if (first < -6 || first >= 21) {
    store<u8>(at, load<u8>(text));
    at += 1;
    if (count > 1) {
      store<u8>(at, 0x2e);
      copyBytes(at + 1, text + 1, count - 1);
      at += count;
    }
    store<u8>(at, 0x65);
    if (first >= 0) store<u8>(at, 0x2b, 1);
    at += first >= 0 ? 2 : 1;
    return <u32>(at - to) + writeInteger(at, <i64>first);
  }
  for (let place: i32 = first < 0 ? first : 0; place < 0; place++) {
    store<u8>(at, 0x30);
    at += 1;
    if (place === first) {
      store<u8>(at, 0x2e);
      at += 1;
    }
  }
  for (let index: i32 = 0; index < count || index <= first; index++) {
    store<u8>(at, index < count ? load<u8>(text + index) : 0x30);
    at += 1;
    if (index === first && index + 1 < count) {
      store<u8>(at, 0x2e);
      at += 1;
    }
  }
  return <u32>(at - to);
}
