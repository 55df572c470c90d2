// The store's clients on streams of virtio-vsock: commands are run where the device put their bytes, replies leave from where the store has them. What a client sends while
// its replies wait, or while it waits for a key, is kept in the store's memory: packets go back to the device at once, so that nobody who waits has those of others. The
// monitor sends a client a few at a time only. Not here: packets (virtio/vsock.ts), the store (kv/).

import { take } from '../arena';
import { copyBytes } from '../copy';
import { clientAt, endClient } from '../kv/clients';
import { FEED_CLOSED, FEED_CLOSING, FEED_STATE, QUERY_LIMIT_CLOSED } from '../kv/control';
import { memoryLimit } from '../kv/limit';
import { ASK_SAVE, noteSaved, takeAsked } from '../kv/requests';
import { count, setting } from '../kv/settings';
import { allocate, release } from '../kv/slabs';
import {
  clientClose,
  clientFeed,
  clientOpen,
  clientOutputBytes,
  clientPeer,
  clientPieces,
  clientSent,
  clientState,
  nextClientEvent,
} from '../kv/store';
import {
  awakeVsock,
  canSend,
  flags,
  giveBack,
  isSending,
  isVsockBroken,
  nextPacket,
  nextSent,
  OP_CREDIT,
  OP_CREDIT_REQUEST,
  OP_DATA,
  OP_REQUEST,
  OP_RESET,
  OP_RESPONSE,
  OP_SHUTDOWN,
  openVsock,
  operation,
  ownPort,
  payload,
  payloadBytes,
  peerCid,
  peerPort,
  peerRoom,
  peerTaken,
  quietVsock,
  receivePackets,
  sendPacket,
  sendRoom,
  showVsock,
} from '../virtio/vsock';
import { endGuest } from './host';
import { writeDecimal } from './words';

/** Bytes that a client may have under way to us. */
const ownRoom: u32 = 65_536;
/** Packets that a turn takes at most, so that replies leave in between: whoever waits for them works while the next ones are run. */
const batch: u32 = 16;
/** Pieces of a reply that leave in one packet. */
const mostPieces: u32 = 8;
/** Bytes that streams with much to send have under way, all together, and each at the least: the monitor sends all that it has before it hears of what comes, and a short answer would wait for many long ones. */
const mostUnderWay: u32 = 4 << 20;
const leastUnderWay: u32 = 65_536;
/** Rows of connections, by the peer's port. */
const rows: u32 = 4096;
const none: u32 = 0xffff;
/** A connection that nobody is told of any more. */
const noToken: u32 = 0xffff;
const BOTH_WAYS: u32 = 3;

/** States of a stream: bits. */
const CLOSING: u8 = 1;
/** The peer is gone: it ends when what is under way has come back. */
const GONE: u8 = 2;
const QUEUED: u8 = 4;
/** The peer will send no more. */
const ENDED: u8 = 8;

@unmanaged
class Stream {
  cid: u64;
  port: u32;
  client: i32;
  /** Bytes taken from the peer, and what it was told of them. */
  taken: u32;
  told: u32;
  /** Bytes sent; what the peer has taken of them, and its room. */
  sent: u32;
  peerTaken: u32;
  peerRoom: u32;
  /** Bytes under way. */
  sending: u32;
  /** What was not taken yet, 0: nothing: its first part, the last one, and where in the first one it goes on. */
  held: u32;
  heldLast: u32;
  heldAt: u32;
  /** Bytes of all these. */
  waits: u32;
  /** In its row; in the queue of those that wait to send; both as numbers of streams. */
  next: u16;
  nextQueued: u16;
  state: u8;
}

/** The rest of a packet that was not taken as a whole: the next one, and how many bytes follow. */
@unmanaged
class Held {
  next: u32;
  bytes: u32;
}
const HELD_HEAD: u32 = 8;

let isOpen: bool = false;
let streams: usize = 0;
let most: u32 = 0;
let rowHeads: usize = 0;
let byClient: usize = 0;
/** Bytes that all clients together wait with. */
let heldBytes: u64 = 0;
let firstFree: u32 = none;
let firstQueued: u32 = none;
let lastQueued: u32 = none;
/** How many wait to send. */
let queued: u32 = 0;
let port: u32 = 0;
/** Descriptors that stay free for answers to packets, of which so many can come before the monitor takes ours: an answer that is left out would never be given. */
let answers: u32 = 0;
/** Something can go on only when what is under way has come back: we want to be told of that. */
let waitsForSent: bool = false;
const pieces = memory.data(64, 8);
const peerText = memory.data(64);

