// One look at a connection: what the peer sent goes to the store's parser where it lies, in the frames; replies are written into frames of their own, where
// there is one, and else copied into them later. A peer that does not read its replies is not read from. Each look is bounded, and so is all of a turn. Not here: how a connection ends.

import { Place } from '../control';
import { copyBytes } from '../copy';
import { control } from '../figures';
import { clientAt, closingState, openClient } from '../kv/clients';
import { FEED_BLOCKED, FEED_CLOSED, FEED_STATE } from '../kv/control';
import { feed } from '../kv/feed';
import { isAsked } from '../kv/requests';
import { setting } from '../kv/settings';
import { clientPeer, nextClientEvent } from '../kv/store';
import { endLoan, firstPiece, firstPieceLength, lendOutput, outputWaits, pieceSent } from '../resp/output';
import {
  accept,
  dropFrame,
  frameForSend,
  peerEnded,
  receive,
  recycle,
  sendBytes,
  sendFrame,
  sendRoom,
  sendWaits,
  setOption,
} from '../tcp/sockets';
import { abortLink, beginGoodbye, closeLink, discard } from './goodbye';
import {
  bindClient,
  HEARD_ALL,
  LISTENS,
  Link,
  linkOf,
  openLink,
  putInRow,
  rowMany,
  SAYS_GOODBYE,
  socketOf,
  takeFromRow,
} from './links';
import { peerText, writePeer } from './peer-text';

/** Frames that one connection is read of a turn, and steps of its parser: a frame whose commands wait for their replies to leave takes several. */
const framesATurn: u32 = 16;
const stepsATurn: u32 = 64;
/** Looks and frames of all connections together of a turn. */
const workATurn: u32 = 1024;
const acceptsATurn: u32 = 64;

const again: i32 = -11;
/** Options of a socket: small segments are not held back; the peer is asked whether it is there when nothing came for long. */
const optionNoDelay: u32 = 1;
const optionKeepAlive: u32 = 2;

/** How much of what is to be said was handed over: all of it; not all, for want of room; the connection is gone. */
const SAID: u32 = 0;
const WAITS: u32 = 1;
const GONE: u32 = 2;

/** Bytes of replies that were copied into frames; connections that were accepted, and those of them that were too many. */
export let filledBytes: u64 = 0;
export let accepted: u32 = 0;
export let refused: u32 = 0;

/** Looks and frames of this turn. */
let work: u32 = 0;

/** Looks at connections, one after another, until none is left or this turn's work is done. Returns whether there was one. */
export function serveSome(): bool {
  work = 0;
  takeNews();
  while (rowMany() > 0 && work < workATurn && !isAsked()) {
    look(takeFromRow());
    takeNews();
  }
  return work > 0;
}

/** Clients that something happened to while others were served are looked at as well. */
export function takeNews(): void {
  for (let client = nextClientEvent(); client >= 0; client = nextClientEvent()) {
    const socket = socketOf(<u32>client);
    if (socket >= 0) putInRow(<u32>socket);
  }
}

function look(socket: u32): void {
  work++;
  const link = linkOf(socket);
  if (link.client !== 0) serve(socket, link);
  else if ((link.flags & LISTENS) !== 0) acceptSome(socket);
  else if ((link.flags & SAYS_GOODBYE) !== 0) discard(socket);
}

function acceptSome(listener: u32): void {
  for (let many: u32 = 0; many < acceptsATurn; many++) {
    const socket = accept(<i32>listener);
    if (socket < 0) return;
    accepted++;
    work++;
    openLink(<u32>socket);
    setOption(socket, optionNoDelay, 1);
    setOption(socket, optionKeepAlive, 1);
    const client = openClient();
    if (client < 0) {
      refuse(socket);
      continue;
    }
    clientPeer(client, peerText(), writePeer(socket));
    bindClient(<u32>socket, <u32>client);
    // It may have spoken before it was accepted.
    putInRow(<u32>socket);
  }
  putInRow(listener);
}

/** There are too many clients: it is told, and its connection ends. */
function refuse(socket: i32): void {
  refused++;
  const frame = frameForSend(socket);
  if (frame === 0) {
    abortLink(<u32>socket);
    return;
  }
  const text = '-ERR max number of clients reached\r\n';
  const length = <u32>text.length;
  const from = changetype<usize>(text);
  for (let index: u32 = 0; index < length; index++) store<u8>(frame + index, <u8>load<u16>(from + index * 2));
  sendFrame(socket, frame, length, 0);
  beginGoodbye(<u32>socket);
}

/** The frame in which replies are written now, where they begin in it, 0: none is; how many bytes are there, and the most. */
let openFrame: usize = 0;
let openFilled: u32 = 0;
let openMost: u32 = 0;

