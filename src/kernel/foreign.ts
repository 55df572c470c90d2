// What a library of the process gives by address: a function that it is to call, a pointer, text. The caller answers for what is there.
// Not here: loading a library and calling it (ffi.ts), memory of our own (memory.ts).

import { bind, viewMemory } from './ffi.js';
import { cString } from './memory.js';

/** No page of memory is smaller (arm64 has larger ones). */
const leastPage = 4096;
/** A byte order mark is part of a text: names are given back as they came. */
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The address of a function that the process has; 0 where it has none of that name. */
export function addressOfFunction(name: string): number {
  return Number(bind('int64 dlsym(int64 library, int64 name)')(0, cString(name)));
}

/** The pointer that stands at an address. */
export function pointerAt(address: number): number {
  return Number(new DataView(viewMemory(address, 8)).getBigUint64(0, true));
}

/** The text at an address up to its NUL, or of its first `most` bytes; empty at address 0. */
export function textAt(address: number, most: number = 64 * 1024): string {
  if (address === 0) return '';
  // A page at a time: what lies behind the text may not be there.
  const bytes: number[] = [];
  while (bytes.length < most) {
    const at = address + bytes.length;
    const piece = new Uint8Array(viewMemory(at, Math.min(leastPage - (at % leastPage), most - bytes.length)));
    const end = piece.indexOf(0);
    for (let index = 0; index < (end < 0 ? piece.length : end); index++) bytes.push(piece[index]!);
    if (end >= 0) break;
  }
  return decoder.decode(Uint8Array.from(bytes));
}
