// What happened to sockets, for the application: told once for each socket until it was asked for.

import { take } from './arena';
import { SocketEvent } from './control';

/** Beside the bits above: the socket stands in the row. */
const queued: u8 = 0x80;

let bits: usize = 0;
let row: usize = 0;
/** Entries of the row, less one: a power of two, and at least one for each socket. */
let mask: u32 = 0;
let head: u32 = 0;
let length: u32 = 0;

/** Lays out room for so many sockets. Returns whether there was some. */
export function configureEvents(many: u32): bool {
  let entries: u32 = 16;
  while (entries < many) entries <<= 1;
  mask = entries - 1;
  bits = take(many, 64);
  row = take(entries * 4, 64);
  head = 0;
  length = 0;
  return bits !== 0 && row !== 0;
}

/** Something, or several things, happened to a socket. */
export function postEvent(socket: u32, what: SocketEvent): void {
  const own = bits + socket;
  const seen = load<u8>(own);
  store<u8>(own, seen | queued | <u8>what);
  if ((seen & queued) !== 0) return;
  store<u32>(row + ((<usize>((head + length) & mask)) << 2), socket);
  length++;
}

/** Nothing of a socket that was closed is told any more. */
export function forgetEvents(socket: u32): void {
  store<u8>(bits + socket, load<u8>(bits + socket) & queued);
}

/** Whether there is something to tell. It may be of a socket that was closed meanwhile. */
export function haveEvents(): bool {
  return length > 0;
}

/** A socket's number in the lower half, what happened in the upper; 0: nothing. */
export function nextEvent(): u64 {
  while (length > 0) {
    const socket = load<u32>(row + ((<usize>(head & mask)) << 2));
    head++;
    length--;
    const own = bits + socket;
    const what = load<u8>(own) & ~queued;
    store<u8>(own, 0);
    if (what !== 0) return ((<u64>what) << 32) | <u64>socket;
  }
  return 0;
}

/**
 * The numbers of sockets to which something happened, one behind another (u32), at most so many: for whoever looks at the sockets anyway. Returns how many; each
 * was told of, as by `nextEvent`.
 */
export function nextSockets(into: usize, most: u32): u32 {
  let many: u32 = 0;
  for (; many < most; many++) {
    const event = nextEvent();
    if (event === 0) break;
    store<u32>(into + <usize>(many << 2), <u32>event);
  }
  return many;
}
