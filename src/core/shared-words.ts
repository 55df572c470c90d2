// Words in memory that another thread or the kernel writes as well. In an image there is one processor and one thread, and its machine code knows no atomics: the
// other side of the rings is the driver, in the same thread.

/** Loads a word: nothing that is loaded after it was loaded before. */
export function loadShared(at: usize): u32 {
  if (ASC_FEATURE_THREADS) return atomic.load<u32>(at);
  return load<u32>(at);
}

/** Stores a word: what was stored before it is seen by whoever sees it. */
export function storeShared(at: usize, value: u32): void {
  if (ASC_FEATURE_THREADS) atomic.store<u32>(at, value);
  else store<u32>(at, value);
}
