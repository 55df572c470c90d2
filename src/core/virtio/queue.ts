// Virtqueues (VIRTIO 1.2 sections 2.7 and 2.8) as their driver sees them, split and packed. What is under way is remembered in memory that the device has no part
// in: what it writes is read once, held against that, and a queue whose device writes what cannot be is broken for good. Order: x86 keeps stores and loads
// in order but for a load after a store, which `fence` is for; `order` is for compilers.

import { take } from '../arena';
import { physicalBase } from '../unikernel/boot';
import { fence, order } from '../unikernel/host';
import { chooseQueue, EVENT_INDEX, notify, PACKED, placeQueue } from './mmio';

/** Flags of a descriptor. */
const NEXT: u16 = 1;
export const DEVICE_WRITES: u16 = 2;
const AVAILABLE: u16 = 0x80;
const USED: u16 = 0x8000;
/** The split ring's word to the other side: no need to tell. */
const QUIET: u16 = 1;
/** The packed ring's: always, never, at a place. */
const TELL: u16 = 0;
const TELL_NOT: u16 = 1;
const TELL_AT: u16 = 2;

const none: u32 = 0xffff;

/** A queue: what of it is ours alone. */
@unmanaged
class Queue {
  device: u32;
  index: u32;
  size: u32;
  isPacked: bool;
  hasEvents: bool;
  /** The device wrote what cannot be: nothing more is put in or taken out. */
  isBroken: bool;
  /** Nobody has asked to be told. */
  isQuiet: bool;
  descriptors: usize;
  /** What we tell the device, and what it tells us. */
  driver: usize;
  own: usize;
  /** Of each id: what the caller calls it, descriptors of the chain (0: not out), the last one, bytes that may be written; 16 bytes. */
  requests: usize;
  /** Behind each descriptor, in its chain or in the row of those that are free; 2 bytes. */
  after: usize;
  firstFree: u32;
  free: u32;
  /** Split: indices of 16 bits. Packed: places, with the wrap counters below. */
  made: u32;
  seen: u32;
  shown: u32;
  madeWrap: bool;
  seenWrap: bool;
  /** The chain that is being made: its first descriptor, its last one, how many. */
  head: u32;
  tail: u32;
  pieces: u32;
  writable: u32;
  /** Packed: place and flags of what is to be shown first, and is written last. */
  heldAt: u32;
  heldFlags: u16;
  headFlags: u16;
}

@unmanaged
class Request {
  token: u32;
  count: u16;
  last: u16;
  writable: u32;
  reserved: u32;
}

/** Bytes that the device wrote to what was taken last. */
export let takenBytes: u32 = 0;

/** Lays a queue out and tells the device. @param most entries, a power of two. Returns 0 where there is no such queue, or no room. */
export function openQueue(device: u32, index: u32, most: u32, features: u64): usize {
  const offered = chooseQueue(device, index);
  let size = most;
  while (size > offered) size >>= 1;
  if (size === 0) return 0;
  const queue = take(offsetof<Queue>(), 8);
  if (queue === 0) return 0;
  const it = changetype<Queue>(queue);
  it.device = device;
  it.index = index;
  it.size = it.free = size;
  it.isPacked = (features & PACKED) !== 0;
  it.hasEvents = (features & EVENT_INDEX) !== 0;
  it.descriptors = take(size * 16, 16);
  it.driver = take(it.isPacked ? 4 : 6 + size * 2, 4);
  it.own = take(it.isPacked ? 4 : 6 + size * 8, 4);
  it.requests = take(size * 16, 8);
  it.after = take(size * 2, 4);
  if (it.descriptors === 0 || it.driver === 0 || it.own === 0 || it.requests === 0 || it.after === 0) return 0;
  for (let at: u32 = 0; at < size; at++) store<u16>(it.after + at * 2, <u16>(at + 1));
  it.head = none;
  it.heldAt = none;
  it.madeWrap = it.seenWrap = true;
  quiet(queue);
  const base = <u64>physicalBase();
  placeQueue(device, size, base + it.descriptors, base + it.driver, base + it.own);
  return queue;
}

/** Descriptors that are free. */
export function roomIn(queue: usize): u32 {
  return changetype<Queue>(queue).isBroken ? 0 : changetype<Queue>(queue).free;
}

