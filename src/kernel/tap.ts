// Taps: network devices whose other end is a descriptor (tun(4), Documentation/networking/tuntap.rst): each packet is read or written by one call,
// behind a header of virtio-net that says what of it is not finished. Not here: packets, and what errors mean to people (vhost/net/tap.ts).

import { AF, AT, O, SOCK } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { cString, type Scratch, scratch } from './memory.js';
import { sys } from './numbers.js';
import { closeDescriptor } from './socket.js';
import { check } from './system-error.js';

/** Requests of ioctl(2) (linux/if_tun.h, linux/sockios.h). */
const Request = {
  setInterface: 0x4004_54ca,
  setOffload: 0x4004_54d0,
  setHeaderBytes: 0x4004_54d8,
  getInterface: 0x8004_54d2,
  getFlags: 0x8913,
  setFlags: 0x8914,
  getMtu: 0x8921,
} as const;

/** IFF_TAP, without a packet's own header, with one of virtio-net; and of several queues (linux/if_tun.h). */
const tapFlags = 0x0002 | 0x1000 | 0x4000;
const manyQueues = 0x0100;
const isUp = 1;
/** struct ifreq: a name, and a union behind it. */
const requestBytes = 40;
const nameBytes = 16;

/** What of a packet may be unfinished when it is read (linux/if_tun.h): bits. */
export const TapOffload = { checksum: 1, tso4: 2, tso6: 4, uso: 0x20 | 0x40 } as const;

/** The longest name of a network device. */
export const mostNameLetters: number = nameBytes - 1;

/**
 * Opens the device that taps are made by; its descriptor never waits. (Not by Node, which closes what a thread has opened at the thread's end: by then
 * the number may be another's.) @throws SystemError ENOENT, EACCES, ENXIO
 */
export function openTunDevice(): number {
  const path = '/dev/net/tun';
  return check(syscall6(sys.openat, AT.FDCWD, cString(path), O.RDWR | O.NONBLOCK | O.CLOEXEC), 'open', path);
}

function interfaceRequest(name: string): Scratch {
  const place = scratch(requestBytes);
  place.bytes.fill(0, place.offset, place.offset + requestBytes);
  for (let index = 0; index < name.length; index++) place.bytes[place.offset + index] = name.charCodeAt(index);
  return place;
}

/**
 * Joins a descriptor to a tap, which is made if it is not there. @param isOneOfMany as one of its queues
 * Returns 0 or -errno (EPERM: neither CAP_NET_ADMIN nor its owner; EBUSY: it has no queue left; EINVAL: it was made otherwise, or is no tap).
 */
export function joinTap(fd: number, name: string, isOneOfMany: boolean): number {
  const { data, offset, address } = interfaceRequest(name);
  data.setUint16(offset + nameBytes, tapFlags | (isOneOfMany ? manyQueues : 0), true);
  return syscall3(sys.ioctl, fd, Request.setInterface, address);
}

/** Whether the tap of a descriptor was not taken away. */
export function isTapThere(fd: number): boolean {
  return syscall3(sys.ioctl, fd, Request.getInterface, scratch(requestBytes).address) >= 0;
}

/** Says how long the header before each packet is. Returns 0 or -errno. */
export function setTapHeaderBytes(fd: number, bytes: number): number {
  const { data, offset, address } = scratch(4);
  data.setInt32(offset, bytes, true);
  return syscall3(sys.ioctl, fd, Request.setHeaderBytes, address);
}

/** Says what may be unfinished in packets that are read: bits of {@link TapOffload}. Returns 0 or -errno (EINVAL: the kernel knows not all of them). */
export function setTapOffloads(fd: number, bits: number): number {
  return syscall3(sys.ioctl, fd, Request.setOffload, bits);
}

/** What is known of a network device of this thread's namespace: whether it is up, and the longest packet without its Ethernet header. */
export function deviceState(name: string): { readonly isUp: boolean; readonly mtu: number } | undefined {
  const fd = check(syscall3(sys.socket, AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0), 'socket', 'for a network device');
  try {
    const flags = interfaceRequest(name);
    if (syscall3(sys.ioctl, fd, Request.getFlags, flags.address) < 0) return undefined;
    const up = (flags.data.getUint16(flags.offset + nameBytes, true) & isUp) !== 0;
    const mtu = interfaceRequest(name);
    if (syscall3(sys.ioctl, fd, Request.getMtu, mtu.address) < 0) return undefined;
    return { isUp: up, mtu: mtu.data.getInt32(mtu.offset + nameBytes, true) };
  } finally {
    closeDescriptor(fd);
  }
}

/** Brings a network device of this thread's namespace up. @throws SystemError EPERM, ENODEV */
export function setDeviceUp(name: string): void {
  const fd = check(syscall3(sys.socket, AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0), 'socket', 'for a network device');
  try {
    const flags = interfaceRequest(name);
    check(syscall3(sys.ioctl, fd, Request.getFlags, flags.address), 'ioctl', name);
    flags.data.setUint16(flags.offset + nameBytes, flags.data.getUint16(flags.offset + nameBytes, true) | isUp, true);
    check(syscall3(sys.ioctl, fd, Request.setFlags, flags.address), 'ioctl', name);
  } finally {
    closeDescriptor(fd);
  }
}

/** Reads a packet and its header into `count` iovecs. Returns bytes, no more than they hold, or -errno (EAGAIN: none waits; EBADFD: the tap is gone). */
export function readPacket(fd: number, iovecs: number, count: number): number {
  return syscall3(sys.readv, fd, iovecs, count);
}

/** Writes a packet and its header. Returns bytes or -errno (EINVAL: the header makes no sense; EIO: the tap is down; EBADFD: it is gone). */
export function writePacket(fd: number, iovecs: number, count: number): number {
  return syscall3(sys.writev, fd, iovecs, count);
}
