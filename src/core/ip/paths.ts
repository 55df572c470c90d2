// How large a packet may be on the way to an address: the link's MTU, or less where a router said so (RFC 1191, RFC 8201). What was said is
// forgotten after ten minutes, so that a way that became wider is found.

import { isIpv4, isSame, mixAddress, putAddress } from '../addresses';
import { take } from '../arena';
import { nowUs } from '../clock';
import { Figure, Setting } from '../control';
import { count, setting } from '../figures';
import { random64 } from '../random';

@unmanaged
class Path {
  address0: u64;
  address1: u64;
  /** Until when it holds; 0: nothing stands here. */
  until: u64;
  mtu: u32;
  unused: u32;
}

const entryBytes: u32 = 32;
const ways: u32 = 8;
const holdsUs: u64 = 600_000_000;
const never: u64 = 0xffffffffffffffff;
/** Less is not believed: every link of IPv6 carries 1280, and below 552 there is nothing to gain but harm (what Linux takes, too). */
const leastIpv4: u32 = 552;
const leastIpv6: u32 = 1280;

let table: usize = 0;
let sets: u32 = 0;
let key: u64 = 0;
let known: u32 = 0;
let due: u64 = never;
let linkMtu: u32 = 0;

/** Lays out the table. Returns whether there was room. */
export function configurePaths(): bool {
  const many = setting(Setting.paths);
  sets = many / ways;
  table = take(many * entryBytes, 64);
  key = random64();
  known = 0;
  due = never;
  linkMtu = setting(Setting.mtu);
  return table !== 0;
}

/** Bytes that an IP packet to an address may have. */
export function pathMtu(remote: usize): u32 {
  if (known === 0) return linkMtu;
  const at = find(remote);
  return at === 0 ? linkMtu : changetype<Path>(at).mtu;
}

/**
 * A router says that a packet of `length` bytes was too big, and what is not; 0: it is an old one that does not know.
 * Returns the path's new MTU, or 0 when nothing changed. Whoever asks has checked that the packet was ours.
 */
export function narrowPath(remote: usize, length: u32, said: u32): u32 {
  const isVersion4 = isIpv4(remote);
  let mtu = said;
  if (isVersion4) {
    if (mtu === 0) mtu = plateauBelow(length);
    mtu = max<u32>(mtu, leastIpv4);
  }
  if ((!isVersion4 && mtu < leastIpv6) || mtu >= pathMtu(remote)) {
    count(Figure.pathRefused);
    return 0;
  }
  count(Figure.pathNarrowed);
  let at = find(remote);
  if (at === 0) {
    at = oldestOf(remote);
    if (changetype<Path>(at).until === 0) known++;
    putAddress(at, remote);
  }
  const path = changetype<Path>(at);
  path.mtu = mtu;
  path.until = nowUs + holdsUs;
  if (path.until < due) due = path.until;
  return mtu;
}

/** When something is forgotten; all ones: never. */
export function pathDeadline(): u64 {
  return due;
}

/** Forgets one path whose time is over. Returns its address, or 0 when there is none. */
export function forgetPath(): usize {
  if (nowUs < due) return 0;
  due = never;
  const end = table + <usize>(sets * ways * entryBytes);
  for (let at = table; at < end; at += entryBytes) {
    const path = changetype<Path>(at);
    if (path.until === 0) continue;
    if (nowUs >= path.until) {
      path.until = 0;
      known--;
      // There may be more.
      due = nowUs;
      return at;
    }
    if (path.until < due) due = path.until;
  }
  return 0;
}

/** RFC 1191 section 7.1: usual sizes, the next one below. */
function plateauBelow(length: u32): u32 {
  if (length > 4352) return 4352;
  if (length > 2002) return 2002;
  if (length > 1492) return 1492;
  if (length > 1280) return 1280;
  if (length > 1006) return 1006;
  return leastIpv4;
}

function setOf(address: usize): usize {
  return table + <usize>((mixAddress(address, key) & (sets - 1)) * ways * entryBytes);
}

function find(address: usize): usize {
  const set = setOf(address);
  for (let at = set; at < set + ways * entryBytes; at += entryBytes) {
    if (changetype<Path>(at).until > nowUs && isSame(at, address)) return at;
  }
  return 0;
}

function oldestOf(address: usize): usize {
  const set = setOf(address);
  let oldest = set;
  for (let at = set + entryBytes; at < set + ways * entryBytes; at += entryBytes) {
    if (changetype<Path>(at).until < changetype<Path>(oldest).until) oldest = at;
  }
  return oldest;
}
