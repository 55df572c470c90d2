// Neighbours: which link address has which address, for IPv4 (ARP) and IPv6 (neighbour discovery) in one table. An entry is made only by us, because
// something is to be sent; strangers change what is there and never fill it. States and times are those of RFC 4861 section 7.3.

import { isSame, mixAddress, nextHop, putAddress } from './addresses';
import { take } from './arena';
import { nowUs } from './clock';
import { Figure, Owner, Setting } from './control';
import { count, setting } from './figures';
import { dropUnsent, frameOf, handFrame } from './frames';
import { ourMacHigh, ourMacLow, sendEthernet, typeIpv4, typeIpv6 } from './link';
import { random64 } from './random';
import { solicit } from './solicit';

const empty: u8 = 0;
/** Asked for; nobody answered yet. Packets wait. */
const incomplete: u8 = 1;
/** Heard of within `reachableUs`. */
const reachable: u8 = 2;
/** Used after that, or contradicted: whoever had it is asked, and gets packets meanwhile. */
const probing: u8 = 3;

const reachableUs: u64 = 30_000_000;
const retryUs: u64 = 1_000_000;
const tries: u8 = 3;
/**
 * Packets that wait for one neighbour at most: what several connections send at the start (10 segments each, RFC 6928), or an application of UDP in one go. Linux keeps about
 * as many (212,992 bytes: unres_qlen_bytes, arp(7)). And a sixteenth of all frames for all neighbours together.
 */
const waitingMost: u32 = 64;
let waitingInAll: u32 = 0;
let mostInAll: u32 = 0;
/** Entries of the table among which an address may stand. */
const ways: u32 = 8;
const entryBytes: u32 = 56;
const never: u64 = 0xffffffffffffffff;

@unmanaged
class Neighbour {
  address0: u64;
  address1: u64;
  macHigh: u32;
  macLow: u16;
  state: u8;
  asked: u8;
  /** When it is asked again, or is no more believed without asking. */
  due: u64;
  used: u64;
  waiting: u32;
  /** The frames of packets that wait, in order. */
  first: usize;
  last: usize;
}

/** In the first bytes of a frame that waits, where no packet reaches (the header of Ethernet is still to be written there): the next frame, the packet, and its length. */
@unmanaged
class Waiting {
  next: usize;
  packet: usize;
  length: u32;
}

let table: usize = 0;
let sets: u32 = 0;
let key: u64 = 0;
/** No entry is due earlier. */
let due: u64 = never;
/**
 * Where neighbours were found last, by bits of their addresses: nearly always again. An entry is believed only if it is that address's, so that it does not
 * matter who chooses the bits.
 */
const recentEntries: u32 = 256;
const recent = memory.data(1024, 64);

/** Lays out the table. Returns whether there was room. */
export function configureNeighbours(): bool {
  const many = setting(Setting.neighbours);
  sets = many / ways;
  table = take(many * entryBytes, 64);
  key = random64();
  due = never;
  memory.fill(recent, 0, recentEntries << 2);
  waitingInAll = 0;
  mostInAll = setting(Setting.frameCount) >> 4;
  return table !== 0;
}

/**
 * Sends a packet of the stack's to a neighbour, whose address is as `nextHop` gave it. A packet whose neighbour is not known waits, or is dropped when too many do.
 * Returns 0 when it was sent or waits; -EAGAIN, -EHOSTUNREACH when it was dropped.
 */
export function sendToNeighbour(packet: usize, length: u32, hop: usize, isVersion4: bool): i32 {
  const entry = findOrMake(hop);
  if (entry.state === incomplete) return wait(entry, packet, length);
  if (entry.state === reachable && nowUs >= entry.due) {
    entry.state = probing;
    entry.asked = 0;
    ask(entry);
  }
  return sendEthernet(packet, length, changetype<usize>(entry) + 16, isVersion4 ? typeIpv4 : typeIpv6);
}

/** Whether the way to a host is known: the link address of whoever is next on it. It is asked for where not. @returns 1 known, 0 not yet, -ENETUNREACH no way. */
export function isWayKnown(remote: usize): i32 {
  const hop = nextHop(remote);
  if (hop === 0) return -101;
  return findOrMake(hop).state === incomplete ? 0 : 1;
}

/** Where the link address stands (6 bytes) of whoever is next on the way to a host; 0: `sendToNeighbour` has to ask, or to wait. */
export function linkAddressOf(remote: usize): usize {
  const hop = nextHop(remote);
  if (hop === 0) return 0;
  const at = find(hop);
  if (at === 0) return 0;
  const entry = changetype<Neighbour>(at);
  if (entry.state !== reachable || nowUs >= entry.due) return 0;
  entry.used = nowUs;
  return at + 16;
}

/**
 * Somebody says which link address an address has. Only what we asked for, or know, is taken. @param isAnswer to a question of ours, as far as one can see.
 */
export function learn(address: usize, mac: usize, isAnswer: bool): void {
  const at = find(address);
  if (at === 0) {
    count(Figure.neighbourUnasked);
    return;
  }
  const entry = changetype<Neighbour>(at);
  const isSameMac = load<u32>(mac) === entry.macHigh && load<u16>(mac, 4) === entry.macLow;
  if (entry.state === reachable && !isSameMac) {
    // Not believed at once: whoever has it is asked, and if there is no answer, everybody.
    count(Figure.neighbourConflicts);
    entry.state = probing;
    entry.asked = 0;
    ask(entry);
    return;
  }
  if (entry.state === probing && !isSameMac) {
    count(Figure.neighbourConflicts);
    return;
  }
  if (entry.state !== incomplete && !isAnswer) return;
  entry.macHigh = load<u32>(mac);
  entry.macLow = load<u16>(mac, 4);
  const wasIncomplete = entry.state === incomplete;
  entry.state = reachable;
  entry.asked = 0;
  entry.due = nowUs + reachableUs;
  if (wasIncomplete) sendWaiting(entry);
}

