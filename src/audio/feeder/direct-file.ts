// A file opened a second time, to be read past the page cache (O_DIRECT), where file and sink allow it; and the silence that has to stand before its first frame so that blocks of the file lie at
// multiples of their size in the ring, which is all that the disk's DMA needs. Not here: the reads (pump/fetcher.ts).

import { openSync } from 'node:fs';
import { O } from '../../kernel/constants.js';
import { directAlignment } from '../../kernel/file.js';
import { closeDescriptor } from '../../kernel/socket.js';

/** Where the kernel does not say: what every disk takes. */
const usualAlignment = 4096;
const mostAlignment = 64 * 1024;

/** A file for reads past the page cache. The descriptor is whoever's opened it. */
export interface DirectFile {
  readonly fd: number;
  /** Bytes; a power of two. */
  readonly alignment: number;
}

/** Opens a file again by its descriptor; undefined where its file system reads no other way than through the page cache. */
export function openDirect(fd: number): DirectFile | undefined {
  const known = directAlignment(fd);
  const alignment = known === undefined ? usualAlignment : Math.max(known.memory, known.offset);
  if (alignment <= 0 || alignment > mostAlignment || (alignment & (alignment - 1)) !== 0) return undefined;
  try {
    return { fd: openSync(`/proc/self/fd/${fd}`, O.RDONLY | O.DIRECT | O.CLOEXEC), alignment };
  } catch {
    return undefined;
  }
}

/** Closes what {@link openDirect} opened. */
export function closeDirect(file: DirectFile): void {
  closeDescriptor(file.fd);
}

/** Frames of silence after which a frame at `offset` of its file lies as it does there, within a block; undefined: none do that. Pure. */
export function aligningFrames(offset: number, frameBytes: number, alignment: number): number | undefined {
  for (let frames = 0; frames < alignment; frames++) {
    if ((frames * frameBytes - offset) % alignment === 0) return frames;
  }
  return undefined;
}

/** Frames of a piece that begins at `offset` of the file and ends where a block and a frame do, `most` or fewer; all of `most` where there is no such place. */
export function blockFrames(offset: number, frameBytes: number, alignment: number, most: number): number {
  for (let frames = most; frames > 0; frames--) if ((offset + frames * frameBytes) % alignment === 0) return frames;
  return most;
}
