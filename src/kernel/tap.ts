// Taps: network devices whose other end is a descriptor (tun(4), Documentation/networking/tuntap.rst): each packet is read or written by one call,
// behind a header of virtio-net that says what of it is not finished. Not here: packets, and what errors mean to people (vhost/net/tap.ts).

import { AT, O } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { cString, scratch } from './memory.js';
import { deviceRequest, requestBytes, requestValueAt } from './network-device.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';

/** Requests of ioctl(2) (linux/if_tun.h). */
const Request = {
  setInterface: 0x4004_54ca,
  setOffload: 0x4004_54d0,
  setHeaderBytes: 0x4004_54d8,
  getInterface: 0x8004_54d2,
} as const;

/** IFF_TAP, without a packet's own header, with one of virtio-net; and of several queues (linux/if_tun.h). */
const tapFlags = 0x0002 | 0x1000 | 0x4000;
const manyQueues = 0x0100;

/** What of a packet may be unfinished when it is read (linux/if_tun.h): bits. */
export const TapOffload = { checksum: 1, tso4: 2, tso6: 4, uso: 0x20 | 0x40 } as const;

/**
 * Opens the device that taps are made by; its descriptor never waits. (Not by Node, which closes what a thread has opened at the thread's end: by then
 * the number may be another's.) @throws SystemError ENOENT, EACCES, ENXIO
 */
export function openTunDevice(): number {
  const path = '/dev/net/tun';
  return check(syscall6(sys.openat, AT.FDCWD, cString(path), O.RDWR | O.NONBLOCK | O.CLOEXEC), 'open', path);
}

/**
 * Joins a descriptor to a tap, which is made if it is not there. @param isOneOfMany as one of its queues
 * Returns 0 or -errno (EPERM: neither CAP_NET_ADMIN nor its owner; EBUSY: it has no queue left; EINVAL: it was made otherwise, or is no tap).
 */
export function joinTap(fd: number, name: string, isOneOfMany: boolean): number {
  const { data, offset, address } = deviceRequest(name);
  data.setUint16(offset + requestValueAt, tapFlags | (isOneOfMany ? manyQueues : 0), true);
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

/** Reads a packet and its header into `count` iovecs. Returns bytes, no more than they hold, or -errno (EAGAIN: none waits; EBADFD: the tap is gone). */
export function readPacket(fd: number, iovecs: number, count: number): number {
  return syscall3(sys.readv, fd, iovecs, count);
}

/** Writes a packet and its header. Returns bytes or -errno (EINVAL: the header makes no sense; EIO: the tap is down; EBADFD: it is gone). */
export function writePacket(fd: number, iovecs: number, count: number): number {
  return syscall3(sys.writev, fd, iovecs, count);
}
