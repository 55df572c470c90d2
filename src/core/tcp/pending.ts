// Connections that could not send what they wanted, because no frame was free or the ring was full: a row in which each stands once. They try again
// with the next turn.

import { take } from '../arena';
import { Connection } from './connection';

let marks: usize = 0;
let row: usize = 0;
let sockets: u32 = 0;
let head: u32 = 0;
let length: u32 = 0;

/** Lays out room for so many sockets. Returns whether there was some. */
export function configurePending(many: u32): bool {
  sockets = many;
  marks = take(many, 64);
  row = take(many * 4, 64);
  head = 0;
  length = 0;
  return marks !== 0 && row !== 0;
}

/** The connection tries again with the next turn. */
export function putPending(c: Connection): void {
  if (load<u8>(marks + c.number) !== 0) return;
  store<u8>(marks + c.number, 1);
  let tail = head + length;
  if (tail >= sockets) tail -= sockets;
  store<usize>(row + ((<usize>tail) << 2), changetype<usize>(c));
  length++;
}

/** How many wait. */
export function pendingMany(): u32 {
  return length;
}

/** The next one of those that wait, of which there must be one. Its block may be another connection's by now. */
export function takePending(): usize {
  const block = load<usize>(row + ((<usize>head) << 2));
  head++;
  if (head === sockets) head = 0;
  length--;
  store<u8>(marks + changetype<Connection>(block).number, 0);
  return block;
}