/** Whether the device wrote what cannot be. */
export function isBroken(queue: usize): bool {
  return changetype<Queue>(queue).isBroken;
}

/** Adds a piece to the chain that is being made, for which there must be room. Pieces that the device writes come last. */
export function addPiece(queue: usize, address: usize, length: u32, flags: u16): void {
  const it = changetype<Queue>(queue);
  const id = it.firstFree;
  it.firstFree = <u32>load<u16>(it.after + id * 2);
  it.free--;
  if (it.head === none) {
    it.head = id;
    it.pieces = 0;
    it.writable = 0;
  } else linkTo(it, id);
  it.tail = id;
  it.pieces++;
  if ((flags & DEVICE_WRITES) !== 0) it.writable += length;
  const physical = <u64>physicalBase() + address;
  if (!it.isPacked) {
    const at = it.descriptors + id * 16;
    store<u64>(at, physical);
    store<u32>(at, length, 8);
    store<u16>(at, flags, 12);
    return;
  }
  // The flags say whose it is: those of a chain's first descriptor are written last.
  const at = it.descriptors + it.made * 16;
  store<u64>(at, physical);
  store<u32>(at, length, 8);
  store<u16>(at, <u16>it.head, 12);
  const both = flags | (it.madeWrap ? AVAILABLE : USED);
  if (it.pieces === 1) it.headFlags = both;
  else store<u16>(at, both, 14);
  store<u32>(packedLast, it.made);
  if (++it.made === it.size) {
    it.made = 0;
    it.madeWrap = !it.madeWrap;
  }
}

/** Where the last piece was put in a packed ring. */
const packedLast = memory.data(4, 4);

/** The last piece goes on with another one. */
function linkTo(it: Queue, id: u32): void {
  if (!it.isPacked) {
    const at = it.descriptors + it.tail * 16;
    store<u16>(at, load<u16>(at, 12) | NEXT, 12);
    store<u16>(at, <u16>id, 14);
  } else if (it.pieces === 1) it.headFlags |= NEXT;
  else {
    const at = it.descriptors + load<u32>(packedLast) * 16;
    store<u16>(at, load<u16>(at, 14) | NEXT, 14);
  }
}

/** The chain is whole, and will come back under this name. The device sees it after `show`. */
export function endChain(queue: usize, token: u32): void {
  const it = changetype<Queue>(queue);
  const request = changetype<Request>(it.requests + it.head * 16);
  request.token = token;
  request.count = <u16>it.pieces;
  request.last = <u16>it.tail;
  request.writable = it.writable;
  if (!it.isPacked) {
    store<u16>(it.driver + 4 + (it.made & (it.size - 1)) * 2, <u16>it.head);
    it.made = (it.made + 1) & 0xffff;
  } else {
    const first = it.made >= it.pieces ? it.made - it.pieces : it.made + it.size - it.pieces;
    if (it.heldAt === none) {
      it.heldAt = first;
      it.heldFlags = it.headFlags;
    } else {
      order();
      store<u16>(it.descriptors + first * 16, it.headFlags, 14);
    }
  }
  it.head = none;
}

/** Shows the device what was put in, and has it look where it wants that. */
export function show(queue: usize): void {
  const it = changetype<Queue>(queue);
  if (it.isBroken) return;
  if (it.isPacked) {
    if (it.heldAt === none) return;
    order();
    store<u16>(it.descriptors + it.heldAt * 16, it.heldFlags, 14);
    it.heldAt = none;
  } else {
    if (it.made === it.shown) return;
    order();
    store<u16>(it.driver, <u16>it.made, 2);
  }
  fence();
  const isWanted = it.isPacked ? wantsPacked(it) : wantsSplit(it);
  it.shown = it.made;
  if (isWanted) notify(it.device, it.index);
}

function wantsSplit(it: Queue): bool {
  if (!it.hasEvents) return (load<u16>(it.own) & QUIET) === 0;
  return isReached(<u32>load<u16>(it.own + 4 + it.size * 8), it.made, it.shown);
}

function wantsPacked(it: Queue): bool {
  const event = load<u32>(it.own);
  const flags = <u16>((event >> 16) & 3);
  if (flags !== TELL_AT || !it.hasEvents) return flags !== TELL_NOT;
  let wanted = event & 0x7fff;
  if (((event & 0x8000) !== 0) !== it.madeWrap) wanted -= it.size;
  const old = it.shown >= it.made ? it.shown - it.size : it.shown;
  return isReached(wanted, it.made, old);
}

