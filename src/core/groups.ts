// Multicast listener discovery (RFC 3810, and RFC 2710 where the querier is an old one): of which groups we are, said at the start, when somebody asks, and now and
// then. A switch that listens in brings questions of neighbour discovery only to ports where that was said. Of groups of IPv4 we are in none but all hosts,
// of which nobody asks.

import { isLinkLocal, isNone, ourIpv6 } from './addresses';
import { be16, putBe16, putBe32 } from './bytes';
import { nowUs } from './clock';
import { Figure } from './control';
import { count } from './figures';
import { frameForStack } from './frames';
import { ipv6Bytes, writeIpv6 } from './ip/headers';
import { protocolIcmpv6, pseudoSum, putChecksum } from './ip/pseudo';
import { sendEthernet, typeIpv6 } from './link';
import { random64 } from './random';

const oldReport: u32 = 131;
const report: u32 = 143;
/** Of a record: we are of the group, whoever sends to it; and since now. */
const isExclude: u32 = 2;
const toExclude: u32 = 4;
/** A query of the old kind ends here. */
const oldQueryBytes: u32 = 24;
const recordBytes: u32 = 20;
/** Next header, and an alert for routers (RFC 2711), filled up to 8 bytes. */
const alertBytes: u32 = 8;
const alertHead: u32 = 0x3a000502;
const alertTail: u32 = 0x00000100;
const reportAt: usize = 64;
const allReporters = memory.data<u8>([0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x16], 8);
const nobody = memory.data(16, 8);
/** Groups, 16 bytes each: those of our addresses. */
const groups = memory.data(32, 8);
let groupsMany: u32 = 0;
const groupMac = memory.data(8, 8);

const never: u64 = 0xffffffffffffffff;
/** The first word is said twice; and again as often as a querier would ask, who may be one that we do not hear. */
const repeatUs: u64 = 1_000_000;
const againUs: u64 = 125_000_000;
const mostDelayMs: u32 = 10_000;

let due: u64 = never;
let isRepeating: bool = false;
let isOld: bool = false;
let kind: u32 = toExclude;

/** Says of which groups we are, for the first time. */
export function joinGroups(): void {
  groupsMany = 0;
  due = never;
  isOld = false;
  for (let index: u32 = 0; index < 2; index++) {
    const address = ourIpv6(index);
    if (isNone(address)) continue;
    const group = groups + groupsMany * 16;
    putBe32(group, 0xff020000);
    store<u32>(group, 0, 4);
    putBe32(group + 8, 1);
    store<u32>(group, load<u32>(address, 12) | 0xff, 12);
    // Both addresses may end alike.
    if (groupsMany === 0 || load<u32>(group, 12) !== load<u32>(groups, 12)) groupsMany++;
  }
  if (groupsMany === 0) return;
  kind = toExclude;
  sendReports();
  isRepeating = true;
  due = nowUs + repeatUs;
}

/** Somebody asks who is of which groups: a message of at least 8 bytes. Returns whether it was well-formed; the answer comes within the time that he gives. */
export function groupsAsked(ip: usize, message: usize, length: u32): bool {
  if (length < oldQueryBytes || !isLinkLocal(ip + 8)) return false;
  if (groupsMany === 0) return true;
  isOld = length === oldQueryBytes;
  const most = min<u32>(be16(message + 4), mostDelayMs);
  const answerAt = nowUs + (random64() % <u64>(most + 1)) * 1000;
  if (answerAt < due) due = answerAt;
  return true;
}

/** Says again what was said or asked for, where it is time. */
export function groupTimers(): void {
  if (nowUs < due) return;
  if (!isRepeating) kind = isExclude;
  isRepeating = false;
  sendReports();
  due = nowUs + againUs;
}

/** When something is to be said; all ones: never. */
export function groupDeadline(): u64 {
  return due;
}

function sendReports(): void {
  if (!isOld) {
    sendReport(allReporters, 8 + groupsMany * recordBytes);
    return;
  }
  for (let index: u32 = 0; index < groupsMany; index++) sendReport(groups + index * 16, oldQueryBytes);
}

/** One report: to all routers that listen, of all groups; or an old one, to the group that it is of. */
function sendReport(to: usize, length: u32): void {
  const frame = frameForStack();
  if (frame === 0) return;
  const ip = frame + reportAt;
  const message = ip + ipv6Bytes + alertBytes;
  const from = isNone(ourIpv6(1)) ? nobody : ourIpv6(1);
  putBe32(ip + ipv6Bytes, alertHead);
  putBe32(ip + ipv6Bytes + 4, alertTail);
  store<u64>(message, 0);
  if (to === allReporters) {
    store<u8>(message, <u8>report);
    putBe16(message + 6, groupsMany);
    for (let index: u32 = 0; index < groupsMany; index++) {
      putBe32(message + 8 + index * recordBytes, kind << 24);
      putGroup(message + 12 + index * recordBytes, groups + index * 16);
    }
  } else {
    store<u8>(message, <u8>oldReport);
    putGroup(message + 8, to);
  }
  putChecksum(message, length, 2, pseudoSum(from, to, protocolIcmpv6, length));
  // It never leaves the link: one hop.
  writeIpv6(ip, length + alertBytes, 0, 1, from, to);
  putBe16(groupMac, 0x3333);
  store<u32>(groupMac, load<u32>(to, 12), 2);
  count(Figure.groupReports);
  sendEthernet(ip, ipv6Bytes + alertBytes + length, groupMac, typeIpv6);
}

function putGroup(into: usize, group: usize): void {
  store<u64>(into, load<u64>(group));
  store<u64>(into, load<u64>(group, 8), 8);
}
