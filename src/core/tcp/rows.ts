// Rows: what arrives in order for sockets whose application takes all of it (`deliver`). Their pieces wait in no queue and are told of by no event: each is a row in a ring that
// the application reads without a call, and the frames of the rows that it took go back with the next turn, without a call too. A frame in a row is held by no connection:
// the ring bounds how many there are. Not here: rows that are not taken that way (unread.ts).

import { Figure, Place, Setting } from '../control';
import { control, count, putPlace, setting } from '../figures';
import { lendInRow, rowAddressAt, rowShift, takeBackRows } from '../frames';
import { Connection } from './connection';

/** Behind the socket's number and its generation, and the address of the piece. */
export const rowLengthAt: usize = 12;

let ring: usize = 0;
let mask: u32 = 0;
/** Rows that were written; those whose frames came back; and how many may be between. Without a ring all of it stays 0, and nothing of this file is in a module. */
let written: u32 = 0;
let returned: u32 = 0;
let most: u32 = 0;

/** There is no ring. */
export function configureRows(): void {
  ring = 0;
  written = 0;
  returned = 0;
  most = 0;
  putPlace(Place.rowsWritten, 0);
  putPlace(Place.rowsTaken, 0);
}

/** Rows are written from there on: so many, a power of two, of 16 bytes each. Once, behind `configure`. An eighth of all frames is in rows at most. */
export function deliverInto(address: usize, rows: u32): i32 {
  const end = <u64>address + ((<u64>rows) << rowShift);
  if (ring !== 0 || address < 0x10000 || (address & 7) !== 0 || end > (<u64>memory.size()) << 16) return -22;
  if (rows === 0 || (rows & (rows - 1)) !== 0) return -22;
  ring = address;
  mask = rows - 1;
  most = min<u32>(rows, setting(Setting.frameCount) >> 3);
  return 0;
}

/** Whether there are rows to be written. */
export function hasRows(): bool {
  return ring !== 0;
}

/** What speaks against a row for the next piece in order of a connection, of which none lies beyond a gap: 0 is nothing. A number, of which no answer need be made first. */
export function bars(c: Connection): usize {
  if (written - returned >= most) return 1;
  if (!c.inRows) return 1;
  return c.readHead;
}

/** Writes the row of a piece, for which there is one. Its frame is the application's. */
export function writeRow(c: Connection, data: usize, length: u32): void {
  const row = ring + ((<usize>(written & mask)) << rowShift);
  written++;
  // The number and the generation.
  store<u64>(row, load<u64>(changetype<usize>(c), offsetof<Connection>('number')));
  store<u32>(row, <u32>data, rowAddressAt);
  store<u32>(row, length, rowLengthAt);
  lendInRow(data);
}

/** Shows the application what was written. Returns whether rows wait for it. */
export function showRows(): bool {
  if (ring === 0) return false;
  putPlace(Place.rowsWritten, written);
  return rowsWaiting() > 0;
}

/** Rows that the application has not taken, the last ones that were written; of a number of its that cannot be: all that did not come back. */
export function rowsWaiting(): u32 {
  if (ring === 0) return 0;
  const waiting = written - load<u32>(control + <usize>Place.rowsTaken);
  return min<u32>(waiting, written - returned);
}

/** The row of a number that counts back from the last one that was written, which is 1. */
export function rowBack(back: u32): usize {
  return ring + ((<usize>((written - back) & mask)) << rowShift);
}

/** The row of a number that counts all of them, if the application has taken it, and its frame did not come back; else 0. */
export function rowTaken(number: u32): usize {
  if (ring === 0 || number - returned >= written - returned - rowsWaiting()) return 0;
  return ring + ((<usize>(number & mask)) << rowShift);
}

/** The frames of the rows that the application has taken come back. */
export function takeBackRowsTaken(): void {
  if (ring === 0) return;
  const taken = load<u32>(control + <usize>Place.rowsTaken);
  const many = taken - returned;
  if (many === 0) return;
  if (many > written - returned) {
    count(Figure.faultRing);
    return;
  }
  takeBackRows(ring, returned, taken, mask);
  returned = taken;
}
