// Memory that packets, or rings, of AF_XDP lie in: a region, or a part of any memory whose address is known, such as WebAssembly's. Not here: who owns
// which frame of it (frame-guard.ts).

import { addressOf } from '../kernel/ffi.js';
import { pageBytes } from '../kernel/memory.js';

/** Memory, or a part of one: where it is, and the buffer that sees it. A `Region` is one. It must not move, and outlive its use. */
export interface XdpMemory {
  /** Address of its first byte: the beginning of a page. */
  readonly address: number;
  readonly byteLength: number;
  readonly buffer: ArrayBufferLike;
  /** Where in the buffer its first byte is. Default 0. */
  readonly byteOffset?: number;
}

/** A part of WebAssembly's memory, which must not grow while it is used (its buffer would be another one), and must be kept. */
export function wasmMemory(
  { buffer }: { readonly buffer: ArrayBufferLike },
  byteOffset: number,
  byteLength: number,
): XdpMemory {
  const view = new Uint8Array(buffer, byteOffset, byteLength);
  return { address: addressOf(view), byteLength, buffer, byteOffset };
}

/** Whether it is whole pages. */
export function isWholePages({ address, byteLength }: XdpMemory): boolean {
  const page = pageBytes();
  return address % page === 0 && byteLength > 0 && byteLength % page === 0;
}
