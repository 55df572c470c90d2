// Long texts (INFO, CLIENT LIST) that are written before their length is known: in a buffer of their own, sent as one string.

import { copyBytes } from '../copy';
import { writeInteger } from '../resp/numbers';
import { writeBytes } from '../resp/output';
import { endLine, isThree, replyBulk, writeHead } from '../resp/reply';
import { allocate, release, roomOf } from './slabs';

let buffer: usize = 0;
let length: u32 = 0;

/** Begins a text. */
export function beginText(): void {
  buffer = 0;
  length = 0;
}

function need(more: u32): bool {
  if (buffer !== 0 && roomOf(buffer) >= length + more) return true;
  const made = allocate((length + more) * 2 + 480);
  if (made === 0) return false;
  if (buffer !== 0) {
    copyBytes(made, buffer, length);
    release(buffer);
  }
  buffer = made;
  return true;
}

/** Adds a constant text. */
export function addText(text: string): void {
  const more = <u32>text.length;
  if (!need(more)) return;
  const from = changetype<usize>(text);
  for (let index: u32 = 0; index < more; index++) store<u8>(buffer + length + index, <u8>load<u16>(from + index * 2));
  length += more;
}

/** Adds bytes. */
export function addBytes(from: usize, more: u32): void {
  if (!need(more)) return;
  copyBytes(buffer + length, from, more);
  length += more;
}

/** Adds a number. */
export function addNumber(value: i64): void {
  if (!need(20)) return;
  length += writeInteger(buffer + length, value);
}

/** Adds a line: a name, a colon, a number. */
export function addLine(name: string, value: i64): void {
  addText(name);
  addText(':');
  addNumber(value);
  addText('\r\n');
}

/** Replies with the text, which is as it stands to be shown (in RESP3: as a verbatim string). */
export function replyBuffer(): void {
  if (isThree) {
    writeHead(0x3d, length + 4);
    store<u32>(prefix, 0x3a747874);
    writeBytes(prefix, 4);
    writeBytes(buffer, length);
    endLine();
  } else replyBulk(buffer, length);
  if (buffer !== 0) release(buffer);
  buffer = 0;
}
const prefix = memory.data(4, 4);
