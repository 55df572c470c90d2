// TCP as the application has it: README.md says what each export does. Frames change hands here; what is wrong is refused, and no frame is lost by it.

import { isNone, isOurs, putAddress, sourceFor } from '../addresses';
import { Figure, Place, Setting } from '../control';
import { forgetEvents } from '../events';
import { count, putPlace, setting } from '../figures';
import {
  frameForSegment,
  frameOf,
  isInFrame,
  lendFrame,
  lentNumber,
  reclaimFrame,
  recycleNumbered,
  releaseFrame,
  recycle as returnFrame,
} from '../frames';
import { random64 } from '../random';
import { at, Connection, Fin, State } from './connection';
import { beginConnect } from './handshake';
import { putPending } from './pending';
import { payloadOffset, piece, pieceNumbered, pieceOf, useFilling, useNone, useRead } from './pieces';
import { appendPiece, joinPiece, noteLent, noteReturned, sendAllowance } from './queue';
import { isWindowNews, mayHearOfRoom, noteRecycled, takeReadable } from './receiver';
import { hasRows } from './rows';
import { acknowledge, beginFlight, canSend, transmit } from './sender';
import { roomForNew } from './stalled';
import { attach, end, enter, enterHalfClosed, forget, orphan, reset, takeReady } from './states';
import { addListener, blockAt, blockOf, blocks, findBlock, findListener, indexBlock, nameBlock } from './table';
import { arm, disarm, timerLife } from './timers';
import { endRows, unread } from './unread';
import { tickAfterMs } from './wheel';

const none: u32 = 0xffffffff;
const again: i32 = -11;
const badSocket: i32 = -9;
const invalid: i32 = -22;
const brokenPipe: i32 = -32;
const notConnected: i32 = -107;
/** Ports that a connection of ours may have (as IANA and Linux have them), and how many are tried. */
const firstPort: u32 = 32_768;
const ports: u32 = 28_232;
const portTries: u32 = 128;
/** 16 bytes of 0: nobody's address, or everybody's. */
const noAddress = memory.data(16, 8);

/** Options of a socket: small segments are not held back; the peer is asked whether it is there when nothing came for long. */
const optionNoDelay: u32 = 1;
const optionKeepAlive: u32 = 2;

/** A listening socket on one of our addresses (16 bytes; 0: on all). Returns its number, -EADDRINUSE, -EADDRNOTAVAIL, -ENFILE. */
export function listen(address: usize, port: u32, backlog: u32): i32 {
  if (port - 1 > 0xfffe || backlog === 0) return invalid;
  const own = address === 0 || isNone(address) ? noAddress : address;
  if (own !== noAddress && !isOurs(own)) return -99;
  const swapped = bswap<u16>(<u16>port);
  const other = findListener(own, swapped);
  if (other !== 0 && at(other).local0 === load<u64>(own) && at(other).local1 === load<u64>(own, 8)) return -98;
  const block = roomForNew();
  if (block === 0) return -23;
  const c = at(block);
  nameBlock(block, own, noAddress, (<u32>swapped) << 16);
  enter(c, State.listen);
  attach(c);
  c.backlog = backlog;
  addListener(block);
  return <i32>c.number;
}

/** The next connection that was made for a listening socket. */
export function accept(socket: i32): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  if (at(block).state !== State.listen) return invalid;
  const made = takeReady(at(block));
  return made === 0 ? again : <i32>at(made).number;
}

/** Begins a connection from one of our addresses (0: the one that fits) to a host. */
export function connect(local: usize, remote: usize, port: u32): i32 {
  if (port - 1 > 0xfffe) return invalid;
  const own = local === 0 || isNone(local) ? sourceFor(remote) : local;
  if (own === 0) return -101;
  if (!isOurs(own)) return -99;
  const names = freePort(own, remote, <u32>bswap<u16>(<u16>port));
  if (names === 0) return -99;
  const block = roomForNew();
  if (block === 0) return -23;
  const c = at(block);
  nameBlock(block, own, remote, names);
  indexBlock(block);
  attach(c);
  beginConnect(c);
  return <i32>c.number;
}

/** The next piece of what arrived. */
export function receive(socket: i32): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  const c = at(block);
  if (hasRows()) unread(c);
  const record = takeReadable(c);
  if (record !== 0) {
    putPlace(Place.pieceAddress, <u32>piece(record).data);
    const hasMore = c.readHead | <u32>c.error | <u32>c.peerFinished;
    putPlace(Place.hasMore, <u32>hasMore);
    // Of what comes behind the last piece it is told again.
    if (hasMore === 0) c.toldReadable = false;
    return <i32>piece(record).length;
  }
  c.toldReadable = false;
  if (c.error !== 0) {
    const error = c.error;
    c.error = 0;
    return error;
  }
  if (c.peerFinished || c.state === State.closed) return 0;
  return c.state < State.established ? notConnected : again;
}

