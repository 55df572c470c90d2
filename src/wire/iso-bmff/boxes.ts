// Boxes of ISO 14496-12 over borrowed bytes: headers, children, the full box's version and flags. Every size is checked against what is
// around it before anything in it is read. Not here: what boxes mean (movie.ts, sample-entry.ts), where their bytes come from.

/** Where a box lies: offsets from the beginning of whatever was read. */
export interface Box {
  readonly type: string;
  /** Of the header. */
  readonly start: number;
  /** Behind the header. */
  readonly payload: number;
  /** Behind the box. */
  readonly end: number;
}

/** A box that cannot be what it says. The message is one sentence. */
export class BoxError extends Error {
  override readonly name = 'BoxError';
}

/** Bytes that tell any header: size, type, 64-bit size. */
export const headerBytes = 16;

/** A size larger than this is no size of anything. */
const mostBytes = Number.MAX_SAFE_INTEGER;

/** The four characters at an offset; what cannot be shown stands as a dot. */
export function typeAt(view: DataView, at: number): string {
  let text = '';
  for (let index = 0; index < 4; index++) {
    const code = view.getUint8(at + index);
    text += code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '.';
  }
  return text;
}

/** 64 bits as a number; beyond 2^53 it is no longer exact, and larger than anything. */
export function uint64(view: DataView, at: number): number {
  return view.getUint32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/** Writes 64 bits of a whole number of at most 2^53. */
export function setUint64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 4, value >>> 0);
}

/** Signed 64 bits as a number. */
export function int64(view: DataView, at: number): number {
  return view.getInt32(at) * 2 ** 32 + view.getUint32(at + 4);
}

/**
 * Reads the header at `at`, of which the view may hold fewer bytes than the box has.
 * @param base what is added to offsets in the view. @param end where the parent ends, in the same offsets as the result.
 * @param isTopLevel only there a size of 0 is allowed: to the end.
 * @throws BoxError
 */
export function readBox(view: DataView, at: number, base: number, end: number, isTopLevel = false): Box {
  const start = base + at;
  if (view.byteLength - at < 8) throw new BoxError(`there is no room for a box header at ${start}`);
  const type = typeAt(view, at + 4);
  let length = view.getUint32(at);
  let header = 8;
  if (length === 1) {
    if (view.byteLength - at < 16) throw new BoxError(`the box ${type} at ${start} has no room for its size`);
    length = uint64(view, at + 8);
    header = 16;
  } else if (length === 0 && isTopLevel) length = end - start;
  if (type === 'uuid') header += 16;
  if (length < header || length > mostBytes)
    throw new BoxError(`the box ${type} at ${start} says that it has ${length} bytes`);
  return { type, start, payload: start + header, end: start + length };
}

/**
 * The children of a box that lies wholly in a view. What is behind the last whole child is left out: some boxes (`udta`) end in zeros.
 * @throws BoxError for a child that is longer than its parent, and for more than `most`.
 */
export function childrenIn(view: DataView, from: number, end: number, most = 1024): Box[] {
  const boxes: Box[] = [];
  for (let at = from; at + 8 <= end; ) {
    if (view.getUint32(at) === 0) break;
    const box = readBox(view, at, 0, end);
    if (box.end > end) throw new BoxError(`the box ${box.type} is longer than what it lies in`);
    if (boxes.length === most) throw new BoxError(`a box has more than ${most} others in it`);
    boxes.push(box);
    at = box.end;
  }
  return boxes;
}
