// The chunks of a W64 file (Sony's Wave64): names of 16 bytes, lengths of 64 bits that count the chunk's own head, every chunk at a multiple
// of 8. Pure. What the chunks mean is WAV's (wav.ts).

import { type Chunk, characters, mostChunks, pieceOf, type ReadPiece, size64 } from './chunks.js';

/** Bytes of the file's own head, and of each chunk's. */
export const wave64HeadBytes = 40;
const chunkHeadBytes = 24;

/** The rest of the names behind their four characters: of `riff`, and of all others. */
const riffRest = [0x2e, 0x91, 0xcf, 0x11, 0xa5, 0xd6, 0x28, 0xdb, 0x04, 0xc1, 0x00, 0x00];
const otherRest = [0xf3, 0xac, 0xd3, 0x11, 0x8c, 0xd1, 0x00, 0xc0, 0x4f, 0x8e, 0xdb, 0x8a];

const hasRest = (view: DataView, at: number, rest: readonly number[]): boolean =>
  rest.every((byte, index) => view.getUint8(at + 4 + index) === byte);

/** Whether a file of 40 bytes or more begins as W64 does. */
export function isWave64(head: DataView): boolean {
  return hasRest(head, 0, riffRest) && characters(head, 24) === 'wave' && hasRest(head, 24, otherRest);
}

/** Whether a chunk begins at a place. */
export function isWave64Chunk(read: ReadPiece, at: number): boolean {
  const head = pieceOf(read, at, chunkHeadBytes);
  return head !== undefined && hasRest(head, 0, otherRest);
}

/** The chunks of a W64 file that begins at `start`, one after another; a length that is beyond every file is not known, and that chunk is the last. */
export function* wave64ChunksOf(read: ReadPiece, start: number, fileBytes: number): Generator<Chunk> {
  let at = start + wave64HeadBytes;
  for (let count = 0; count < mostChunks && at + chunkHeadBytes <= fileBytes; count++) {
    const head = pieceOf(read, at, chunkHeadBytes);
    if (head === undefined) return;
    const said = size64(head, 16);
    if (said < chunkHeadBytes) return;
    const size = said > Number.MAX_SAFE_INTEGER ? undefined : said - chunkHeadBytes;
    const id = hasRest(head, 0, otherRest) ? characters(head, 0) : '';
    yield { id, offset: at + chunkHeadBytes, size };
    if (size === undefined) return;
    at += Math.ceil(said / 8) * 8;
  }
}
