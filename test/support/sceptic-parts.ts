// Calls and memory that the workloads of a doubter are made of (sceptic-workloads.ts): one region to send from and receive into,
// vectors and message headers in it, pairs, pipes, files, one io_uring operation at a time.

import { MSG } from '../../src/kernel/constants.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { cString, scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { check } from '../../src/kernel/system-error.js';
import { setWord64 } from '../../src/kernel/words.js';
import { Region } from '../../src/memory/region.js';
import type { Counters } from '../../src/meter/accounts/accounts.js';
import { UringRing } from '../../src/uring/ring.js';

/** Calls that the package itself does not need, on x86-64. */
export const more = { copy_file_range: 326, vmsplice: 278, open: 2, unlink: 87, lseek: 8, ioctl: 16 } as const;
export const piece = 65_536;
export const region = new Region(4 * 1024 * 1024);
export const at = {
  send: region.address,
  receive: region.address + 1024 * 1024,
  vectors: region.address + 3 * 1024 * 1024,
  headers: region.address + 3 * 1024 * 1024 + 256 * 1024,
};
export const view = region.data;
export const place = (address: number) => address - region.address;

export const close = (...descriptors: number[]): void => {
  for (const fd of descriptors) syscall3(sys.close, fd);
};
export const send = (fd: number, length: number, flags = 0) =>
  syscall6(sys.sendto, fd, at.send, length, flags | MSG.NOSIGNAL | MSG.DONTWAIT, 0, 0);
export const receive = (fd: number, length: number, flags = 0) =>
  syscall6(sys.recvfrom, fd, at.receive, length, flags | MSG.DONTWAIT, 0, 0);
export const splice = (from: number, to: number, length: number) => syscall6(sys.splice, from, 0, to, 0, length, 0);

/** `count` iovecs of `each` bytes over consecutive memory. @returns their address */
export function vectors(count: number, each: number, base = at.send): number {
  for (let index = 0; index < count; index++) {
    view.setBigUint64(place(at.vectors) + index * 16, BigInt(base + index * each), true);
    view.setBigUint64(place(at.vectors) + index * 16 + 8, BigInt(each), true);
  }
  return at.vectors;
}

/** A struct msghdr over `count` iovecs at `from`. @returns its address */
export function header(index: number, from: number, count: number, control = 0, controlBytes = 0): number {
  const address = at.headers + index * 64;
  region.bytes.fill(0, place(address), place(address) + 64);
  view.setBigUint64(place(address) + 16, BigInt(from), true);
  view.setBigUint64(place(address) + 24, BigInt(count), true);
  view.setBigUint64(place(address) + 32, BigInt(control), true);
  view.setBigUint64(place(address) + 40, BigInt(controlBytes), true);
  return address;
}

export function pair(family: number, kind: number): [number, number] {
  const spot = scratch(8);
  check(syscall6(sys.socketpair, family, kind, 0, spot.address), 'socketpair');
  return [spot.data.getInt32(spot.offset, true), spot.data.getInt32(spot.offset + 4, true)];
}

export function pipe(): [out: number, into: number] {
  const spot = scratch(8);
  check(syscall3(sys.pipe2, spot.address, 0), 'pipe2');
  return [spot.data.getInt32(spot.offset, true), spot.data.getInt32(spot.offset + 4, true)];
}

/** Receives exactly `bytes`. */
export function drain(fd: number, bytes: number, most = piece, flags = 0): void {
  for (let given = 0; given < bytes; ) given += check(receive(fd, Math.min(most, bytes - given), flags), 'receive');
}

export const both = (bytes: number): Counters => ({ payloadSent: bytes, payloadReceived: bytes });
export const tcp = (bytes: number): Counters => ({ ...both(bytes), tcpSent: bytes, tcpReceived: bytes });
export const udp = (bytes: number): Counters => ({ ...both(bytes), udpSent: bytes, udpReceived: bytes });
export const unix = (bytes: number): Counters => ({ ...both(bytes), unixSent: bytes, unixReceived: bytes });

/** A file of `piece` bytes under a folder, open and gone from it. */
export function file(folder: string, flags = 0): number {
  const path = cString(`${folder}/clearway-sceptic`);
  const fd = check(syscall6(more.open, path, 0o102 | 0o1000 | flags, 0o600), 'open', folder);
  syscall3(more.unlink, path);
  check(syscall3(sys.write, fd, at.send, piece), 'write');
  syscall3(more.lseek, fd, 0, 0);
  return fd;
}

/** One io_uring operation, waited for. @returns its result; SEND_ZC's second completion is waited for too */
export function uring(
  ring: UringRing,
  operation: number,
  fd: number,
  address: number,
  length: number,
  extra = 0,
): number {
  const entry = ring.next();
  ring.words.fill(0, entry, entry + 16);
  ring.words[entry] = operation;
  ring.words[entry + 1] = fd;
  ring.words[entry + 2] = -1;
  ring.words[entry + 3] = -1;
  setWord64(ring.words, entry + 4, address);
  ring.words[entry + 6] = length;
  ring.words[entry + 8] = 1;
  ring.words[entry + 9] = extra;
  for (let result: number | undefined, more = true; ; ) {
    ring.submit(true, 1000);
    while (ring.completionRing.available() > 0) {
      const completion = (ring.completionRing.head & ring.completionRing.mask) * 4;
      const kind = ring.completions[completion + 3]!;
      if ((kind & 8) === 0) result = ring.completions[completion + 2]!;
      more = (kind & 2) !== 0;
      ring.completionRing.head++;
      ring.completionRing.release();
    }
    if (result !== undefined && !more) return result;
  }
}

/** A ring with the region's first mebibyte as registered buffer 0. */
export function fixedRing(): UringRing {
  const ring = new UringRing(8, 16);
  vectors(1, 1024 * 1024);
  const registerBuffers = 0;
  check(syscall6(sys.io_uring_register, ring.fd, registerBuffers, at.vectors, 1), 'io_uring_register');
  return ring;
}

export function batched(fd: number, count: number, each: number, call: number, base: number): number {
  vectors(count, each, base);
  for (let number = 0; number < count; number++) header(number, at.vectors + number * 16, 1);
  return check(syscall6(call, fd, at.headers, count, MSG.DONTWAIT, 0, 0), 'batch');
}
