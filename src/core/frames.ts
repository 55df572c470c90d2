// Frames of packets (the UMEM), and in whose hands each one is. Whoever hands a frame over says from whom to whom; what does not fit, an address
// outside, or a frame returned twice is refused and counted, before anything is read or written.

import { take } from './arena';
import { Figure, Owner, Setting } from './control';
import { count, setting } from './figures';
import { guarded } from './guarded';

/** Beside the owner: the frame stays with the stack after it was sent; the application has it by a row (tcp/rows.ts), and gives it back by that alone. */
const held: u8 = 0x80;
const inRow: u8 = 0x40;
/** No frame. */
const none: u32 = 0xffffffff;

let umem: usize = 0;
let bytes: usize = 0;
let shift: u32 = 11;
/** Of an address relative to the UMEM: what says where in its frame it lies. */
let inside: u32 = 2047;
let frames: u32 = 0;
/** Sending takes a frame only while more are free than `receiveReserve`, and receiving while more are than `ownReserve`: answers always find one. */
let receiveReserve: u32 = 0;
let ownReserve: u32 = 0;
/** Frames in the fill ring, and how many it may have: all others could not be sent with. */
let inFill: u32 = 0;
let mostInFill: u32 = 0;
/** So many it always gets back; beyond, only while so many are free that sending has its share, whatever the received ones are held for. */
let leastInFill: u32 = 0;
let fillReserve: u32 = 0;
let owners: usize = 0;
let freeList: usize = 0;
let freeFrames: u32 = 0;

/** Lays out the tables for frames that lie at `from`; all are free. Returns whether there was room. */
export function configureFrames(from: usize): bool {
  frames = setting(Setting.frameCount);
  shift = 31 - clz(setting(Setting.frameSize));
  inside = setting(Setting.frameSize) - 1;
  umem = from;
  bytes = (<usize>frames) << shift;
  receiveReserve = setting(Setting.receiveReserve);
  if (receiveReserve === 0) receiveReserve = frames >> 3;
  ownReserve = frames >> 4;
  inFill = 0;
  mostInFill = frames >> 1;
  leastInFill = frames >> 3;
  fillReserve = frames >> 2;
  owners = take(frames, 64);
  freeList = take(frames * 4, 64);
  if (owners === 0 || freeList === 0) return false;
  freeFrames = 0;
  // The first frame is the first that is taken.
  for (let index = frames; index > 0; index--) pushFree(index - 1);
  return true;
}

/** Bytes of a frame. */
export function frameBytes(): u32 {
  return (<u32>1) << shift;
}

/** Frames that nobody has. */
export function framesFree(): u32 {
  return freeFrames;
}

/** How many frames somebody has: for figures and tests. */
export function framesOwnedBy(owner: u32): u32 {
  let many: u32 = 0;
  for (let index: u32 = 0; index < frames; index++) {
    if (<u32>(load<u8>(owners + index) & ~(held | inRow)) === owner) many++;
  }
  return many;
}

/** The start of the frame that holds an address; it must lie in the UMEM. */
export function frameOf(address: usize): usize {
  return umem + (((address - umem) >> shift) << shift);
}

/** Who has the frame at an address in the UMEM. */
export function ownerOf(frame: usize): u32 {
  const index = indexOf(frame);
  return index === none ? none : <u32>(load<u8>(owners + index) & ~held);
}

/** Whether a range lies in one frame. */
export function isInFrame(frame: usize, address: usize, length: u32): bool {
  const offset = address - frame;
  return offset <= frameBytes() && length <= frameBytes() - <u32>offset;
}

/** How many frames the kernel may be given to receive into: while enough are free, and not most of them. */
export function fillAllowance(): u32 {
  const least = inFill < leastInFill ? leastInFill - inFill : 0;
  const beyond = freeFrames > fillReserve ? freeFrames - fillReserve : 0;
  const own = freeFrames > ownReserve ? freeFrames - ownReserve : 0;
  const most = mostInFill > inFill ? mostInFill - inFill : 0;
  return min<u32>(min<u32>(most, own), max<u32>(least, beyond));
}

/**
 * Takes so many frames for receiving, of those that `fillAllowance` told of: from nobody to the kernel. Their places relative to the UMEM are written into a ring of
 * places (u64), from its entry `first` on. @param mask of the numbers of entries
 */
export function takeForFill(many: u32, ring: usize, first: u32, mask: u32): void {
  let next = freeList + ((<usize>freeFrames) << 2);
  freeFrames -= many;
  inFill += many;
  const table = owners;
  const bits = shift;
  for (const end = first + many; first !== end; first++) {
    next -= 4;
    const index = load<u32>(next);
    if (guarded) store<u8>(table + index, <u8>Owner.fill);
    store<u64>(ring + ((<usize>(first & mask)) << 3), <u64>(index << bits));
  }
}

