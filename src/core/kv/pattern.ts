// Patterns as KEYS, SCAN and PSUBSCRIBE have them: * ? [a-z] [^a] and a backslash before what stands for itself. Time is at most the product of both
// lengths: of two stars only the last is tried again.

/** Where a match of one element ended in the pattern; 0: it did not match. */
function matchOne(pattern: usize, end: usize, byte: u32): usize {
  const first = <u32>load<u8>(pattern);
  if (first === 0x3f) return pattern + 1;
  if (first === 0x5b) return matchClass(pattern + 1, end, byte);
  if (first === 0x5c && pattern + 1 < end) return <u32>load<u8>(pattern, 1) === byte ? pattern + 2 : 0;
  return first === byte ? pattern + 1 : 0;
}

function matchClass(from: usize, end: usize, byte: u32): usize {
  let at = from;
  const isNegated = at < end && load<u8>(at) === 0x5e;
  if (isNegated) at += 1;
  let matches = false;
  while (at < end && load<u8>(at) !== 0x5d) {
    let low = <u32>load<u8>(at);
    if (low === 0x5c && at + 1 < end) {
      at += 1;
      if (<u32>load<u8>(at) === byte) matches = true;
    } else if (at + 2 < end && load<u8>(at, 1) === 0x2d) {
      let high = <u32>load<u8>(at, 2);
      if (low > high) {
        const other = low;
        low = high;
        high = other;
      }
      at += 2;
      if (byte >= low && byte <= high) matches = true;
    } else if (low === byte) matches = true;
    at += 1;
  }
  if (matches === isNegated) return 0;
  // A class that nothing ends goes to the end of the pattern.
  return at < end ? at + 1 : at;
}

/** Whether a text matches a pattern as a whole. */
export function matchesPattern(pattern: usize, patternLength: u32, text: usize, textLength: u32): bool {
  const patternEnd = pattern + patternLength;
  const textEnd = text + textLength;
  let at = pattern;
  let byte = text;
  let starAt: usize = 0;
  let starByte: usize = 0;
  while (true) {
    if (at < patternEnd && load<u8>(at) === 0x2a) {
      at += 1;
      starAt = at;
      starByte = byte;
      continue;
    }
    if (byte === textEnd && at === patternEnd) return true;
    if (byte < textEnd && at < patternEnd) {
      const next = matchOne(at, patternEnd, <u32>load<u8>(byte));
      if (next !== 0) {
        at = next;
        byte += 1;
        continue;
      }
    }
    if (starAt === 0 || starByte >= textEnd) return false;
    starByte += 1;
    byte = starByte;
    at = starAt;
  }
}