function at(number: u32): Stream {
  return changetype<Stream>(streams + number * <u32>offsetof<Stream>());
}

/** Opens the device, if there is one, with room for so many streams. Returns whether. */
export function openStreams(listenOn: u32, clients: u32): bool {
  if (!openVsock()) return false;
  most = min<u32>(clients, none - 1);
  port = listenOn;
  answers = min<u32>(receivePackets, sendRoom() >> 2);
  streams = take(most * <u32>offsetof<Stream>(), 8);
  rowHeads = take(rows * 2, 4);
  byClient = take(65_536 * 2, 4);
  if (streams === 0 || rowHeads === 0 || byClient === 0) return false;
  memory.fill(rowHeads, 0xff, rows * 2);
  for (let index: u32 = 0; index < most; index++) {
    at(index).next = <u16>(index + 1 < most ? index + 1 : none);
    at(index).waits = 0;
  }
  firstFree = most > 0 ? 0 : none;
  isOpen = true;
  return true;
}

function rowOf(cid: u64, peer: u32): usize {
  return rowHeads + (((peer * 0x9e3779b1) ^ <u32>cid) >> 20) * 2;
}

function find(cid: u64, peer: u32): u32 {
  for (let index = <u32>load<u16>(rowOf(cid, peer)); index !== none; index = <u32>at(index).next) {
    if (at(index).port === peer && at(index).cid === cid) return index;
  }
  return none;
}

/** Takes a stream out of the tables. */
function free(index: u32): void {
  const it = at(index);
  const row = rowOf(it.cid, it.port);
  if (<u32>load<u16>(row) === index) store<u16>(row, it.next);
  else {
    let before = <u32>load<u16>(row);
    while (<u32>at(before).next !== index) before = <u32>at(before).next;
    at(before).next = it.next;
  }
  it.next = <u16>firstFree;
  firstFree = index;
}

function open(): void {
  if (find(peerCid, peerPort) !== none) return;
  const client = ownPort === port && firstFree !== none ? clientOpen() : -1;
  if (client < 0) {
    reset(peerCid, ownPort, peerPort);
    return;
  }
  const index = firstFree;
  const it = at(index);
  firstFree = <u32>it.next;
  memory.fill(changetype<usize>(it), 0, offsetof<Stream>());
  it.cid = peerCid;
  it.port = peerPort;
  it.client = client;
  it.nextQueued = <u16>none;
  const row = rowOf(peerCid, peerPort);
  it.next = load<u16>(row);
  store<u16>(row, <u16>index);
  store<u16>(byClient + client * 2, <u16>index);
  store<u32>(peerText, 0x636f7376);
  store<u16>(peerText, 0x3a6b, 4);
  clientPeer(client, peerText, 6 + writeDecimal(peerText + 6, peerPort));
  noteCredit(it);
  answer(index, OP_RESPONSE);
}

function noteCredit(it: Stream): void {
  it.peerRoom = peerRoom;
  it.peerTaken = peerTaken;
}

function reset(cid: u64, from: u32, to: u32): void {
  if (canSend(0)) sendPacket(cid, from, to, OP_RESET, 0, 0, 0, 0, 0, 0, noToken);
}

function sendWord(index: u32, what: u32, told: u32): void {
  const it = at(index);
  it.told = it.taken;
  sendPacket(it.cid, port, it.port, what, told, ownRoom, it.taken, 0, 0, 0, noToken);
}

/** A packet without payload. Returns whether there was room for it. */
function say(index: u32, what: u32, told: u32): bool {
  if (!canSend(answers)) return false;
  sendWord(index, what, told);
  return true;
}

/** A packet without payload that answers one: there is always room for it where the device is ours. */
function answer(index: u32, what: u32): void {
  if (canSend(0)) sendWord(index, what, 0);
}

