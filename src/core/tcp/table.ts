// The table of TCP sockets: blocks of a fixed number, found by who speaks with whom under a keyed hash, so that no stranger can fill one bucket.
// A block that says goodbye without an application (TIME_WAIT) is taken for a new connection when no other is free.

import { mappedMiddle, putAddress } from '../addresses';
import { take } from '../arena';
import { Setting } from '../control';
import { forgetEvents } from '../events';
import { setting } from '../figures';
import { random64 } from '../random';
import { siphash } from '../siphash';
import { at, Connection, connectionBytes, lineAt, State } from './connection';

let table: usize = 0;
let many: u32 = 0;
let buckets: usize = 0;
let bucketMask: u32 = 0;
let freeHead: usize = 0;

/** The listening sockets, linked. */
let listeners: usize = 0;

/** The secrets of the index, odd or even as they come. */
const secrets = memory.data(48, 8);
/** The key of what is derived from who speaks with whom (RFC 6528, SYN cookies). */
const key = memory.data(16, 8);
/** What is hashed: both addresses, both ports, and a number that says what for. */
const hashed = memory.data(48, 8);

/** Lays out the table. Returns whether there was room. */
export function configureTable(): bool {
  // A field too many would lie in the next block: then nothing is compiled.
  if (offsetof<Connection>() > <usize>connectionBytes) ERROR('the block of a connection is too small');
  many = setting(Setting.connections);
  const room = take(many * connectionBytes + 64, 64);
  table = room + 64 - lineAt;
  let slots: u32 = 16;
  while (slots < many) slots <<= 1;
  buckets = take(slots * 4, 64);
  bucketMask = slots - 1;
  if (room === 0 || buckets === 0) return false;
  store<u64>(key, random64());
  store<u64>(key, random64(), 8);
  for (let at: usize = 0; at < 48; at += 8) store<u64>(secrets + at, random64());
  listeners = 0;
  freeHead = 0;
  for (let index = many; index > 0; index--) {
    const block = table + (index - 1) * connectionBytes;
    at(block).number = index - 1;
    at(block).link = freeHead;
    freeHead = block;
  }
  return true;
}

/** The block of a socket that the application has; 0: it has none of that number. */
export function blockOf(number: i32): usize {
  if (<u32>number >= many) return 0;
  const block = table + <u32>number * connectionBytes;
  return at(block).attached ? block : 0;
}

/** A free block, all of it 0 but its number; 0: none is free. */
export function takeBlock(): usize {
  const block = freeHead;
  if (block === 0) return 0;
  freeHead = at(block).link;
  const number = at(block).number;
  const generation = at(block).generation;
  memory.fill(block, 0, connectionBytes);
  at(block).number = number;
  at(block).generation = generation;
  return block;
}

/** A block that nobody needs any more. It must be in no list, and in no bucket. */
export function giveBlock(block: usize): void {
  forgetEvents(at(block).number);
  at(block).state = State.free;
  at(block).attached = false;
  at(block).generation++;
  at(block).link = freeHead;
  freeHead = block;
}

/** The block of a number, whoever has it. */
export function blockAt(number: u32): usize {
  return table + number * connectionBytes;
}

/** Blocks of the table. */
export function blocks(): u32 {
  return many;
}

/** Names who speaks with whom. `ports` as they lie in a segment that is received: the peer's first. */
export function nameBlock(block: usize, local: usize, remote: usize, ports: u32): void {
  putAddress(block, local);
  putAddress(block + 16, remote);
  at(block).ports = ports;
}

/** Puts a named block into the index. */
export function indexBlock(block: usize): void {
  const bucket = bucketOf(block + 16, at(block).ports);
  at(block).chain = load<usize>(bucket);
  store<usize>(bucket, block);
}

/** Takes a block out of the index, if it is in it. */
export function unindexBlock(block: usize): void {
  let place = bucketOf(block + 16, at(block).ports);
  for (let other = load<usize>(place); other !== 0; other = load<usize>(place)) {
    if (other === block) {
      store<usize>(place, at(block).chain);
      return;
    }
    place = other + offsetof<Connection>('chain');
  }
}

