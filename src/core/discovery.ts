// Neighbour discovery inward (RFC 4861 section 7): questions for our addresses are answered in the frame in which they came; answers go to the table of
// neighbours. Routers are not asked for: the gateway is a setting. Whether somebody else has our address is not asked either (RFC 4862 section 5.4); who has or takes it is counted.

import { isNone, isOurs, putAddress } from './addresses';
import { be32 } from './bytes';
import { Figure } from './control';
import { count } from './figures';
import { hearOnLink } from './heard';
import { ipv6Bytes } from './ip/headers';
import { sendEthernet, typeIpv6 } from './link';
import { noteConflict } from './neighbour';
import { advertisedFlag, advertisedOverride, allNodes, allNodesMac, ndBytes, writeAdvertisement } from './solicit';

const messageBytes: u32 = 24;
const optionSource: u8 = 1;
const optionTarget: u8 = 2;

/** What the packet said, read before it is written over. */
const asker = memory.data(16, 8);
const asked = memory.data(16, 8);
const askerMac = memory.data(8, 8);

/** Somebody asks for an address. Returns whether the frame was kept. */
export function neighbourSolicited(ip: usize, message: usize, length: u32, isGroup: bool): bool {
  const source = ip + 8;
  const target = message + 8;
  const isNew = isNone(source);
  if (!areOptionsFit(message, length) || load<u8>(target) === 0xff) return refused();
  const option = optionOf(message, length, optionSource);
  const mac = ip - 8;
  // Somebody without an address asks a group whether he may take this one, and has no more to say (RFC 4861 section 7.1.1).
  if (isNew && (option !== 0 || !isGroup)) return refused();
  if (option !== 0 && !isSameMac(option + 2, mac)) return refused();
  if (!isOurs(target)) return false;
  // Who asks so is about to take it.
  if (isNew) noteConflict(mac);
  store<u32>(askerMac, load<u32>(mac));
  store<u16>(askerMac, load<u16>(mac, 4), 4);
  putAddress(asker, isNew ? allNodes : source);
  putAddress(asked, target);
  if (option !== 0) hearOnLink(asker, askerMac, false);
  count(Figure.neighbourAnswers);
  writeAdvertisement(message, asked, asker, isNew ? advertisedOverride : advertisedOverride | advertisedFlag);
  sendEthernet(message - ipv6Bytes, ndBytes + ipv6Bytes, isNew ? allNodesMac : askerMac, typeIpv6);
  return true;
}

/** Somebody says which link address he has. Returns whether the message was well-formed. */
export function neighbourAdvertised(ip: usize, message: usize, length: u32): bool {
  const target = message + 8;
  if (!areOptionsFit(message, length) || load<u8>(target) === 0xff || isNone(target)) return false;
  const flags = be32(message + 4);
  const isToMany = load<u8>(ip, 24) === 0xff;
  // An answer to a question of ours goes to us alone.
  if (isToMany && (flags & advertisedFlag) !== 0) return false;
  const option = optionOf(message, length, optionTarget);
  const mac = ip - 8;
  if (option !== 0 && !isSameMac(option + 2, mac)) return false;
  if (isOurs(target)) noteConflict(mac);
  else hearOnLink(target, mac, (flags & advertisedFlag) !== 0);
  return true;
}

/** Whether the message is whole and none of its options is of no length. */
function areOptionsFit(message: usize, length: u32): bool {
  let at = messageBytes;
  while (at < length) {
    if (at + 8 > length) return false;
    const size = <u32>load<u8>(message + at, 1) * 8;
    if (size === 0 || size > length - at) return false;
    at += size;
  }
  return length >= messageBytes;
}

/** The first option of a kind, of which `areOptionsFit`; 0: none. */
function optionOf(message: usize, length: u32, kind: u8): usize {
  for (let at = messageBytes; at < length; at += <u32>load<u8>(message + at, 1) * 8) {
    if (load<u8>(message + at) === kind) return message + at;
  }
  return 0;
}

function isSameMac(one: usize, other: usize): bool {
  return load<u32>(one) === load<u32>(other) && load<u16>(one, 4) === load<u16>(other, 4);
}

function refused(): bool {
  count(Figure.icmpRefused);
  return false;
}
