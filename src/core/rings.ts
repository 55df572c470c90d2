// The four rings that are shared with the kernel, in the layout of AF_XDP (linux/if_xdp.h): fill and rx bring packets in, tx and completion out.
// Indices run over 32 bits and are masked. What the kernel writes is read once, and an index that cannot be is counted and not followed.

import { Figure, Owner, Place, Setting } from './control';
import { control, count, countMany, refuse, setting } from './figures';
import { fillAllowance, frameOf, handFrame, takeCompleted, takeForFill, takeReceived } from './frames';
import { loadShared, storeShared } from './shared-words';

/** One ring: where its parts are, and the index that is ours to move. */
@unmanaged
class Ring {
  producer: usize;
  consumer: usize;
  descriptors: usize;
  entries: u32;
  /** Ours: the next entry that we write or read. */
  own: u32;
  /** What we last saw of the other side's. */
  seen: u32;
}

const fill = changetype<Ring>(memory.data(24, 8));
const completion = changetype<Ring>(memory.data(24, 8));
const rx = changetype<Ring>(memory.data(24, 8));
const tx = changetype<Ring>(memory.data(24, 8));

/** XDP_RING_NEED_WAKEUP, and the address of tx's flags; 0: there are none, and the kernel is always woken. */
const needWakeup: u32 = 1;
let txFlags: usize = 0;
/** The umem's start, from which the kernel counts. */
let umem: usize = 0;

/** Takes over the rings that the control block tells of. Returns 0, or -EINVAL for a place that cannot be. */
export function attachRings(): i32 {
  umem = load<u32>(control + <usize>Place.umem);
  if (umem === 0) return refuse(<i32>Place.umem);
  if (!attach(fill, 0, setting(Setting.fillEntries), 8, true)) return refuse(<i32>Place.rings);
  if (!attach(completion, 1, setting(Setting.completionEntries), 8, false)) return refuse(<i32>Place.rings + 16);
  if (!attach(rx, 2, setting(Setting.rxEntries), 16, false)) return refuse(<i32>Place.rings + 32);
  if (!attach(tx, 3, setting(Setting.txEntries), 16, true)) return refuse(<i32>Place.rings + 48);
  txFlags = load<u32>(control + <usize>Place.rings + 56);
  if ((txFlags & 3) !== 0 || <u64>txFlags + 4 > (<u64>memory.size()) << 16) return refuse(<i32>Place.rings + 56);
  return 0;
}

/** Gives the kernel frames to receive into, as long as it takes some and some are free. */
export function refill(): void {
  if (fill.entries === 0) return;
  const many = min<u32>(freshRoomIn(fill), fillAllowance());
  if (many === 0) return;
  takeForFill(many, fill.descriptors, fill.own, fill.entries - 1);
  fill.own += many;
  storeShared(fill.producer, fill.own);
}

/** Takes back frames that were sent: at most as many as the ring holds. */
export function takeCompletions(): void {
  let waiting = waitingIn(completion);
  if (waiting === 0) return;
  for (; waiting > 0; waiting--) {
    takeCompleted(load<u64>(completion.descriptors + ((<usize>(completion.own & (completion.entries - 1))) << 3)));
    completion.own++;
  }
  storeShared(completion.consumer, completion.own);
}

/** How many received packets wait. */
export function receivedWaiting(): u32 {
  return waitingIn(rx);
}

/** Takes the next received packets, of which there must be so many. Writes of each that was not refused what `takeReceived` does, and returns where that ends. */
export function nextReceived(many: u32, into: usize): usize {
  const first = rx.own;
  rx.own = first + many;
  return takeReceived(many, rx.descriptors, first, rx.entries - 1, into);
}

/** Tells the kernel which received packets were taken. */
export function publishReceived(): void {
  storeShared(rx.consumer, rx.own);
}

/** Whether another packet can be sent. */
export function canTransmit(): bool {
  return tx.entries !== 0 && roomIn(tx) > 0;
}

/** Puts a packet of the stack's into the tx ring, for which there must be room. It goes out with `publishSent`. */
export function transmit(address: usize, length: u32): void {
  if (!handFrame(frameOf(address), Owner.stack, Owner.transmit)) return;
  const descriptor = tx.descriptors + ((<usize>(tx.own & (tx.entries - 1))) << 4);
  store<u64>(descriptor, <u64>(address - umem));
  store<u64>(descriptor, <u64>length, 8);
  tx.own++;
  count(Figure.sentPackets);
  countMany(Figure.sentBytes, length);
}

/** Shows the kernel what was put into the tx ring. Returns whether it must be woken to send it. */
export function publishSent(): bool {
  if (tx.entries === 0) return false;
  storeShared(tx.producer, tx.own);
  if (loadShared(tx.consumer) === tx.own) return false;
  return txFlags === 0 || (loadShared(txFlags) & needWakeup) !== 0;
}

function attach(ring: Ring, which: u32, entries: u32, entryBytes: u32, isOurs: bool): bool {
  const places = control + <usize>Place.rings + which * 16;
  const producer = <usize>load<u32>(places);
  const consumer = <usize>load<u32>(places, 4);
  const descriptors = <usize>load<u32>(places, 12);
  const end = (<u64>memory.size()) << 16;
  if (((producer | consumer) & 3) !== 0 || (descriptors & 7) !== 0) return false;
  if (producer < 0x10000 || consumer < 0x10000 || descriptors < 0x10000) return false;
  if (<u64>producer + 4 > end || <u64>consumer + 4 > end) return false;
  if (<u64>descriptors + <u64>entries * entryBytes > end) return false;
  const made = loadShared(producer);
  const taken = loadShared(consumer);
  if (made - taken > entries) return false;
  ring.producer = producer;
  ring.consumer = consumer;
  ring.descriptors = descriptors;
  ring.entries = entries;
  ring.own = isOurs ? made : taken;
  ring.seen = isOurs ? taken : made;
  return true;
}

/** Entries that we may write. */
function roomIn(ring: Ring): u32 {
  const room = ring.entries - (ring.own - ring.seen);
  return room > 0 ? room : freshRoomIn(ring);
}

/** The same by what the other side says now. */
function freshRoomIn(ring: Ring): u32 {
  const seen = loadShared(ring.consumer);
  if (ring.own - seen > ring.entries) {
    count(Figure.faultRing);
    return 0;
  }
  ring.seen = seen;
  return ring.entries - (ring.own - seen);
}

/** Entries that wait for us. */
function waitingIn(ring: Ring): u32 {
  if (ring.entries === 0) return 0;
  const seen = loadShared(ring.producer);
  if (seen - ring.own > ring.entries) {
    count(Figure.faultRing);
    return 0;
  }
  ring.seen = seen;
  return seen - ring.own;
}
