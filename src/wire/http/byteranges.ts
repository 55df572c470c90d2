// The multipart/byteranges form of a 206 (RFC 9110 section 15.3.7.2, RFC 2046 section 5.1): the text around the ranges, with
// its exact length, so that the ranges themselves can leave as file extents. Not here: choosing the ranges (range.ts).

import type { ByteRange } from './range.js';

/** A multipart body laid out: `heads[i]`, then the bytes of `ranges[i]`, for every i, then `tail`. */
export interface MultipartPlan {
  /** Value of the response's Content-Type. */
  contentType: string;
  ranges: readonly ByteRange[];
  /** What goes before each range, in ISO 8859-1. */
  heads: readonly string[];
  /** What goes after the last one. */
  tail: string;
  /** Bytes of the whole body. */
  contentLength: number;
}

/**
 * Lays out a multipart/byteranges body.
 *
 * @param contentType of the representation, given with every part; none if it has none
 * @param size of the representation in bytes
 * @param boundary one that the content does not hold, as of makeBoundary
 */
export function planMultipart(
  ranges: readonly ByteRange[],
  size: number,
  contentType: string | undefined,
  boundary: string,
): MultipartPlan {
  const typeLine = contentType === undefined ? '' : `Content-Type: ${contentType}\r\n`;
  const heads = ranges.map(({ start, end }, index) => {
    const delimiter = index === 0 ? `--${boundary}` : `\r\n--${boundary}`;
    return `${delimiter}\r\n${typeLine}Content-Range: bytes ${start}-${end - 1}/${size}\r\n\r\n`;
  });
  const tail = `\r\n--${boundary}--\r\n`;
  let contentLength = tail.length;
  for (const [index, { start, end }] of ranges.entries()) contentLength += heads[index]!.length + (end - start);
  return { contentType: `multipart/byteranges; boundary=${boundary}`, ranges, heads, tail, contentLength };
}

/** A boundary of 128 random bits: content cannot hold it but by guessing it. */
export function makeBoundary(): string {
  const random = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