/** Gives a lent frame back. */
export function recycle(address: usize): i32 {
  const result = returnFrame(address);
  if (result !== 0) return result;
  const p = piece(pieceOf(address));
  if (p.use === useRead) {
    const block = noteRecycled(p);
    if (block !== 0) tellOfRoom(at(block));
  } else if (p.use === useFilling) returnLent(address);
  return 0;
}

/** Gives several back, whose addresses stand one behind another (u32). Returns how many were taken. */
export function recycleMany(addresses: usize, many: u32): u32 {
  let taken: u32 = 0;
  for (const end = addresses + <usize>(many << 2); addresses < end; addresses += 4) {
    const address = load<u32>(addresses);
    const index = lentNumber(address);
    if (index !== none) {
      // What nearly all are is done at once: received pieces, of connections whose windows are open.
      const p = piece(pieceNumbered(index));
      if (p.use === useRead) {
        recycleNumbered(index);
        const block = noteRecycled(p);
        if (block !== 0) {
          if (mayHearOfRoom(at(block))) tellOfRoom(at(block));
        }
        taken++;
        continue;
      }
    }
    if (recycle(address) === 0) taken++;
  }
  return taken;
}

/** A frame is free again: the peer hears of it when that is much. */
function tellOfRoom(c: Connection): void {
  if (c.state >= State.established && c.state <= State.finWait2 && !c.peerFinished && isWindowNews(c)) acknowledge(c);
}

/** Bytes of payload that may be handed over now. */
export function sendRoom(socket: i32): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  const c = at(block);
  if (c.shutWrite || !canSend(c)) return c.state < State.established ? 0 : brokenPipe;
  const frames = sendAllowance(c);
  if (frames === 0) waitForRoom(c);
  return <i32>(frames * c.mss);
}

/** Where to write payload, in a frame that is the application's then; 0: none. */
export function frameForSend(socket: i32): usize {
  const block = blockOf(socket);
  if (block === 0) return 0;
  const c = at(block);
  if (c.shutWrite || !canSend(c)) return 0;
  const frame: usize = sendAllowance(c) === 0 ? 0 : frameForSegment();
  if (frame === 0) {
    waitForRoom(c);
    return 0;
  }
  lendFrame(frame);
  const p = piece(pieceOf(frame));
  p.use = useFilling;
  p.owner = block;
  p.generation = c.generation;
  noteLent(c);
  return frame + payloadOffset;
}

/**
 * Whether something that was handed over waits to be sent, for the peer's window or the network's: who has the bytes elsewhere keeps them there, and is told by `writable`.
 */
export function sendWaits(socket: i32): bool {
  const block = blockOf(socket);
  if (block === 0 || at(block).sendNext === 0) return false;
  at(block).wantsRoom = true;
  return true;
}

/** Whether the peer has ended its direction, and all that it sent is here, read or not; or the connection is over. Where not, what comes next is told by `readable`. */
export function peerEnded(socket: i32): bool {
  const block = blockOf(socket);
  if (block === 0) return true;
  at(block).toldReadable = false;
  return at(block).peerFinished || at(block).state === State.closed;
}

/** The most payload of one frame. */
export function sendBytes(socket: i32): u32 {
  const block = blockOf(socket);
  return block === 0 || at(block).state < State.established ? 0 : at(block).mss;
}

/** Hands a frame over. Whatever it returns, the frame is the application's no more, if it was. */
export function sendFrame(socket: i32, address: usize, length: u32, more: u32): i32 {
  const reclaimed = reclaimFrame(address);
  if (reclaimed < 0) return reclaimed;
  const frame = frameOf(address);
  const p = piece(pieceOf(address));
  const block = blockOf(socket);
  const isOwn = block !== 0 && p.use === useFilling && p.owner === block && p.generation === at(block).generation;
  const refused = isOwn ? refusal(at(block), address, length) : block === 0 ? badSocket : invalid;
  if (p.use === useFilling) returnLent(address);
  else if (p.use === useRead) noteRecycled(p);
  if (refused !== 0) {
    releaseFrame(frame);
    return refused;
  }
  const c = at(block);
  c.corked = more !== 0;
  if (c.sendHead === 0) beginFlight(c);
  if (joinPiece(c, address, length, c.mss)) releaseFrame(frame);
  else appendPiece(c, address, length);
  transmit(c);
  return 0;
}

/** Gives a frame that was lent to be filled back unsent. */
export function dropFrame(address: usize): i32 {
  return recycle(address);
}

/** Sends what `more` held back. */
export function pushSocket(socket: i32): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  at(block).corked = false;
  if (canSend(at(block))) transmit(at(block));
  return 0;
}

