// Who has which part of the memory: taken once, at the start, one after another, and never given back.

let next: usize = 0;
let end: usize = 0;

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
  memory.fill(at, 0, bytes);
  return at;
}

/** Bytes that are left. */
export function arenaLeft(): usize {
  return end - next;
}

/** Where the module's own data ends: the arena may begin here. */
export function heapBase(): usize {
  return __heap_base;
}
