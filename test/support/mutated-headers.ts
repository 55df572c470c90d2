// Headers of films with mistakes of every kind, the same ones for the same seed. Not here: what must come of them.

/** Uniform numbers in [0, 1) from a seed (mulberry32, public domain). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const interesting = [0, 1, 2, 7, 8, 9, 0x7f, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];

/** Changes a few numbers, bytes and lengths in the headers. */
export function mutate(
  original: Uint8Array,
  header: { offset: number; length: number },
  random: () => number,
): Uint8Array {
  const bytes = Uint8Array.from(original);
  const view = new DataView(bytes.buffer);
  for (let changes = 1 + Math.floor(random() * 4); changes > 0; changes--) {
    const at = header.offset + Math.floor(random() * (header.length - 4));
    if (random() < 0.5) view.setUint32(at, interesting[Math.floor(random() * interesting.length)]!);
    else bytes[at] = Math.floor(random() * 256);
  }
  return random() < 0.1 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
}