/** Who speaks with whom: the block, or 0. */
export function findBlock(local: usize, remote: usize, ports: u32): usize {
  let block = load<usize>(bucketOf(remote, ports));
  while (block !== 0) {
    const c = at(block);
    if (c.ports === ports && c.remote1 === load<u64>(remote, 8) && c.remote0 === load<u64>(remote)) {
      if (c.local1 === load<u64>(local, 8) && c.local0 === load<u64>(local)) return block;
    }
    block = c.chain;
  }
  return 0;
}

/** The first block of those among which the one of an IPv4 address is, as that lies in a packet; 0: there is none. */
export function guessIpv4(remote: u32, ports: u32): usize {
  return load<usize>(bucketAt(mix4(<u64>remote, ports)));
}

/** The same as `findBlock` for IPv4, whose address of ours is the only one: the guessed block mostly. */
export function findGuessed(guess: usize, remote: u32, ports: u32): usize {
  const name = ((<u64>remote) << 32) | mappedMiddle;
  // One number says whether it is another one.
  if (guess === 0) return 0;
  if (((at(guess).remote1 ^ name) | at(guess).remote0 | <u64>(at(guess).ports ^ ports)) === 0) return guess;
  let block = at(guess).chain;
  while (block !== 0) {
    const c = at(block);
    if (((c.remote1 ^ name) | c.remote0 | <u64>(c.ports ^ ports)) === 0) break;
    block = c.chain;
  }
  return block;
}

/** A keyed hash of who speaks with whom, and of what for. */
export function hashNames(local: usize, remote: usize, ports: u32, purpose: u32, extra: u64): u64 {
  putAddress(hashed, local);
  putAddress(hashed + 16, remote);
  store<u32>(hashed, ports, 32);
  store<u32>(hashed, purpose, 36);
  store<u64>(hashed, extra, 40);
  return siphash(key, hashed, 48);
}

/** Adds a listening socket, which is named with a remote side of 0. */
export function addListener(block: usize): void {
  at(block).link = listeners;
  listeners = block;
}

/** Takes a listening socket out. */
export function removeListener(block: usize): void {
  let before: usize = 0;
  for (let other = listeners; other !== 0; other = at(other).link) {
    if (other === block) {
      if (before === 0) listeners = at(block).link;
      else at(before).link = at(block).link;
      return;
    }
    before = other;
  }
}

/** The listener for an address and a port (as it lies in a segment); one for this address before one for all. 0: none. */
export function findListener(local: usize, port: u16): usize {
  let forAll: usize = 0;
  for (let block = listeners; block !== 0; block = at(block).link) {
    const c = at(block);
    if (<u16>(c.ports >> 16) !== port) continue;
    if (c.local0 === load<u64>(local) && c.local1 === load<u64>(local, 8)) return block;
    if ((c.local0 | c.local1) === 0) forAll = block;
  }
  return forAll;
}

/**
 * Where the bucket's first block is written. Sums of products of pairs of words, each word with a secret of 64 bits added, of which the upper half counts: two names
 * that were chosen without the secrets meet in a bucket as seldom as if it were drawn (pair-multiply-shift: Thorup, "High
 * Speed Hashing for Integers and Strings", 2015). That is all that an index needs, as Linux's needs no more than its keyed jhash (net/ipv4/inet_hashtables.c); numbers that must not be guessed have SipHash.
 * Our own address adds nothing: we have few.
 */
function bucketOf(remote: usize, ports: u32): usize {
  let mixed = mix4(<u64>load<u32>(remote, 12), ports);
  if (load<u64>(remote) !== 0) {
    const third = <u64>load<u32>(remote, 8);
    mixed += (secret(3) + <u64>load<u32>(remote)) * (secret(4) + <u64>load<u32>(remote, 4)) + secret(5) * third;
  }
  return bucketAt(mixed);
}

function mix4(remote: u64, ports: u32): u64 {
  return (secret(0) + remote) * (secret(1) + <u64>ports) + secret(2);
}

function bucketAt(mixed: u64): usize {
  return buckets + ((<u32>(mixed >> 32) & bucketMask) << 2);
}

function secret(which: usize): u64 {
  return load<u64>(secrets + (which << 3));
}