/** Its output is looked at when there is room to send. */
function enqueue(index: u32): void {
  const it = at(index);
  if ((it.state & QUEUED) !== 0) return;
  it.state |= QUEUED;
  queued++;
  it.nextQueued = <u16>none;
  if (firstQueued === none) firstQueued = index;
  else at(lastQueued).nextQueued = <u16>index;
  lastQueued = index;
}

/** The peer is gone, or was told to be. */
function end(index: u32): void {
  const it = at(index);
  it.state |= GONE;
  while (it.held !== 0) dropHeld(it);
  if (it.sending > 0) waitsForSent = true;
  if (it.sending > 0 || (it.state & QUEUED) !== 0) return;
  clientClose(it.client);
  free(index);
}

function dropHeld(it: Stream): void {
  const part = changetype<Held>(it.held);
  heldBytes -= <u64>part.bytes;
  it.waits -= part.bytes;
  const next = part.next;
  release(it.held);
  it.held = next;
  it.heldAt = 0;
}

/** Keeps what was not taken of a packet. Returns false where there is no room, or all wait with too much: a quarter of the memory, as of what is not complete (kv/crowding.ts). */
function hold(it: Stream, from: usize, bytes: u32): bool {
  if (heldBytes + bytes > memoryLimit() >> 2) return false;
  const made = allocate(HELD_HEAD + bytes);
  if (made === 0) return false;
  const part = changetype<Held>(made);
  part.next = 0;
  part.bytes = bytes;
  copyBytes(made + HELD_HEAD, from, bytes);
  heldBytes += <u64>bytes;
  it.waits += bytes;
  if (it.held === 0) it.held = <u32>made;
  else changetype<Held>(it.heldLast).next = <u32>made;
  it.heldLast = <u32>made;
  return true;
}

/** Feeds the bytes of a packet. Returns how many were taken. */
function feed(it: Stream, address: usize, bytes: u32): u32 {
  let taken = clientFeed(it.client, address, bytes);
  // It stops behind a command that asks for something.
  while (answerAsked() && taken < bytes) taken += clientFeed(it.client, address + taken, bytes - taken);
  // What follows the end of a conversation is nobody's; what follows a command that waits for a key is taken later.
  const took = (setting(FEED_STATE) & (FEED_CLOSING | FEED_CLOSED)) !== 0 ? bytes : taken;
  it.taken += took;
  return took;
}

/** What clients ask for that is done outside of the store: there is no place for a snapshot; the end is that of the guest. */
function answerAsked(): bool {
  const asked = takeAsked();
  if (asked === 0) return false;
  if (asked !== ASK_SAVE) endGuest(0);
  noteSaved(false, 0);
  return true;
}

function receive(index: u32): void {
  const it = at(index);
  if ((it.state & (GONE | CLOSING)) !== 0) return;
  const took = it.held === 0 ? feed(it, payload, payloadBytes) : 0;
  enqueue(index);
  const rest = payloadBytes - took;
  if (rest === 0) return;
  while (!hold(it, payload + took, rest)) {
    // Whoever has most goes, so that nobody keeps others out by what waits: the sender where it is that one.
    const other = holdsMost();
    const ended = other === none || at(other).waits <= it.waits + rest ? index : other;
    count(QUERY_LIMIT_CLOSED, 1);
    endClient(clientAt(at(ended).client), true);
    while (at(ended).held !== 0) dropHeld(at(ended));
    enqueue(ended);
    if (ended === index) return;
  }
}

/** The stream of which most waits; none where nothing does. */
function holdsMost(): u32 {
  let found = none;
  let bytes: u32 = 0;
  for (let index: u32 = 0; index < most; index++) {
    if (at(index).waits <= bytes) continue;
    bytes = at(index).waits;
    found = index;
  }
  return found;
}

/** Goes on with what was held. */
function resume(it: Stream): void {
  while (it.held !== 0) {
    const bytes = changetype<Held>(it.held).bytes;
    it.heldAt += feed(it, <usize>it.held + HELD_HEAD + it.heldAt, bytes - it.heldAt);
    if (it.heldAt < bytes) return;
    dropHeld(it);
  }
}

/** A client is to be closed now. Returns whether there was room to say so. */
function sendAway(index: u32): bool {
  if (!say(index, OP_RESET, 0)) return false;
  end(index);
  return true;
}

