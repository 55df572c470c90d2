// What a program's memory begins with as a table in an image, in which zeros take no room: src/core/around/machine.ts puts it in its place.

import type { Program } from './program.js';
import { refuse } from './refusal.js';

/** A gap of zeros that is shorter than what two pieces cost more than one. */
const shortGap = 4;
const mostOfPiece = 0xffff;

/** What memory begins with, in one piece from the first byte that anything is said of. @throws CompileError where it is longer than its place in an image */
function flatData(data: Program['data']): { readonly from: number; readonly bytes: Uint8Array } {
  const from = data.reduce((least, { address }) => Math.min(least, address), 0xffff_ffff);
  const end = data.reduce((most, { address, bytes }) => Math.max(most, address + bytes.length), 0);
  if (end - from > 16 * 1024 ** 2) refuse('the data of the module lies further apart than 16 MiB');
  const flat = new Uint8Array(Math.max(0, end - from));
  // Later segments are written over earlier ones.
  for (const { address, bytes } of data)
    for (let index = 0; index < bytes.length; index++) flat[address - from + index] = bytes[index]!;
  return { from, bytes: flat };
}

/**
 * What memory begins with, where it is not 0: the address of the first piece (u32); for each piece how far it is behind the one before (u16), its length (u16) and its bytes.
 * A piece without a length and a distance is the end.
 */
export function dataTable({ data }: Pick<Program, 'data'>): Uint8Array {
  const { from, bytes } = flatData(data.filter((segment) => segment.bytes.length > 0));
  const table: number[] = [from & 255, (from >>> 8) & 255, (from >>> 16) & 255, from >>> 24];
  const put = (gap: number, start: number, end: number): void => {
    table.push(gap & 255, gap >>> 8, (end - start) & 255, (end - start) >>> 8);
    for (let index = start; index < end; index++) table.push(bytes[index]!);
  };
  let behind = 0;
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] === 0) {
      at++;
      continue;
    }
    for (; at - behind > mostOfPiece; behind += mostOfPiece) put(mostOfPiece, behind, behind);
    let end = at + 1;
    for (let zeros = 0, next = end; next < bytes.length && zeros <= shortGap && next - at < mostOfPiece; next++) {
      zeros = bytes[next] === 0 ? zeros + 1 : 0;
      if (zeros === 0) end = next + 1;
    }
    put(at - behind, at, end);
    behind = end;
    at = end;
  }
  table.push(0, 0, 0, 0);
  return Uint8Array.from(table);
}