/** Whether a place is among those from `old` up to, and without, `now` (section 2.7.10): numbers of 16 bits. */
function isReached(place: u32, now: u32, old: u32): bool {
  return ((now - place - 1) & 0xffff) < ((now - old) & 0xffff);
}

/** Takes back what the device is done with: its name; 0xffffffff: nothing now. `takenBytes` says how much was written. */
export function takeBack(queue: usize): u32 {
  const it = changetype<Queue>(queue);
  if (it.isBroken || it.free === it.size) return 0xffffffff;
  return it.isPacked ? takePacked(it) : takeSplit(it);
}

function takeSplit(it: Queue): u32 {
  const made = <u32>load<u16>(it.own, 2);
  if (made === it.seen) return 0xffffffff;
  // No more can come back than is out.
  if (((made - it.seen) & 0xffff) > it.size - it.free) return broken(it);
  order();
  const element = it.own + 4 + (it.seen & (it.size - 1)) * 8;
  const id = load<u32>(element);
  const written = load<u32>(element, 4);
  const token = release(it, id, written);
  if (!it.isBroken) it.seen = (it.seen + 1) & 0xffff;
  return token;
}

function takePacked(it: Queue): u32 {
  const at = it.descriptors + it.seen * 16;
  const flags = load<u16>(at, 14);
  const both: u16 = AVAILABLE | USED;
  if ((flags & both) !== (it.seenWrap ? both : <u16>0)) return 0xffffffff;
  order();
  const id = <u32>load<u16>(at, 12);
  // That something was written, the flags say as well (section 2.8.6); QEMU 7.2 leaves that out.
  const written = load<u32>(at, 8);
  const slots = id < it.size ? <u32>changetype<Request>(it.requests + id * 16).count : 0;
  const token = release(it, id, written);
  if (it.isBroken) return token;
  it.seen += slots;
  if (it.seen >= it.size) {
    it.seen -= it.size;
    it.seenWrap = !it.seenWrap;
  }
  return token;
}

/** A chain came back: its descriptors are free. */
function release(it: Queue, id: u32, written: u32): u32 {
  if (id >= it.size) return broken(it);
  const request = changetype<Request>(it.requests + id * 16);
  // A length of what only the device reads says nothing.
  const wrote: u32 = request.writable === 0 ? 0 : written;
  if (request.count === 0 || wrote > request.writable) return broken(it);
  store<u16>(it.after + <u32>request.last * 2, <u16>it.firstFree);
  it.firstFree = id;
  it.free += <u32>request.count;
  request.count = 0;
  takenBytes = wrote;
  return request.token;
}

function broken(it: Queue): u32 {
  it.isBroken = true;
  return 0xffffffff;
}

/** Asks the device not to tell: we look by ourselves. */
export function quiet(queue: usize): void {
  const it = changetype<Queue>(queue);
  if (it.isQuiet) return;
  it.isQuiet = true;
  if (it.isPacked) store<u16>(it.driver, TELL_NOT, 2);
  // By index, what is not asked for again is asked for no more.
  else if (!it.hasEvents) store<u16>(it.driver, QUIET);
}

/** Asks to be told of what comes next. True: something is there already, and nobody may tell: look again. */
export function awake(queue: usize): bool {
  const it = changetype<Queue>(queue);
  it.isQuiet = false;
  if (it.isPacked) {
    if (it.hasEvents) {
      store<u16>(it.driver, <u16>(it.seen | (it.seenWrap ? 0x8000 : 0)));
      order();
    }
    store<u16>(it.driver, it.hasEvents ? TELL_AT : TELL, 2);
  } else if (it.hasEvents) store<u16>(it.driver + 4 + it.size * 2, <u16>it.seen);
  else store<u16>(it.driver, 0);
  fence();
  return isReady(it);
}

function isReady(it: Queue): bool {
  if (it.isBroken || it.free === it.size) return false;
  if (!it.isPacked) return <u32>load<u16>(it.own, 2) !== it.seen;
  const both: u16 = AVAILABLE | USED;
  return (load<u16>(it.descriptors + it.seen * 16, 14) & both) === (it.seenWrap ? both : <u16>0);
}
