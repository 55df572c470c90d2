// Workloads beyond the usual ones, for checking the copy meter: io_uring with registered buffers, datagrams by reference,
// IPv6, fragments over a veth pair, vsock. They run within the metered process; each gives the counters it must show, or the
// reason why it cannot run here.

import { release } from 'node:os';
import { AF, IORING_OP, IORING_REGISTER, MSG, SOCK } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { createMemoryFile, scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { udpPair } from '../../src/kernel/socket-pair.js';
import { check, SystemError } from '../../src/kernel/system-error.js';
import { uringRegister } from '../../src/kernel/uring.js';
import { setWord64 } from '../../src/kernel/words.js';
import { takeZerocopyNotices } from '../../src/kernel/zerocopy-notice.js';
import { addresses, makePair, type Pair } from '../../src/lab/namespaces.js';
import { pinning } from '../../src/lab/senders.js';
import { Region } from '../../src/memory/region.js';
import type { Counters } from '../../src/meter/accounts/accounts.js';
import { UringRing } from '../../src/uring/ring.js';
import { tcpPair } from './socket-workloads.js';

const piece = 65_536;
const region = new Region(4 * piece);
const receiveAt = region.address + 2 * piece;
const close = (...descriptors: number[]): void => {
  for (const fd of descriptors) syscall3(sys.close, fd);
};

/** IOSQE_ASYNC: a worker does it. */
const byWorker = 1 << 4;

/** A file written and read by io_uring from and to memory that is registered with it: it looks like the kernel's. */
function fixed(flags: number): Counters {
  const total = 1024 * 1024 + 77;
  const file = createMemoryFile('fixed', 0);
  const ring = new UringRing(8, 16);
  const vector = new Region(16);
  vector.data.setBigUint64(0, BigInt(region.address), true);
  vector.data.setBigUint64(8, BigInt(piece), true);
  check(uringRegister(ring.fd, IORING_REGISTER.BUFFERS, vector.address, 1), 'io_uring_register', 'a buffer');
  const run = (operation: number, at: number, length: number): number => {
    const entry = ring.next();
    const { words } = ring;
    words[entry] = operation | (flags << 8);
    words[entry + 1] = file;
    words[entry + 2] = at;
    setWord64(words, entry + 4, region.address);
    words[entry + 6] = length;
    words[entry + 7] = 0;
    words[entry + 8] = 1;
    words[entry + 9] = 0;
    while (ring.completionRing.available() === 0) ring.submit(true, 1000);
    const done = (ring.completionRing.head & ring.completionRing.mask) * 4;
    const result = ring.completions[done + 2]!;
    ring.completionRing.head++;
    ring.completionRing.release();
    return check(result, 'io_uring', 'a registered buffer');
  };
  for (const operation of [IORING_OP.WRITE_FIXED, IORING_OP.READ_FIXED]) {
    for (let moved = 0; moved < total; ) moved += run(operation, moved, Math.min(piece, total - moved));
  }
  ring.close();
  vector.unmap();
  close(file);
  return { fileWritten: total, fileRead: total };
}

/** Receives what was sent just now: it may be a moment on its way. */
function receiveSoon(fd: number): number {
  const deadline = performance.now() + 5000;
  for (;;) {
    const result = syscall6(sys.recvfrom, fd, receiveAt, piece, MSG.DONTWAIT, 0, 0);
    if (result !== -Errno.EAGAIN || performance.now() > deadline) return check(result, 'receive');
  }
}

function datagrams([sender, receiver]: [number, number], size: number, count: number, flags = 0): number {
  let received = 0;
  const notices = { referenced: 0, copied: 0 };
  for (let each = 0; each < count; each++) {
    check(syscall6(sys.sendto, sender, region.address, size, flags, 0, 0), 'send', `a datagram of ${size} bytes`);
    received += receiveSoon(receiver);
    if (flags !== 0) takeZerocopyNotices(sender, notices);
  }
  close(sender, receiver);
  return received;
}

/** A UDP pair over a veth pair of namespaces. */
function udpOverVeth(pair: Pair): [number, number] {
  const name = scratch(32);
  const put = (host: string, port: number): void => {
    name.bytes.fill(0, name.offset, name.offset + 16);
    name.data.setUint16(name.offset, AF.INET, true);
    name.data.setUint16(name.offset + 2, port, false);
    host.split('.').forEach((byte, index) => {
      name.bytes[name.offset + 4 + index] = Number(byte);
    });
  };
  const port = 9;
  const sockets = (['left', 'right'] as const).map((end) =>
    pair.within(end, () => {
      const fd = check(syscall3(sys.socket, AF.INET, SOCK.DGRAM | SOCK.CLOEXEC, 0), 'socket', 'UDP');
      put(addresses[end], port);
      check(syscall3(sys.bind, fd, name.address, 16), 'bind', addresses[end]);
      put(addresses[end === 'left' ? 'right' : 'left'], port);
      check(syscall3(sys.connect, fd, name.address, 16), 'connect');
      return fd;
    }),
  );
  return sockets as [number, number];
}

const vsockFamily = 40;
const vsockLocal = 1;

/** A connection to the same machine by AF_VSOCK, or why there is none. */
function vsockPair(): [number, number] | string {
  const name = scratch(32);
  const put = (context: number, port: number): void => {
    name.bytes.fill(0, name.offset, name.offset + 16);
    name.data.setUint16(name.offset, vsockFamily, true);
    name.data.setUint32(name.offset + 4, port, true);
    name.data.setUint32(name.offset + 8, context, true);
  };
  try {
    const listener = check(syscall3(sys.socket, vsockFamily, SOCK.STREAM | SOCK.CLOEXEC, 0), 'socket', 'AF_VSOCK');
    put(0xffffffff, 9000);
    check(syscall3(sys.bind, listener, name.address, 16), 'bind', 'AF_VSOCK');
    check(syscall3(sys.listen, listener, 1), 'listen', 'AF_VSOCK');
    const sender = check(syscall3(sys.socket, vsockFamily, SOCK.STREAM | SOCK.CLOEXEC, 0), 'socket', 'AF_VSOCK');
    put(vsockLocal, 9000);
    check(syscall3(sys.connect, sender, name.address, 16), 'connect', 'the local machine by AF_VSOCK');
    const receiver = check(syscall6(sys.accept4, listener, 0, 0, 0), 'accept');
    close(listener);
    return [sender, receiver];
  } catch (error) {
    if (error instanceof SystemError) return error.message;
    throw error;
  }
}

const throughTcp6 = (way: 'tcpSent' | 'pinned'): Counters => {
  const total = 1024 * 1024 + 77;
  const [sender, receiver] = tcpPair('::1');
  if (way === 'pinned') pinning(sender);
  for (let sent = 0, received = 0; received < total; ) {
    const flags = MSG.NOSIGNAL | MSG.DONTWAIT | (way === 'pinned' ? MSG.ZEROCOPY : 0);
    const taken = syscall6(sys.sendto, sender, region.address, Math.min(piece, total - sent), flags, 0, 0);
    if (taken > 0) sent += taken;
    while (received < sent) received += receiveSoon(receiver);
  }
  close(sender, receiver);
  const both = { payloadSent: total, payloadReceived: total, tcpReceived: total, [way]: total };
  return way === 'pinned' ? { ...both, reverted: total } : both;
};

/** Of virtio's sockets, what newer kernels copy by functions that all sockets share; their payload is not seen. */
function throughVsock([sender, receiver]: [number, number]): Counters {
  const total = 20 * piece;
  for (let sent = 0; sent < total; ) {
    const taken = check(syscall3(sys.write, sender, region.address, piece), 'write', 'AF_VSOCK');
    for (let given = 0; given < taken; ) given += receiveSoon(receiver);
    sent += taken;
  }
  close(sender, receiver);
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return major * 100 + minor < 607 ? {} : { otherSent: total, otherReceived: total };
}

/** Every workload by name: prepared first, or the reason why it cannot run here; then what moves the bytes. */
export const furtherWorkloads: Readonly<Record<string, () => (() => Counters) | string>> = {
  'io_uring READ_FIXED and WRITE_FIXED': () => () => fixed(0),
  'io_uring READ_FIXED and WRITE_FIXED by a worker': () => () => fixed(byWorker),
  'tcp-write-ipv6': () => () => throughTcp6('tcpSent'),
  'tcp-zerocopy-ipv6': () => () => throughTcp6('pinned'),
  'udp-zerocopy': () => () => {
    const [sender, receiver] = udpPair();
    const bytes = datagrams([pinning(sender), receiver], 8000, 100, MSG.ZEROCOPY);
    return { pinned: bytes, reverted: bytes, udpReceived: bytes, payloadSent: bytes, payloadReceived: bytes };
  },
  'udp-60000 in fragments over veth': () => {
    const pair = makePair();
    process.once('exit', pair.remove);
    const sockets = udpOverVeth(pair);
    return () => {
      const bytes = datagrams(sockets, 60_000, 100);
      return { udpSent: bytes, udpReceived: bytes, payloadSent: bytes, payloadReceived: bytes };
    };
  },
  'vsock: copies from 6.7 on, payload not seen': () => {
    const pair = vsockPair();
    return typeof pair === 'string' ? pair : () => throughVsock(pair);
  },
};