/** Another card uses an address of ours, or is about to: counted, unless it is our own voice that comes back. */
export function noteConflict(mac: usize): void {
  if (load<u32>(mac) !== ourMacHigh || load<u16>(mac, 4) !== ourMacLow) count(Figure.addressConflicts);
}

/** Asks again, or gives up, where it is time. */
export function neighbourTimers(): void {
  if (nowUs < due) return;
  due = never;
  const end = table + <usize>(sets * ways * entryBytes);
  for (let at = table; at < end; at += entryBytes) {
    const entry = changetype<Neighbour>(at);
    if (entry.state !== incomplete && entry.state !== probing) continue;
    if (nowUs >= entry.due) {
      if (entry.asked < tries) ask(entry);
      else if (entry.state === probing) askEverybody(entry);
      else fail(entry);
    }
    if (entry.state !== empty && entry.due < due) due = entry.due;
  }
}

/** When `neighbourTimers` has something to do; all ones: never. */
export function neighbourDeadline(): u64 {
  return due;
}

function askEverybody(entry: Neighbour): void {
  entry.state = incomplete;
  entry.asked = 0;
  ask(entry);
}

function ask(entry: Neighbour): void {
  entry.asked++;
  entry.due = nowUs + retryUs;
  if (entry.due < due) due = entry.due;
  const at = changetype<usize>(entry);
  solicit(at, entry.state === probing ? at + 16 : 0);
}

function fail(entry: Neighbour): void {
  count(Figure.neighbourFailed);
  drop(entry);
}

function drop(entry: Neighbour): void {
  for (let frame = takeWaiting(entry); frame !== 0; frame = takeWaiting(entry)) {
    count(Figure.neighbourDropped);
    dropUnsent(frame);
  }
  entry.state = empty;
}

function wait(entry: Neighbour, packet: usize, length: u32): i32 {
  const frame = frameOf(packet);
  if (entry.waiting === waitingMost || waitingInAll >= mostInAll) {
    count(Figure.neighbourDropped);
    dropUnsent(frame);
    return -11;
  }
  if (!handFrame(frame, Owner.stack, Owner.waiting)) return -22;
  const waiting = changetype<Waiting>(frame);
  waiting.next = 0;
  waiting.packet = packet;
  waiting.length = length;
  if (entry.waiting === 0) entry.first = frame;
  else changetype<Waiting>(entry.last).next = frame;
  entry.last = frame;
  entry.waiting++;
  waitingInAll++;
  return 0;
}

/** The first frame that waits, which does so no more; 0: none does. */
function takeWaiting(entry: Neighbour): usize {
  if (entry.waiting === 0) return 0;
  const frame = entry.first;
  entry.first = changetype<Waiting>(frame).next;
  entry.waiting--;
  waitingInAll--;
  return frame;
}

function sendWaiting(entry: Neighbour): void {
  const mac = changetype<usize>(entry) + 16;
  for (let frame = takeWaiting(entry); frame !== 0; frame = takeWaiting(entry)) {
    const packet = changetype<Waiting>(frame).packet;
    const length = changetype<Waiting>(frame).length;
    if (!handFrame(frame, Owner.waiting, Owner.stack)) continue;
    sendEthernet(packet, length, mac, load<u8>(packet) >> 4 === 4 ? typeIpv4 : typeIpv6);
  }
}

function recentOf(address: usize): usize {
  return recent + <usize>(((load<u32>(address, 12) * 0x9e3779b1) >> 24) << 2);
}

function setOf(address: usize): usize {
  return table + <usize>((mixAddress(address, key) & (sets - 1)) * ways * entryBytes);
}

function find(address: usize): usize {
  const slot = recentOf(address);
  const last = load<usize>(slot);
  if (last !== 0 && isSame(last, address) && changetype<Neighbour>(last).state !== empty) return last;
  const set = setOf(address);
  for (let at = set; at < set + ways * entryBytes; at += entryBytes) {
    if (changetype<Neighbour>(at).state !== empty && isSame(at, address)) {
      store<usize>(slot, at);
      return at;
    }
  }
  return 0;
}

function findOrMake(address: usize): Neighbour {
  let at = find(address);
  if (at !== 0) {
    const entry = changetype<Neighbour>(at);
    entry.used = nowUs;
    return entry;
  }
  at = worstOf(setOf(address));
  const entry = changetype<Neighbour>(at);
  if (entry.state !== empty) {
    count(Figure.neighbourEvicted);
    drop(entry);
  }
  putAddress(at, address);
  entry.used = nowUs;
  askEverybody(entry);
  return entry;
}

/** The entry of a set that is missed least: an empty one, one that nobody answered for, the one that was used longest ago. */
function worstOf(set: usize): usize {
  let worst: usize = 0;
  for (let at = set; at < set + ways * entryBytes; at += entryBytes) {
    const entry = changetype<Neighbour>(at);
    if (entry.state === empty) return at;
    if (worst === 0) {
      worst = at;
      continue;
    }
    const other = changetype<Neighbour>(worst);
    const isUnanswered = entry.state === incomplete;
    const isOtherUnanswered = other.state === incomplete;
    if (isUnanswered !== isOtherUnanswered ? isUnanswered : entry.used < other.used) worst = at;
  }
  return worst;
}