/** Sends what a stream has, as far as it goes, and its share of the turn, in bytes. Returns whether there was room. */
function flush(index: u32, share: u32): bool {
  const it = at(index);
  if ((it.state & GONE) !== 0) {
    end(index);
    return true;
  }
  // Of one that was sent away and does not read, what is under way is not waited for.
  if ((clientState(it.client) & FEED_CLOSED) !== 0) return sendAway(index);
  if (it.sending > 0) {
    if (it.held !== 0 || clientOutputBytes(it.client) > it.sending) waitsForSent = true;
    return true;
  }
  resume(it);
  const state = clientState(it.client);
  if ((state & FEED_CLOSED) !== 0) return sendAway(index);
  const ready = clientPieces(it.client, pieces, mostPieces);
  if (ready === 0) return settle(index, state);
  const room = it.peerRoom - (it.sent - it.peerTaken);
  const most = min<u32>(room, share);
  let bytes: u32 = 0;
  let parts: u32 = 0;
  for (; parts < ready && bytes < most; parts++) bytes += load<u32>(pieces + parts * 8, 4);
  if (!canSend(answers + parts)) return false;
  if (it.peerRoom < it.sent - it.peerTaken || room === 0) return say(index, OP_CREDIT_REQUEST, 0);
  bytes = min<u32>(bytes, most);
  if (bytes < clientOutputBytes(it.client)) waitsForSent = true;
  it.told = it.taken;
  it.sending = bytes;
  it.sent += bytes;
  sendPacket(it.cid, port, it.port, OP_DATA, 0, ownRoom, it.taken, pieces, parts, bytes, index);
  return true;
}

/** All was sent: the conversation ends, or the peer is told that we took what it sent. */
function settle(index: u32, state: u32): bool {
  const it = at(index);
  if (state !== 0 || (it.state & ENDED) !== 0) {
    if ((it.state & CLOSING) !== 0) return true;
    if (!say(index, OP_SHUTDOWN, BOTH_WAYS)) return false;
    it.state |= CLOSING;
    return true;
  }
  return it.told === it.taken || say(index, OP_CREDIT, 0);
}

function hear(): void {
  const index = find(peerCid, peerPort);
  if (operation === OP_REQUEST) open();
  else if (index === none) {
    if (operation !== OP_RESET) reset(peerCid, ownPort, peerPort);
  } else {
    const it = at(index);
    noteCredit(it);
    if (operation === OP_DATA) receive(index);
    else if (operation === OP_RESET) end(index);
    else if (operation === OP_SHUTDOWN) {
      if ((flags & 2) !== 0) it.state |= ENDED;
      enqueue(index);
    } else if (operation === OP_CREDIT) enqueue(index);
    else if (operation === OP_CREDIT_REQUEST) answer(index, OP_CREDIT);
  }
}

/** One batch both ways. Returns whether anything happened. */
export function turnStreams(): bool {
  if (!isOpen) return false;
  quietVsock();
  waitsForSent = waitsForSent && isSending();
  let did = false;
  for (let token = nextSent(); token !== 0xffffffff; token = nextSent()) {
    did = true;
    if (token === noToken) continue;
    const it = at(token);
    clientSent(it.client, it.sending);
    it.sending = 0;
    enqueue(token);
  }
  for (let taken: u32 = 0; taken < batch; taken++) {
    const slot = nextPacket();
    if (slot < 0) break;
    did = true;
    hear();
    giveBack(<u32>slot);
  }
  for (let client = nextClientEvent(); client >= 0; client = nextClientEvent())
    enqueue(<u32>load<u16>(byClient + client * 2));
  const share = max<u32>(mostUnderWay / max<u32>(queued, 1), leastUnderWay);
  while (firstQueued !== none) {
    const index = firstQueued;
    const next = <u32>at(index).nextQueued;
    at(index).state &= ~QUEUED;
    if (!flush(index, share)) {
      at(index).state |= QUEUED;
      waitsForSent = true;
      break;
    }
    did = true;
    firstQueued = next;
    queued--;
  }
  showVsock();
  return did;
}

/** Asks to be told of what comes. True: there is something already. */
export function awakeStreams(): bool {
  return isOpen && awakeVsock(waitsForSent);
}

/** Whether the device does what cannot be. */
export function areStreamsBroken(): bool {
  return isOpen && isVsockBroken();
}