/** A frame for what is to be said; 0: none for now. What the peer does not read stays in the store's memory, by whose limits it is bounded, and not in frames that others need. */
function takeFrame(socket: i32): usize {
  return sendWaits(socket) ? 0 : frameForSend(socket);
}

/** Lends the parser what is left of a frame to write replies into, if none waits elsewhere and there is one. */
function lendFrameTo(socket: i32, client: usize): void {
  if (openFrame === 0) {
    if (outputWaits(client) > 0) return;
    openFrame = takeFrame(socket);
    if (openFrame === 0) return;
    openFilled = 0;
    openMost = sendBytes(socket);
  }
  lendOutput(client, openFrame + openFilled, openFrame + openMost);
}

/** Hands the open frame over, if there is one. Returns whether the connection still takes it. */
function closeFrame(socket: i32): bool {
  const frame = openFrame;
  if (frame === 0) return true;
  openFrame = 0;
  work++;
  return (openFilled === 0 ? dropFrame(frame) : sendFrame(socket, frame, openFilled, 0)) >= 0;
}

/** Hands over what a client is to be told, as long as it is at least so much. */
function say(socket: i32, client: usize, least: u32): u32 {
  while (outputWaits(client) >= least) {
    const frame = takeFrame(socket);
    if (frame === 0) return sendRoom(socket) < 0 ? GONE : WAITS;
    const most = sendBytes(socket);
    let filled: u32 = 0;
    while (filled < most && outputWaits(client) > 0) {
      const length = firstPieceLength(client);
      const part = length < most - filled ? length : most - filled;
      // Into the frame from which it leaves: a value may be changed, or sent to others, before the peer has acknowledged it.
      copyBytes(frame + filled, firstPiece(client), part);
      filled += part;
      pieceSent(client, part);
    }
    filledBytes += <u64>filled;
    work++;
    if (sendFrame(socket, frame, filled, 0) < 0) return GONE;
  }
  return SAID;
}

/** Gives what is left of a piece to the store, which runs the commands in it. Returns whether the connection takes the replies. */
function feedRest(socket: i32, link: Link, client: usize): bool {
  lendFrameTo(socket, client);
  const taken = feed(client, link.at, link.rest);
  if (openFrame !== 0) openFilled += endLoan();
  link.at += taken;
  link.rest -= taken;
  // The last byte is in the frame; the place behind it may be in another one.
  if (link.rest === 0) recycle(link.at - 1);
  return (openFilled < openMost && outputWaits(client) === 0) || closeFrame(socket);
}

/** Takes the next piece of what arrived. Returns as `receive`. */
function takePiece(socket: i32, link: Link): i32 {
  const length = receive(socket);
  if (length <= 0) return length;
  work++;
  link.at = load<u32>(control + <usize>Place.pieceAddress);
  link.rest = <u32>length;
  return length;
}

/** Reads and runs commands, with replies handed over a frame at a time. Returns how it is with the replies that wait in the store. */
function hear(socket: u32, link: Link, client: usize): u32 {
  let frames: u32 = 0;
  for (let step: u32 = 0; step < stepsATurn; step++) {
    if (link.rest === 0) {
      if (frames === framesATurn) break;
      frames++;
      const length = takePiece(<i32>socket, link);
      if (length === again) return SAID;
      if (length === 0) link.flags |= HEARD_ALL;
      if (length <= 0) return length === 0 ? SAID : GONE;
    }
    if (!feedRest(<i32>socket, link, client)) return GONE;
    const state = setting(FEED_STATE);
    // It waits for others' commands, and is named among the news then; one that has gone meanwhile gets nothing any more.
    if ((state & FEED_BLOCKED) !== 0) return peerEnded(<i32>socket) ? GONE : SAID;
    if (state !== 0 || isAsked()) break;
    const said = say(<i32>socket, client, sendBytes(<i32>socket));
    if (said !== SAID) return said;
  }
  // There is more, perhaps.
  putInRow(socket);
  return SAID;
}

/** One look at a client's connection. */
function serve(socket: u32, link: Link): void {
  const client = clientAt(<i32>link.client - 1);
  // One that does not read, or that was sent away, is not waited for.
  if ((closingState(client) & FEED_CLOSED) !== 0 && outputWaits(client) > 0) {
    abortLink(socket);
    return;
  }
  let said = say(<i32>socket, client, 1);
  if (said === SAID && closingState(client) === 0 && (link.flags & HEARD_ALL) === 0) {
    said = hear(socket, link, client);
    if (!closeFrame(<i32>socket)) said = GONE;
    if (said === SAID) said = say(<i32>socket, client, 1);
  }
  if (said === GONE) closeLink(socket);
  else if (said === WAITS) {
    if ((closingState(client) & FEED_CLOSED) !== 0) abortLink(socket);
  } else if (closingState(client) !== 0) beginGoodbye(socket);
  else if ((link.flags & HEARD_ALL) !== 0) closeLink(socket);
}
