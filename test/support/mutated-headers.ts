// Changes a few numbers of bytes at random, and puts them back: for fuzzers, which are the same for the same seed. Not here: what is done
// with the bytes.

const interesting = [
  ...[0, 1, 2, 3, 7, 8, 9, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000],
  ...[0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff],
];

/** Changes up to four places of a range, in place. Returns what puts them back. */
export function mutate(view: DataView, from: number, length: number, random: () => number): () => void {
  const undo: (readonly [number, number])[] = [];
  const below = (count: number): number => Math.floor(random() * count);
  for (let changes = 1 + below(4); changes > 0; changes--) {
    const at = from + below(length - 4);
    const old = view.getUint32(at);
    undo.push([at, old]);
    const kind = random();
    if (kind < 0.4) view.setUint32(at, interesting[below(interesting.length)]!);
    else if (kind < 0.8) view.setUint8(at, below(256));
    else view.setUint32(at, (old + below(17) - 8) >>> 0);
  }
  return () => {
    for (const [at, old] of undo.toReversed()) view.setUint32(at, old);
  };
}
