// Rows (rows.ts) whose pieces do not come back with the next turn: the application keeps one for longer, or has not taken it and does something else with the socket
// than reading rows: then its pieces wait in the connection's queue, in order and in front of what waits there.

import { Figure, Owner } from '../control';
import { count } from '../figures';
import { rowAddressAt, takeOutOfRow } from '../frames';
import { at, Connection } from './connection';
import { holdLent, putFirst } from './receiver';
import { hasRows, rowBack, rowLengthAt, rowsWaiting, rowTaken } from './rows';
import { blockAt, blockOf, blocks } from './table';

const generationAt: usize = 4;

/** The application takes all that comes in rows from now on, once it has received what waits; or no more. */
export function deliver(socket: i32, on: u32): i32 {
  const block = blockOf(socket);
  if (block === 0) return -9;
  if (on !== 0 && !hasRows()) return -22;
  if (on === 0) endRows(at(block));
  else at(block).inRows = true;
  return 0;
}

/** No rows are written for a connection any more; those that were not taken are in its queue again. */
export function endRows(c: Connection): void {
  if (!c.inRows) return;
  unread(c);
  c.inRows = false;
}

/** Pieces of a connection's rows that were not taken go back into its queue. */
export function unread(c: Connection): void {
  const many = rowsWaiting();
  // The last one first: each is put in front.
  for (let back: u32 = 1; back <= many; back++) {
    const row = rowBack(back);
    const address = <usize>load<u32>(row, rowAddressAt);
    if (load<u32>(row) !== c.number || address === 0) continue;
    store<u32>(row, 0, rowAddressAt);
    if (takeOutOfRow(address, Owner.stack)) putFirst(c, address, load<u32>(row, rowLengthAt));
  }
}

/** A piece of a row that was taken stays with the application until `recycle`. @param number of the row, counted from the first one that there ever was */
export function keepRow(number: u32): i32 {
  const row = rowTaken(number);
  const address: usize = row === 0 ? 0 : <usize>load<u32>(row, rowAddressAt);
  const socket: u32 = row === 0 ? 0 : load<u32>(row);
  if (address === 0 || socket >= blocks()) {
    count(Figure.faultRecycleOwner);
    return -22;
  }
  if (!takeOutOfRow(address, Owner.application)) return -22;
  store<u32>(row, 0, rowAddressAt);
  // The number may be another connection's by now: the generation says so when the frame comes back.
  holdLent(at(blockAt(socket)), address, load<u32>(row, rowLengthAt), load<u32>(row, generationAt));
  return 0;
}