/** What is written of a received packet: where it is (u32), its length (u32), and room for another word. */
export const arrivalBytes: usize = 12;

/**
 * Frames that the kernel received into: to the stack. So many descriptors stand in a ring of places (u64) and lengths (u32), 16 bytes each, from its entry `first` on. Of
 * each that the kernel may give it is written where the packet is, and how long; the others are refused. Returns where that ends. @param mask of the numbers of entries
 */
export function takeReceived(many: u32, ring: usize, first: u32, mask: u32, into: usize): usize {
  inFill -= many;
  const table = owners;
  const bits = shift;
  const start = umem;
  const most = inside;
  for (const end = first + many; first !== end; first++) {
    const descriptor = ring + ((<usize>(first & mask)) << 4);
    const place = load<u64>(descriptor);
    if (guarded && place >= <u64>bytes) {
      refuseReceived(Figure.faultOutside);
      continue;
    }
    const index = <u32>place >> bits;
    const owner = table + index;
    if (guarded && load<u8>(owner) !== <u8>Owner.fill) {
      refuseReceived(Figure.faultOwner);
      continue;
    }
    const length = load<u32>(descriptor, 8);
    if (guarded && length > most + 1 - (<u32>place & most)) {
      count(Figure.faultLength);
      pushFree(index);
      continue;
    }
    store<u8>(owner, <u8>Owner.stack);
    store<usize>(into, start + <usize>place);
    store<u32>(into, length, 4);
    into += arrivalBytes;
  }
  return into;
}

/** Whoever has that frame, the kernel did not get it to receive into, or has more than it was given. */
function refuseReceived(fault: Figure): void {
  count(fault);
  inFill++;
}

/** A frame that the kernel sent: back to the stack if it is held, else free. */
export function takeCompleted(place: u64): void {
  if (guarded && place >= <u64>bytes) {
    count(Figure.faultOutside);
    return;
  }
  const index = <u32>place >> shift;
  const owner = load<u8>(owners + index);
  if (guarded && (owner & ~held) !== <u8>Owner.transmit) {
    count(Figure.faultOwner);
    return;
  }
  if ((owner & held) !== 0) store<u8>(owners + index, held | <u8>Owner.stack);
  else pushFree(index);
}

/** An empty frame for the stack's own packets; 0: none is free. */
export function frameForStack(): usize {
  if (freeFrames === 0) {
    count(Figure.framesShort);
    return 0;
  }
  return takeFree(<u8>Owner.stack);
}

/** An empty frame to send something in, while enough are left to receive into; 0: none. */
export function frameForSegment(): usize {
  if (freeFrames <= receiveReserve) {
    count(Figure.framesShort);
    return 0;
  }
  return takeFree(<u8>Owner.stack);
}

/** A frame of the stack's that nobody needs any more. */
export function releaseFrame(frame: usize): void {
  const index = indexOf(frame);
  if (guarded && (index === none || (load<u8>(owners + index) & ~held) !== <u8>Owner.stack)) {
    count(Figure.faultStack);
    return;
  }
  pushFree(index);
}

/** From the stack to the application: a frame that is not held, of which the number is known. */
export function lendNumbered(index: u32): void {
  const owner = owners + index;
  if (!guarded || load<u8>(owner) === <u8>Owner.stack) store<u8>(owner, <u8>Owner.application);
  else count(Figure.faultStack);
}

/** From the stack to the application, by a row: a frame that is not held, at an address in it. */
export function lendInRow(address: usize): void {
  const owner = owners + ((address - umem) >> shift);
  if (!guarded || load<u8>(owner) === <u8>Owner.stack) store<u8>(owner, <u8>Owner.application | inRow);
  else count(Figure.faultStack);
}

/** What the application has by a row is lent as all others from now on, or the stack's again. Returns whether it was so. */
export function takeOutOfRow(address: usize, to: Owner): bool {
  const index = indexOf(address);
  if (guarded && (index === none || load<u8>(owners + index) !== (<u8>Owner.application | inRow))) {
    count(index === none ? Figure.faultRecycleOutside : Figure.faultRecycleOwner);
    return false;
  }
  store<u8>(owners + index, <u8>to);
  return true;
}

/** Bytes of a row, and where in it stands an address in the frame (u32); 0: it has none. */
export const rowShift: u32 = 4;
export const rowAddressAt: usize = 8;

