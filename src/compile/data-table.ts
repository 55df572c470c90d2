// What a program's memory begins with as a table in an image: most of it are texts of AssemblyScript, two bytes a letter behind 20 bytes that are much the same for all, and zeros between.
// src/core/around/machine.ts puts it in its place. Not here: where the table is.

import type { Program } from './program.js';
import { refuse } from './refusal.js';

/**
 * What a piece is: zeros, bytes that follow, letters that follow (each a byte, and a 0 behind it in memory), or bytes that memory has already, as far back as the u16 that follows says. The kind is in the
 * lower two bits of its first byte, and how many in the others; 0 there: in a u16 that follows.
 */
const Piece = { zeros: 0, bytes: 1, letters: 2, again: 3 } as const;
const mostInByte = 63;
const mostOfPiece = 0xffff;
/** Fewer bytes again cost no less than as they are; more are not looked for. */
const leastAgain = 4;
const mostAgain = 255;
/** Places that are tried for one that begins with the same bytes, the nearest first. */
const mostTries = 32;

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

/** How far back, and how many, the bytes from each place on are there already: the most of those that were tried. */
function findAgain(bytes: Uint8Array): { readonly back: Uint16Array; readonly many: Uint16Array } {
  const [back, many] = [new Uint16Array(bytes.length), new Uint16Array(bytes.length)];
  const newest = new Int32Array(0x1_0000).fill(-1);
  const older = new Int32Array(bytes.length).fill(-1);
  const word = (at: number): number =>
    bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  for (let at = 0; at + leastAgain <= bytes.length; at++) {
    const first = word(at);
    if (first === 0) continue;
    const row = Math.imul(first, 0x9e37_79b1) >>> 16;
    let from = newest[row]!;
    for (let tries = 0; tries < mostTries && from >= 0 && at - from <= mostOfPiece; tries++, from = older[from]!) {
      const most = Math.min(mostAgain, bytes.length - at);
      let same = 0;
      while (same < most && bytes[from + same] === bytes[at + same]) same++;
      if (same <= many[at]!) continue;
      many[at] = same;
      back[at] = at - from;
    }
    older[at] = newest[row]!;
    newest[row] = at;
  }
  return { back, many };
}

/** For each place the piece with which all from there on takes the fewest bytes of a table: found from the end, where nothing is left to say. */
class Plan {
  readonly kinds: Uint8Array;
  /** Bytes of memory, or letters. */
  readonly many: Uint16Array;
  readonly back: Uint16Array;
  readonly #bytes: Uint8Array;
  readonly #again: Uint16Array;
  readonly #costs: Uint32Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.kinds = new Uint8Array(bytes.length);
    this.many = new Uint16Array(bytes.length);
    this.#costs = new Uint32Array(bytes.length + 1).fill(0xffff_ffff, 0, bytes.length);
    const { back, many } = findAgain(bytes);
    this.back = back;
    this.#again = many;
    for (let at = bytes.length - 1, zeros = 0; at >= 0; at--) {
      zeros = bytes[at] === 0 ? zeros + 1 : 0;
      if (zeros > 0) this.#try(at, Piece.zeros, Math.min(zeros, mostOfPiece), 1, 0);
      if (zeros <= mostInByte) this.#tryOthers(at);
    }
  }

  #tryOthers(at: number): void {
    const [bytes, left] = [this.#bytes, this.#bytes.length - at];
    for (let many = 1; many <= Math.min(left, mostInByte); many++) this.#try(at, Piece.bytes, many, 1, many);
    for (let many = 1; many <= mostInByte && many * 2 <= left && bytes[at + many * 2 - 1] === 0; many++)
      this.#try(at, Piece.letters, many, 2, many);
    for (let many = this.#again[at]!; many >= leastAgain; many--) this.#try(at, Piece.again, many, 1, 2);
  }

  /** @param width bytes of memory for each of `many` @param more bytes of the table that follow how many they are */
  #try(at: number, kind: number, many: number, width: number, more: number): void {
    const cost = this.#costs[at + many * width]! + more + (many > mostInByte ? 3 : 1);
    if (cost >= this.#costs[at]!) return;
    this.#costs[at] = cost;
    this.kinds[at] = kind;
    this.many[at] = many;
  }
}

/** What memory begins with: the address of the first byte (u32), and pieces (see {@link Piece}) one behind another. One of 0 zeros is the end. */
export function dataTable({ data }: Pick<Program, 'data'>): Uint8Array {
  const { from, bytes } = flatData(data.filter((segment) => segment.bytes.length > 0));
  const plan = new Plan(bytes);
  const table: number[] = [from & 255, (from >>> 8) & 255, (from >>> 16) & 255, from >>> 24];
  for (let at = 0; at < bytes.length; ) {
    const [kind, many] = [plan.kinds[at]!, plan.many[at]!];
    if (many <= mostInByte) table.push(kind | (many << 2));
    else table.push(kind, many & 255, many >>> 8);
    const width = kind === Piece.letters ? 2 : 1;
    if (kind === Piece.again) table.push(plan.back[at]! & 255, plan.back[at]! >>> 8);
    else if (kind !== Piece.zeros) for (let index = 0; index < many; index++) table.push(bytes[at + index * width]!);
    at += many * width;
  }
  table.push(Piece.zeros, 0, 0);
  return Uint8Array.from(table);
}
