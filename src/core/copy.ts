// The one place where the core copies bytes of payload, so that they can be counted.

/** Bytes that were copied since the core began. */
export let copiedBytes: u64 = 0;

/** Copies bytes that do not overlap. Short ones by words: a call of the engine's own copy costs more than they do. */
export function copyBytes(to: usize, from: usize, length: u32): void {
  copiedBytes += <u64>length;
  if (length > 64) {
    // copy-ok: this is the place where the core copies.
    memory.copy(to, from, length);
    return;
  }
  let at: u32 = 0;
  while (at + 8 <= length) {
    store<u64>(to + at, load<u64>(from + at));
    at += 8;
  }
  if ((length & 4) !== 0) {
    store<u32>(to + at, load<u32>(from + at));
    at += 4;
  }
  if ((length & 2) !== 0) {
    store<u16>(to + at, load<u16>(from + at));
    at += 2;
  }
  if ((length & 1) !== 0) store<u8>(to + at, load<u8>(from + at));
}
