// What was heard that may be for another queue. A card hands a frame to one of its queues, and each queue has a stack of its own: an answer of a neighbour may come to another
// one than the one that asked, and what ICMP says of a packet to another one than the one that sent it. So it is noted, in a short list, for whoever tells it to the stacks
// of the other queues; and these hear it as if it had come to them (hear-also.ts). Who has one queue never looks at the list. Not here: whom it is told to (bypass/).

import { putAddress } from './addresses';
import { Place } from './control';
import { putPlace } from './figures';
import { learn } from './neighbour';

/**
 * An address (16 bytes), 6 bytes, and a kind (1). Of a neighbour: its link address, and whether it answers a question of ours. Of a packet: where it was going to, what was said (u32),
 * its length (u16), and its protocol behind the kind; the next entry is its part: our address, and the first 8 bytes of what it carried.
 */
export const entryBytes: usize = 24;
export const macAt: usize = 16;
export const lengthAt: usize = 20;
export const kindAt: usize = 22;
export const protocolAt: usize = 23;
const kindNews: u8 = 0;
export const kindAnswer: u8 = 1;
export const kindTooBig: u8 = 2;
export const kindUnreachable: u8 = 3;
export const mostHeard: u32 = 16;
const list = memory.data(384, 8);
let many: u32 = 0;

/** Forgets what was noted. */
export function configureHeard(): void {
  many = 0;
  putPlace(Place.heard, 0);
}

/** Somebody says, in a frame that came to us, which link address an address has. As `learn`. */
export function hearOnLink(address: usize, mac: usize, isAnswer: bool): void {
  note(address, mac, isAnswer);
  learn(address, mac, isAnswer);
}

/** What does not fit into the list is asked for again. */
function note(address: usize, mac: usize, isAnswer: bool): void {
  const entry = entryOf(1);
  if (entry === 0) return;
  putAddress(entry, address);
  store<u32>(entry, load<u32>(mac), macAt);
  store<u16>(entry, load<u16>(mac, 4), macAt + 4);
  store<u16>(entry, isAnswer ? kindAnswer : kindNews, kindAt);
}

/**
 * ICMP says something of a packet that none of ours here has sent: that it was too big (`said` is what is not), or did not arrive (-errno). @param quoted the first 8 bytes of what it
 * carried. What does not fit into the list is lost, as such a message may be.
 */
export function noteOfPacket(
  kind: u8,
  protocol: u32,
  local: usize,
  remote: usize,
  quoted: usize,
  length: u32,
  said: u32,
): void {
  const entry = entryOf(2);
  if (entry === 0) return;
  putAddress(entry, remote);
  store<u32>(entry, said, macAt);
  store<u16>(entry, <u16>length, lengthAt);
  store<u8>(entry, kind, kindAt);
  store<u8>(entry, <u8>protocol, protocolAt);
  putAddress(entry + entryBytes, local);
  store<u64>(entry + entryBytes, load<u64>(quoted), macAt);
}

/** Room for so many entries; 0: there is none. */
function entryOf(entries: u32): usize {
  if (many + entries > mostHeard) return 0;
  const entry = list + <usize>many * entryBytes;
  many += entries;
  putPlace(Place.heard, many);
  return entry;
}

/** Hands over what was noted: where it is, as many entries as `Place.heard` said. Nothing is noted then. */
export function takeHeard(): usize {
  configureHeard();
  return list;
}
