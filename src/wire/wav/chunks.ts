// The chunks of a RIFF file: where each lies and how long it says it is, RF64's and BW64's 64-bit sizes among them. Pure: it asks for
// bounded pieces of the file. Not here: what the chunks mean (wav.ts).

/** Gives bytes of the file: as many as asked for, fewer at its end. It is never asked for more than {@link mostPieceBytes} at once. */
export type ReadPiece = (offset: number, length: number) => Uint8Array;

/** The most bytes that are asked for at once. */
export const mostPieceBytes = 4096;

/** The most chunks that are looked at: a file with more is not one to be searched to its end. */
export const mostChunks = 1000;

/** Where a chunk lies. */
export interface Chunk {
  /** Four characters; what cannot be shown stands as a dot. */
  readonly id: string;
  /** Of the payload, from the beginning of the file. */
  readonly offset: number;
  /** Bytes as the header says, the 64-bit size where it refers to it; `undefined` where it says that it does not know (0xFFFFFFFF). */
  readonly size: number | undefined;
}

const unknownSize = 0xffff_ffff;

/** Four characters at an offset. */
export function characters(view: DataView, at: number, length = 4): string {
  let text = '';
  for (let index = 0; index < length; index++) {
    const code = view.getUint8(at + index);
    text += code >= 0x20 && code < 0x7f ? String.fromCharCode(code) : '.';
  }
  return text;
}

/** A view of a piece of the file, or undefined where the file ends before it is whole. */
export function pieceOf(read: ReadPiece, offset: number, length: number): DataView | undefined {
  const bytes = read(offset, length);
  return bytes.length < length ? undefined : new DataView(bytes.buffer, bytes.byteOffset, length);
}

/** 64 bits as a number: what has more than 53 is larger than any file. */
export function size64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 0x1_0000_0000 + view.getUint32(at, true);
}

/** The sizes of `ds64` (EBU Tech 3306): of `data`, and of other chunks by their names. */
function readLongSizes(read: ReadPiece, chunk: Chunk, fileBytes: number): Map<string, number> {
  const sizes = new Map<string, number>();
  const length = Math.min(chunk.size ?? 28, fileBytes - chunk.offset, mostPieceBytes);
  const view = pieceOf(read, chunk.offset, length);
  if (view === undefined || length < 24) return sizes;
  sizes.set('data', size64(view, 8));
  const entries = length < 28 ? 0 : Math.min(view.getUint32(24, true), Math.floor((length - 28) / 12));
  for (let entry = 0; entry < entries; entry++) {
    const at = 28 + entry * 12;
    const id = characters(view, at);
    if (id !== 'data') sizes.set(id, size64(view, at + 4));
  }
  return sizes;
}

/** Some writers leave the byte of padding out: then a chunk that everybody knows begins where it would stand. */
function isUnpadded(read: ReadPiece, at: number): boolean {
  const view = pieceOf(read, at, 4);
  return view !== undefined && ['data', 'fmt ', 'LIST', 'fact'].includes(characters(view, 0));
}

/**
 * The chunks of a file, one after another, until one says that it reaches to the end, or nothing is left, or {@link mostChunks} have been
 * seen. A chunk of odd length has a byte of padding behind it.
 * @param start where the first chunk begins. @param isLong whether 64-bit sizes are looked for (RF64, BW64).
 */
export function* chunksOf(read: ReadPiece, start: number, fileBytes: number, isLong: boolean): Generator<Chunk> {
  let longSizes = new Map<string, number>();
  let at = start;
  for (let count = 0; count < mostChunks && at + 8 <= fileBytes; count++) {
    const header = pieceOf(read, at, 8);
    if (header === undefined) return;
    const id = characters(header, 0);
    const said = header.getUint32(4, true);
    const size = said === unknownSize ? (isLong ? longSizes.get(id) : undefined) : said;
    const chunk = { id, offset: at + 8, size };
    if (isLong && id === 'ds64' && longSizes.size === 0) longSizes = readLongSizes(read, chunk, fileBytes);
    yield chunk;
    if (size === undefined) return;
    at += 8 + size;
    if (size % 2 === 1 && at < fileBytes && !isUnpadded(read, at)) at++;
  }
}
