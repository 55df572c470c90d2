// A payload as a driver sees it: a list of memory pieces with their place in a page. Pure numbers; the bytes themselves are Segments of memory/.

/** One contiguous piece: its length and its offset within the page it begins in. */
export interface Piece {
  bytes: number;
  pageOffset: number;
}

export type Layout = readonly Piece[];

/** A layout of pieces that all begin at the start of a page. */
export function layoutOf(lengths: readonly number[]): Piece[] {
  return lengths.map((bytes) => ({ bytes, pageOffset: 0 }));
}

/** Cuts pieces at page boundaries: what pinning a user buffer makes of it. */
export function atPages(layout: Layout, page: number): Piece[] {
  const out: Piece[] = [];
  for (const piece of layout) {
    let left = piece.bytes;
    let offset = piece.pageOffset % page;
    while (left > 0) {
      const bytes = Math.min(left, page - offset);
      out.push({ bytes, pageOffset: offset });
      left -= bytes;
      offset = 0;
    }
  }
  return out;
}

/** Sum of the pieces in bytes. */
export function layoutBytes(layout: Layout): number {
  return layout.reduce((sum, piece) => sum + piece.bytes, 0);
}

/**
 * The super-packets that sendmsg fills in order, as the kernel does: a piece is added until MAX_SKB_FRAGS fragments or the size limit is
 * reached. It never looks at the driver's limits.
 */
export function kernelSupers(layout: Layout, page: number, maxFrags: number, maxBytes: number): Piece[][] {
  const supers: Piece[][] = [];
  let current: Piece[] = [];
  let bytes = 0;
  for (const piece of atPages(layout, page)) {
    let { bytes: left, pageOffset } = piece;
    while (left > 0) {
      if (current.length === maxFrags || bytes === maxBytes) {
        supers.push(current);
        current = [];
        bytes = 0;
      }
      const taken = Math.min(left, maxBytes - bytes);
      current.push({ bytes: taken, pageOffset });
      bytes += taken;
      left -= taken;
      pageOffset += taken;
    }
  }
  if (current.length > 0) supers.push(current);
  return supers;
}
