// Who has which part of the memory: taken once, at the start, one after another, and never given back.

let next: usize = 0;
let end: usize = 0;
/** Nobody has written to the memory yet. */
let isFresh: bool = false;

/** From now on memory is 0 before it is taken: that of a machine that has just begun, in which each byte is taken once. What is not touched is not in use then. */
export function trustZeros(): void {
  isFresh = true;
}

/** Begins anew with the memory from one address up to another. */
export function beginArena(from: usize, to: usize): void {
  next = from;
  end = to;
}

/** Takes bytes at a multiple of `alignment` (a power of two), all 0. Returns their address, 0 where there is no room. */
export function take(bytes: usize, alignment: usize): usize {
  const at = (next + alignment - 1) & ~(alignment - 1);
  if (at < next || at > end || end - at < bytes) return 0;
  next = at + bytes;
  clearTaken(at, bytes);
  return at;
}

/** Bytes of the arena, which nobody has had before, are 0 behind this. */
export function clearTaken(at: usize, bytes: usize): void {
  if (!isFresh) memory.fill(at, 0, bytes);
}

/** Bytes that are left. */
export function arenaLeft(): usize {
  return end - next;
}

/** Where the module's own data ends: the arena may begin here. */
export function heapBase(): usize {
  return __heap_base;
}
