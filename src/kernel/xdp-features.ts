// What the driver of a network device can do of XDP, as it says itself: generic netlink's family `netdev` (Documentation/netlink/specs/netdev.yaml,
// Linux 6.3 and newer), which needs no rights. Not here: trying it (xdp/).

import { AF, MSG, SOCK } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { type Scratch, scratch } from './memory.js';
import { sys } from './numbers.js';
import { closeDescriptor } from './socket.js';

/** What a driver can do. */
export interface XdpFeatures {
  /** Programs run in the driver. */
  readonly isNative: boolean;
  /** They can hand packets to AF_XDP there. */
  readonly redirects: boolean;
  /** It works in the process's memory itself. */
  readonly isZeroCopy: boolean;
}

/** enum netdev_xdp_act. */
const Act = { basic: 1, redirect: 2, zeroCopy: 8 } as const;
const netlinkGeneric = 16;
/** nlmsghdr and genlmsghdr. */
const headerBytes = 20;
const isRequest = 1;
/** The controller, its question for a family, and attributes of both. */
const Controller = { type: 0x10, getFamily: 3, familyId: 1, familyName: 2 } as const;
/** The family `netdev`: its question for a device, and attributes. */
const Netdev = { getDevice: 1, ifindex: 1, features: 3 } as const;
const answerBytes = 8192;

/** Asks, and gives the attribute of the answer as a number; undefined: there is none. */
function ask(
  fd: number,
  type: number,
  command: number,
  attribute: number,
  value: Uint8Array,
  wanted: number,
): number | undefined {
  const place = scratch(answerBytes);
  const { data, bytes, offset, address } = place;
  const length = headerBytes + 4 + Math.ceil(value.length / 4) * 4;
  bytes.fill(0, offset, offset + length);
  data.setUint32(offset, length, true);
  data.setUint16(offset + 4, type, true);
  data.setUint16(offset + 6, isRequest, true);
  data.setUint8(offset + 16, command);
  data.setUint8(offset + 17, 1);
  data.setUint16(offset + headerBytes, 4 + value.length, true);
  data.setUint16(offset + headerBytes + 2, attribute, true);
  for (const [index, byte] of value.entries()) bytes[offset + headerBytes + 4 + index] = byte;
  if (syscall6(sys.sendto, fd, address, length, MSG.DONTWAIT, 0, 0) < 0) return undefined;
  const got = syscall6(sys.recvfrom, fd, address, answerBytes, MSG.DONTWAIT, 0, 0);
  // An answer of another type is an error.
  if (got < headerBytes || data.getUint16(offset + 4, true) !== type) return undefined;
  return attributeOf(place, Math.min(got, data.getUint32(offset, true)), wanted);
}

function attributeOf({ data, offset }: Scratch, length: number, wanted: number): number | undefined {
  for (let at = headerBytes; at + 4 <= length; ) {
    const bytes = data.getUint16(offset + at, true);
    if (bytes < 4 || at + bytes > length) return undefined;
    if (data.getUint16(offset + at + 2, true) === wanted)
      return bytes >= 8 ? data.getUint32(offset + at + 4, true) : data.getUint16(offset + at + 4, true);
    at += Math.ceil(bytes / 4) * 4;
  }
  return undefined;
}

const numberBytes = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);

/** What the driver of a device can do, by the device's number; undefined where the kernel does not say. */
export function xdpFeatures(ifindex: number): XdpFeatures | undefined {
  const fd = syscall3(sys.socket, AF.NETLINK, SOCK.RAW | SOCK.CLOEXEC, netlinkGeneric);
  if (fd < 0) return undefined;
  try {
    const { type, getFamily, familyName, familyId } = Controller;
    const family = ask(fd, type, getFamily, familyName, new TextEncoder().encode('netdev\0'), familyId);
    if (family === undefined) return undefined;
    const bits = ask(fd, family, Netdev.getDevice, Netdev.ifindex, numberBytes(ifindex), Netdev.features);
    if (bits === undefined) return undefined;
    return {
      isNative: (bits & Act.basic) !== 0,
      redirects: (bits & Act.redirect) !== 0,
      isZeroCopy: (bits & Act.zeroCopy) !== 0,
    };
  } finally {
    closeDescriptor(fd);
  }
}
