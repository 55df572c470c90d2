// Puts a rendition's bytes together as a viewer receives them: init segment, heads of segments, and extents read out of the film. Not
// here: what they are compared with.

import {
  type IFrames,
  iFrameHead,
  type Presentation,
  type Rendition,
  segmentExtents,
  segmentHead,
  segmentHeadBytes,
  writeInit,
} from '../../src/media/presentation/presentation.js';
import type { VirtualFile } from '../../src/media/progressive/virtual-file.js';

/** The bytes of one segment. */
export function segmentBytes(film: Buffer, rendition: Rendition, segment: number): Buffer {
  const parts: Uint8Array[] = [segmentHead(rendition, segment)];
  const media = rendition.segments.byteLength(segment) - segmentHeadBytes(rendition, segment);
  segmentExtents(rendition, segment, 0, media, (offset, length) => parts.push(film.subarray(offset, offset + length)));
  return Buffer.concat(parts);
}

/** The fragment of an I-frame that begins no segment. */
export function iFrameBytes(film: Buffer, rendition: Rendition, frames: IFrames, index: number): Buffer {
  const sample = frames.sample(index);
  const offset = rendition.track.samples.offset(sample);
  const picture = film.subarray(offset, offset + rendition.track.samples.size(sample));
  return Buffer.concat([iFrameHead(rendition, frames, index), picture]);
}

/** An init segment and all segments that it belongs to. */
export function renditionBytes(film: Buffer, presentation: Presentation, rendition: Rendition, init = 0): Buffer {
  const parts: Uint8Array[] = [writeInit(presentation, rendition, init)];
  for (let segment = 0; segment < rendition.segments.count; segment++) {
    if (rendition.segments.init(segment) === init) parts.push(segmentBytes(film, rendition, segment));
  }
  return Buffer.concat(parts);
}

/** Bytes of a virtual file, generated in pieces of `pieceBytes` at most. */
export function virtualBytes(
  film: Buffer,
  file: VirtualFile,
  from = 0,
  to = file.size,
  pieceBytes = 64 * 1024,
): Buffer {
  const parts: Uint8Array[] = [];
  file.list(from, to, {
    generated(at, length) {
      for (let done = 0; done < length; done += pieceBytes) {
        const piece = new Uint8Array(Math.min(pieceBytes, length - done));
        file.write(at + done, piece);
        parts.push(piece);
      }
    },
    extent(offset, length) {
      parts.push(film.subarray(offset, offset + length));
    },
  });
  return Buffer.concat(parts);
}
