// How a connection ends: its client is forgotten, the last reply is read by the peer, and what still arrives meanwhile is thrown away, within bounds of
// bytes and of time. Not here: why it ends (serve.ts).

import { nowUs } from '../clock';
import { Place } from '../control';
import { control } from '../figures';
import { clientClose } from '../kv/store';
import { abort, close, receive, recycle, shutdown } from '../tcp/sockets';
import {
  firstGoodbye,
  forgetLink,
  Link,
  linkOf,
  putInRow,
  putToGoodbyes,
  SAYS_GOODBYE,
  takeFromGoodbyes,
  unbindClient,
} from './links';

/** Bytes, and time, after which whoever goes on talking is reset. */
const discardMost: u32 = 256 * 1024;
const goodbyeUs: u64 = 2_000_000;
/** Frames that are thrown away for one connection of a turn. */
const framesATurn: u32 = 16;

const again: i32 = -11;

/** Gives the rest of a piece back, and the client's number. */
function letGo(link: Link): void {
  if (link.rest > 0) recycle(link.at);
  link.rest = 0;
  if (link.client === 0) return;
  clientClose(<i32>link.client - 1);
  unbindClient(link);
}

/** Ends a connection of which there is nothing left to hear. What was handed over is still sent. */
export function closeLink(socket: u32): void {
  endLink(socket, false);
}

/** Ends a connection by a reset. */
export function abortLink(socket: u32): void {
  endLink(socket, true);
}

function endLink(socket: u32, isReset: bool): void {
  const link = linkOf(socket);
  letGo(link);
  if ((link.flags & SAYS_GOODBYE) !== 0) takeFromGoodbyes(socket);
  forgetLink(link);
  if (isReset) abort(<i32>socket);
  else close(<i32>socket);
}

/** All replies are with the stack, and no more is listened to: our direction ends, and the peer's is waited for. */
export function beginGoodbye(socket: u32): void {
  const link = linkOf(socket);
  letGo(link);
  shutdown(<i32>socket);
  putToGoodbyes(socket, nowUs + goodbyeUs);
  discard(socket);
}

/** Throws away what arrived on a connection that says goodbye. */
export function discard(socket: u32): void {
  const link = linkOf(socket);
  for (let frames: u32 = 0; frames < framesATurn; frames++) {
    const length = receive(<i32>socket);
    if (length === again) return;
    if (length <= 0) {
      closeLink(socket);
      return;
    }
    recycle(load<u32>(control + <usize>Place.pieceAddress));
    link.discarded += <u32>length;
    if (link.discarded > discardMost) {
      abortLink(socket);
      return;
    }
  }
  putInRow(socket);
}

/** Ends goodbyes that last too long: at most so many of a turn. */
export function endGoodbyes(): void {
  for (let ended = 0; ended < 256; ended++) {
    const socket = firstGoodbye();
    if (socket < 0 || linkOf(<u32>socket).until > nowUs) return;
    abortLink(<u32>socket);
  }
}

/** When the next goodbye has lasted too long (`nowUs` of clock.ts); all ones: never. */
export function goodbyeDeadline(): u64 {
  const socket = firstGoodbye();
  return socket < 0 ? 0xffffffffffffffff : linkOf(<u32>socket).until;
}
