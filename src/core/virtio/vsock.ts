// Streams between a guest and its monitor (virtio-vsock, VIRTIO 1.2 section 5.10): packets of both directions. A received one is looked at where the device
// put it; one that is sent is a header of ours and pieces of memory where they lie. Not here: connections (unikernel/store-streams.ts).

import { take } from '../arena';
import { readRegister } from '../unikernel/host';
import { agree, beginDevice, CONFIGURATION, EVENT_INDEX, findDevice, giveUp, PACKED } from './mmio';
import {
  addPiece,
  awake,
  DEVICE_WRITES,
  endChain,
  isBroken,
  openQueue,
  quiet,
  roomIn,
  show,
  takeBack,
  takenBytes,
} from './queue';

const KIND: u32 = 19;
/** Operations. */
export const OP_REQUEST: u32 = 1;
export const OP_RESPONSE: u32 = 2;
export const OP_RESET: u32 = 3;
export const OP_SHUTDOWN: u32 = 4;
export const OP_DATA: u32 = 5;
export const OP_CREDIT: u32 = 6;
export const OP_CREDIT_REQUEST: u32 = 7;

const headerBytes: u32 = 44;
const STREAM: u16 = 1;
/** Packets that wait to be received into, and the bytes of each. */
export const receivePackets: u32 = 128;
const packetBytes: u32 = 4096;
const sendEntries: u32 = 1024;
const none: u32 = 0xffffffff;

let device: u32 = 0;
let received: usize = 0;
let sent: usize = 0;
let packets: usize = 0;
let headers: usize = 0;
/** A row of headers that are free. */
let freeHeaders: usize = 0;
let headersFree: u32 = 0;
let ownCid: u64 = 0;

/** Of the packet that was received last. */
export let operation: u32 = 0;
export let peerCid: u64 = 0;
export let peerPort: u32 = 0;
export let ownPort: u32 = 0;
export let flags: u32 = 0;
export let peerRoom: u32 = 0;
export let peerTaken: u32 = 0;
export let payload: usize = 0;
export let payloadBytes: u32 = 0;

/** Brings the device up, if there is one. Returns whether. */
export function openVsock(): bool {
  device = findDevice(KIND);
  if (device === 0) return false;
  const features = agree(device, EVENT_INDEX | PACKED);
  if (features === 0) return false;
  received = openQueue(device, 0, receivePackets, features);
  sent = openQueue(device, 1, sendEntries, features);
  packets = take(receivePackets * packetBytes, 4096);
  headers = take(sendEntries * 64, 64);
  freeHeaders = take(sendEntries * 2, 4);
  if (received === 0 || sent === 0 || packets === 0 || headers === 0 || freeHeaders === 0) {
    giveUp(device);
    return false;
  }
  // The upper 32 bits are 0 (section 5.10.4).
  ownCid = readRegister(device + CONFIGURATION);
  for (headersFree = 0; headersFree < sendEntries; headersFree++)
    store<u16>(freeHeaders + headersFree * 2, <u16>headersFree);
  const room = min<u32>(roomIn(received), receivePackets);
  for (let slot: u32 = 0; slot < room; slot++) giveBack(slot);
  beginDevice(device);
  show(received);
  return true;
}

/** The next packet that arrived: its slot, and what it is; -1: none now. A slot goes back by `giveBack`. */
export function nextPacket(): i32 {
  for (;;) {
    const slot = takeBack(received);
    if (slot === none) return -1;
    const at = packets + slot * packetBytes;
    const bytes = takenBytes;
    const length = load<u32>(at, 24);
    // Of another kind, or shorter than it says.
    if (
      bytes < headerBytes ||
      length > bytes - headerBytes ||
      load<u16>(at, 28) !== STREAM ||
      load<u64>(at, 8) !== ownCid
    ) {
      giveBack(slot);
      continue;
    }
    peerCid = load<u64>(at);
    peerPort = load<u32>(at, 16);
    ownPort = load<u32>(at, 20);
    operation = <u32>load<u16>(at, 30);
    flags = load<u32>(at, 32);
    peerRoom = load<u32>(at, 36);
    peerTaken = load<u32>(at, 40);
    payload = at + headerBytes;
    payloadBytes = length;
    return <i32>slot;
  }
}

/** A slot may be received into again. */
export function giveBack(slot: u32): void {
  addPiece(received, packets + slot * packetBytes, packetBytes, DEVICE_WRITES);
  endChain(received, slot);
}

/** Descriptors that packets of ours may take now. */
export function sendRoom(): u32 {
  return roomIn(sent);
}

/** Whether a packet of so many pieces can be sent. */
export function canSend(pieces: u32): bool {
  return headersFree > 0 && roomIn(sent) > pieces;
}

/**
 * Sends a packet, for which there is room. @param room bytes that the peer may have under way, and @param taken those that were taken so far.
 * @param pieces pairs of address and length of 32 bits. @param token comes back with `nextSent`, from 0 up to 65,535
 */
export function sendPacket(
  to: u64,
  fromPort: u32,
  toPort: u32,
  what: u32,
  told: u32,
  room: u32,
  taken: u32,
  pieces: usize,
  count: u32,
  bytes: u32,
  token: u32,
): void {
  const header = <u32>load<u16>(freeHeaders + --headersFree * 2);
  const at = headers + header * 64;
  store<u64>(at, ownCid);
  store<u64>(at, to, 8);
  store<u32>(at, fromPort, 16);
  store<u32>(at, toPort, 20);
  store<u32>(at, bytes, 24);
  store<u16>(at, STREAM, 28);
  store<u16>(at, <u16>what, 30);
  store<u32>(at, told, 32);
  store<u32>(at, room, 36);
  store<u32>(at, taken, 40);
  addPiece(sent, at, headerBytes, 0);
  let left = bytes;
  for (let index: u32 = 0; index < count && left > 0; index++) {
    const length = min<u32>(load<u32>(pieces + index * 8, 4), left);
    addPiece(sent, load<u32>(pieces + index * 8), length, 0);
    left -= length;
  }
  endChain(sent, (token << 16) | header);
}

/** The token of a packet that the device is done with; 0xffffffff: none. */
export function nextSent(): u32 {
  const name = takeBack(sent);
  if (name === none) return none;
  store<u16>(freeHeaders + headersFree++ * 2, <u16>name);
  return name >> 16;
}

/** Shows the device what was sent, and what may be received into. */
export function showVsock(): void {
  show(sent);
  show(received);
}

/** We look by ourselves. */
export function quietVsock(): void {
  quiet(received);
  quiet(sent);
}

/** Asks to be told of packets that arrive, and where that matters of those that have left. True: something is there already. */
export function awakeVsock(ofSent: bool): bool {
  const more = awake(received);
  return (ofSent && awake(sent)) || more;
}

/** Whether packets are under way. */
export function isSending(): bool {
  return headersFree < sendEntries;
}

/** Whether the device does what cannot be. */
export function isVsockBroken(): bool {
  return isBroken(received) || isBroken(sent);
}