/** The end of our direction: behind all data that was handed over. */
export function shutdown(socket: i32): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  const c = at(block);
  if (c.state < State.established) return notConnected;
  finish(c);
  return 0;
}

/** Ends a connection at once, by a reset, and gives its number back. */
export function abort(socket: i32): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  const c = at(block);
  if (c.state === State.listen || c.state === State.closed) return close(socket);
  if (hasRows()) endRows(c);
  forgetEvents(c.number);
  orphan(c);
  reset(c, 0);
  return 0;
}

/** Gives a number back. What was handed over is still sent; what arrived and was not read makes it a reset (RFC 2525, section 2.17). */
export function close(socket: i32): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  const c = at(block);
  if (hasRows()) endRows(c);
  forgetEvents(c.number);
  if (c.state === State.listen) return closeListener(c);
  if (c.state === State.closed) {
    forget(c);
    return 0;
  }
  const isUnread = c.readHead !== 0;
  const isAllowed = orphan(c);
  if (c.state < State.established) end(c, 0);
  else if (isUnread || !isAllowed) {
    if (!isAllowed) count(Figure.tcpOrphansReset);
    reset(c, 0);
  } else if (c.state === State.finWait2) enterHalfClosed(c);
  else finish(c);
  return 0;
}

/** Bytes of payload that were handed over and not acknowledged. */
export function unacknowledged(socket: i32): u32 {
  const block = blockOf(socket);
  if (block === 0 || at(block).state < State.established) return 0;
  const c = at(block);
  return c.sendHead === 0 ? 0 : c.queueEnd - c.unacknowledged;
}

/** Writes the peer's address (16 bytes) and port (u16), and ours behind it in the same way. */
export function peerOf(socket: i32, into: usize): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  putAddress(into, block + 16);
  store<u16>(into, bswap<u16>(<u16>at(block).ports), 16);
  putAddress(into + 18, block);
  store<u16>(into, bswap<u16>(<u16>(at(block).ports >> 16)), 34);
  return 0;
}

/** Sets an option of a socket: 1 no delay, 2 keepalive. */
export function setOption(socket: i32, option: u32, value: u32): i32 {
  const block = blockOf(socket);
  if (block === 0) return badSocket;
  const c = at(block);
  if (option === optionNoDelay) {
    c.noDelay = value !== 0;
    if (c.noDelay && canSend(c)) transmit(c);
    return 0;
  }
  if (option !== optionKeepAlive) return invalid;
  c.keepAlive = value !== 0;
  if (c.state !== State.established && c.state !== State.closeWait) return 0;
  if (c.keepAlive) arm(c, timerLife, tickAfterMs(setting(Setting.keepIdleMs)));
  else disarm(c, timerLife);
  return 0;
}

/** The application is told when there is room. Frames that others give back are no news of a connection that has none: it looks with the next turn. */
function waitForRoom(c: Connection): void {
  c.wantsRoom = true;
  if (c.sendFrames + c.lentFrames === 0) putPending(c);
}

/** Our FIN, behind what waits. */
function finish(c: Connection): void {
  if (c.shutWrite) return;
  c.shutWrite = true;
  c.corked = false;
  if (c.state === State.established) enter(c, State.finWait1);
  else if (c.state === State.closeWait) enter(c, State.lastAck);
  else return;
  c.fin = Fin.wanted;
  if (c.sendHead === 0) beginFlight(c);
  transmit(c);
}

/** Why a frame of a connection's own is not taken; 0: it is. */
function refusal(c: Connection, address: usize, length: u32): i32 {
  if (length === 0 || address - frameOf(address) < payloadOffset || !isInFrame(frameOf(address), address, length)) {
    return invalid;
  }
  return c.shutWrite || !canSend(c) ? brokenPipe : 0;
}

/** A frame that was lent to be filled is lent no more. */
function returnLent(address: usize): void {
  const p = piece(pieceOf(address));
  p.use = useNone;
  noteReturned(at(p.owner), at(p.owner).generation !== p.generation);
}

/** All that came of a listener and was not accepted ends with it. */
function closeListener(listener: Connection): i32 {
  const block = changetype<usize>(listener);
  for (let number: u32 = 0; number < blocks(); number++) {
    const c = at(blockAt(number));
    if (c.listener === block && c.state > State.listen) reset(c, 0);
  }
  listener.attached = false;
  end(listener, 0);
  return 0;
}

/** Both ports, with one of ours that is not in use towards this host; 0: none was found. */
function freePort(own: usize, remote: usize, remotePort: u32): u32 {
  const start = <u32>random64();
  for (let tries: u32 = 0; tries < portTries; tries++) {
    const port = firstPort + ((start + tries * 7_919) % ports);
    const names = ((<u32>bswap<u16>(<u16>port)) << 16) | remotePort;
    if (findBlock(own, remote, names) === 0) return names;
  }
  return 0;
}