/** Frames that the application has by rows of a ring come back: nobody has them then. @param mask of the numbers of rows */
export function takeBackRows(ring: usize, first: u32, end: u32, mask: u32): void {
  let next = freeList + ((<usize>freeFrames) << 2);
  const table = owners;
  const bits = shift;
  const start = umem;
  const most = bytes;
  for (; first !== end; first++) {
    const address = <usize>load<u32>(ring + ((<usize>(first & mask)) << rowShift), rowAddressAt);
    if (address === 0) continue;
    const offset = address - start;
    if (guarded && offset >= most) {
      count(Figure.faultRecycleOutside);
      continue;
    }
    const index = <u32>(offset >> bits);
    if (guarded && load<u8>(table + index) !== (<u8>Owner.application | inRow)) {
      count(Figure.faultRecycleOwner);
      continue;
    }
    store<u8>(table + index, <u8>Owner.free);
    store<u32>(next, index);
    next += 4;
  }
  freeFrames = <u32>((next - freeList) >> 2);
}

/** From the stack to the application. */
export function lendFrame(frame: usize): bool {
  return moveFrame(frame, <u8>Owner.stack, <u8>Owner.application);
}

/** From the stack to the kernel, or to those that wait for a neighbour, and back; held or not, it stays so. */
export function handFrame(frame: usize, from: Owner, to: Owner): bool {
  return moveFrame(frame, <u8>from, <u8>to);
}

/** The number of the frame at an address, if it is lent; else all ones, and nothing is counted. */
export function lentNumber(address: usize): u32 {
  const offset = address - umem;
  if (guarded && offset >= bytes) return none;
  const index = <u32>(offset >> shift);
  return !guarded || load<u8>(owners + index) === <u8>Owner.application ? index : none;
}

/** Gives back the frame of such a number: nobody has it then. */
export function recycleNumbered(index: u32): void {
  pushFree(index);
}

/** Gives back what was lent, by any address in it: nobody has it then. Returns 0, -EFAULT outside, -EINVAL for what is not lent. */
export function recycle(address: usize): i32 {
  const index = lentIndex(address);
  if (index < 0) return index;
  pushFree(<u32>index);
  return 0;
}

/** A lent frame back into the stack's hands, by any address in it. Returns as `recycle` does. */
export function reclaimFrame(address: usize): i32 {
  const index = lentIndex(address);
  if (index < 0) return index;
  store<u8>(owners + <u32>index, <u8>Owner.stack);
  return 0;
}

/** The frame stays with the stack after it was sent. */
export function holdFrame(frame: usize): void {
  const index = indexOf(frame);
  if (guarded && index === none) {
    count(Figure.faultStack);
    return;
  }
  store<u8>(owners + index, load<u8>(owners + index) | held);
}

/** The frame need not stay any more: free now, or as soon as the kernel has sent it. */
export function unholdFrame(frame: usize): void {
  const index = indexOf(frame);
  if (guarded && (index === none || (load<u8>(owners + index) & held) === 0)) {
    count(Figure.faultStack);
    return;
  }
  const owner = load<u8>(owners + index) & ~held;
  if (owner === <u8>Owner.stack) pushFree(index);
  else store<u8>(owners + index, owner);
}

/** A frame that could not be sent: free, unless it is held; then the stack has it again. */
export function dropUnsent(frame: usize): void {
  const index = indexOf(frame);
  if (guarded && index === none) {
    count(Figure.faultStack);
    return;
  }
  if ((load<u8>(owners + index) & held) !== 0) store<u8>(owners + index, held | <u8>Owner.stack);
  else pushFree(index);
}

function indexOf(address: usize): u32 {
  const offset = address - umem;
  return !guarded || offset < bytes ? <u32>(offset >> shift) : none;
}

function lentIndex(address: usize): i32 {
  const index = indexOf(address);
  if (guarded && index === none) {
    count(Figure.faultRecycleOutside);
    return -14;
  }
  if (guarded && load<u8>(owners + index) !== <u8>Owner.application) {
    count(Figure.faultRecycleOwner);
    return -22;
  }
  return <i32>index;
}

function moveFrame(frame: usize, from: u8, to: u8): bool {
  const index = indexOf(frame);
  if (!guarded || index !== none) {
    const owner = load<u8>(owners + index);
    if (!guarded || (owner & ~held) === from) {
      store<u8>(owners + index, (owner & held) | to);
      return true;
    }
  }
  count(Figure.faultStack);
  return false;
}

function takeFree(owner: u8): usize {
  const index = popFree();
  store<u8>(owners + index, owner);
  return umem + ((<usize>index) << shift);
}

function popFree(): u32 {
  freeFrames--;
  return load<u32>(freeList + ((<usize>freeFrames) << 2));
}

function pushFree(index: u32): void {
  store<u8>(owners + index, <u8>Owner.free);
  store<u32>(freeList + ((<usize>freeFrames) << 2), index);
  freeFrames++;
}
