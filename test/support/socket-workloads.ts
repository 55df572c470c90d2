// Workloads that move a known number of bytes through sockets in a known way, for checking the copy meter.
// Run as a program: `node socket-workloads.js NAME RESULT_FILE [PORT_FILE]`. It moves the bytes and writes what it moved, as the
// counters the meter must then show, into the result file. It prints nothing: its output would be socket traffic too.

import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { AF, IORING_OP, MSG, SOCK } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { createMemoryFile, scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { acceptNonBlocking, connectTcp, listenTcp, localAddress, setNonBlocking } from '../../src/kernel/socket.js';
import { udpPair, unixStreamPair } from '../../src/kernel/socket-pair.js';
import { check } from '../../src/kernel/system-error.js';
import { bySendfile, bySplice, byUring, pinning } from '../../src/lab/senders.js';
import { Region } from '../../src/memory/region.js';
import type { Counters } from '../../src/meter/accounts/accounts.js';

const region = new Region(1024 * 1024);
const sendAt = region.address;
const receiveAt = region.address + 512 * 1024;
const total = 4 * 1024 * 1024 + 77;

const send = (fd: number, length: number, flags = 0) =>
  syscall6(sys.sendto, fd, sendAt, length, flags | MSG.NOSIGNAL | MSG.DONTWAIT, 0, 0);
const receive = (fd: number, length: number, flags = 0) =>
  syscall6(sys.recvfrom, fd, receiveAt, length, flags | MSG.DONTWAIT, 0, 0);

/** A connected TCP pair on loopback, both ends non-blocking. */
export function tcpPair(host = '127.0.0.1'): [sender: number, receiver: number] {
  const listener = listenTcp({ host, port: 0 });
  const sender = connectTcp(localAddress(listener));
  const receiver = check(acceptNonBlocking(listener), 'accept');
  setNonBlocking(sender, true);
  syscall3(sys.close, listener);
  return [sender, receiver];
}

/** Sends by `sendSome` until `bytes` are taken, receiving by `receiveSome` whenever the sender would block. */
function pump(bytes: number, sendSome: (left: number) => number, receiveSome: () => number): number {
  let sent = 0;
  let received = 0;
  while (sent < bytes || received < bytes) {
    let moved = false;
    if (sent < bytes) {
      const taken = sendSome(bytes - sent);
      if (taken > 0) {
        sent += taken;
        moved = true;
      } else if (taken !== -Errno.EAGAIN && taken !== -Errno.ENOBUFS) check(taken, 'send');
    }
    if (!moved || received < sent - 256 * 1024 || sent === bytes) {
      const given = receiveSome();
      if (given > 0) received += given;
      else if (given !== -Errno.EAGAIN) check(given === 0 ? -1 : given, 'receive');
    }
  }
  return sent;
}

const file = () => createMemoryFile('workload', total);
const both = (bytes: number): Counters => ({ payloadSent: bytes, payloadReceived: bytes });
const tcp = (bytes: number): Counters => ({ ...both(bytes), tcpSent: bytes, tcpReceived: bytes });

function tcpBy(
  sendSome: (sender: number) => (left: number) => number,
  way: 'tcpSent' | 'spliced' | 'pinned',
): Counters {
  const [sender, receiver] = tcpPair();
  const bytes = pump(total, sendSome(sender), () => receive(receiver, 65536));
  return { ...both(bytes), tcpReceived: bytes, [way]: bytes, ...(way === 'pinned' ? { reverted: bytes } : {}) };
}

/** Datagrams of `size`, one sent and one received at a time. */
function datagrams(pair: [number, number], size: number, count: number, kind: 'udp' | 'unix'): Counters {
  for (let each = 0; each < count; each++) {
    check(send(pair[0], size), 'send');
    check(receive(pair[1], 65536), 'receive');
  }
  const bytes = size * count;
  return kind === 'udp'
    ? { ...both(bytes), udpSent: bytes, udpReceived: bytes }
    : { ...both(bytes), unixSent: bytes, unixReceived: bytes };
}

function unixDatagramPair(): [number, number] {
  const place = scratch(8);
  check(syscall6(sys.socketpair, AF.UNIX, SOCK.DGRAM, 0, place.address), 'socketpair');
  return [place.data.getInt32(place.offset, true), place.data.getInt32(place.offset + 4, true)];
}

function unixBy(sendSome: (sender: number) => (left: number) => number, way: 'unixSent' | 'spliced'): Counters {
  const [sender, receiver] = unixStreamPair();
  const bytes = pump(total, sendSome(sender), () => receive(receiver, 65536));
  return { ...both(bytes), unixReceived: bytes, [way]: bytes };
}

/** Every workload by name: moves the bytes and gives the counters they must show. */
export const workloads: Readonly<Record<string, () => Counters>> = {
  'tcp-write-64k': () => tcpBy((fd) => (left) => send(fd, Math.min(left, 65536)), 'tcpSent'),
  'tcp-write-1000': () => tcpBy((fd) => (left) => send(fd, Math.min(left, 1000)), 'tcpSent'),
  'tcp-write-ipv6': () => {
    const [sender, receiver] = tcpPair('::1');
    return tcp(
      pump(
        total,
        (left) => send(sender, Math.min(left, 65536)),
        () => receive(receiver, 65536),
      ),
    );
  },
  'tcp-write-plainly-with-flag': () =>
    tcpBy((fd) => (left) => send(fd, Math.min(left, 65536), MSG.ZEROCOPY), 'tcpSent'),
  'tcp-sendfile': () => tcpBy((fd) => bySendfile(fd, file()), 'spliced'),
  'tcp-splice': () => tcpBy((fd) => bySplice(fd, file()), 'spliced'),
  'tcp-zerocopy': () => tcpBy((fd) => (left) => send(pinning(fd), Math.min(left, 65536), MSG.ZEROCOPY), 'pinned'),
  'tcp-uring-send': () => tcpBy((fd) => byUring(fd, sendAt, IORING_OP.SEND), 'tcpSent'),
  'tcp-uring-worker': () => tcpBy((fd) => byUring(fd, sendAt, IORING_OP.SEND, { flags: 16 }), 'tcpSent'),
  'tcp-uring-send-zc': () => tcpBy((fd) => byUring(fd, sendAt, IORING_OP.SEND_ZC), 'pinned'),
  'tcp-mixed-ways': () => {
    const [sender, receiver] = tcpPair();
    const from = file();
    const moved: Counters = { tcpSent: 0, spliced: 0, pinned: 0 };
    pinning(sender);
    let turn = 0;
    const bytes = pump(
      total,
      (left) => {
        const way = (['tcpSent', 'spliced', 'pinned'] as const)[turn++ % 3]!;
        const length = Math.min(left, 10_001);
        const taken =
          way === 'spliced'
            ? syscall6(sys.sendfile, sender, from, 0, length)
            : send(sender, length, way === 'pinned' ? MSG.ZEROCOPY : 0);
        if (taken > 0) moved[way] = moved[way]! + taken;
        return taken;
      },
      () => receive(receiver, 65536),
    );
    return { ...both(bytes), tcpReceived: bytes, ...moved };
  },
  'tcp-peek': () => {
    const [sender, receiver] = tcpPair();
    let peeked = 0;
    const bytes = pump(
      total,
      (left) => send(sender, Math.min(left, 65536)),
      () => {
        const seen = receive(receiver, 65536, MSG.PEEK);
        if (seen > 0) peeked += seen;
        return receive(receiver, 65536);
      },
    );
    return { ...tcp(bytes), tcpReceived: bytes + peeked };
  },
  'tcp-discard': () => {
    const [sender, receiver] = tcpPair();
    const bytes = pump(
      total,
      (left) => send(sender, Math.min(left, 65536)),
      () => receive(receiver, 65536, MSG.TRUNC),
    );
    return { ...tcp(bytes), tcpReceived: 0 };
  },
  'udp-1000': () => datagrams(udpPair(), 1000, 2000, 'udp'),
  'udp-8192': () => datagrams(udpPair(), 8192, 500, 'udp'),
  'udp-60000': () => datagrams(udpPair(), 60_000, 100, 'udp'),
  'udp-truncated': () => {
    const [sender, receiver] = udpPair();
    for (let each = 0; each < 100; each++) {
      check(send(sender, 1000), 'send');
      check(receive(receiver, 300, each % 2 === 0 ? MSG.TRUNC : 0), 'receive');
    }
    return { udpSent: 100_000, udpReceived: 30_000, payloadSent: 100_000, payloadReceived: 30_000 };
  },
  'udp-peek': () => {
    const [sender, receiver] = udpPair();
    for (let each = 0; each < 100; each++) {
      check(send(sender, 1000), 'send');
      check(receive(receiver, 2000, MSG.PEEK), 'receive');
      check(receive(receiver, 2000), 'receive');
    }
    return { udpSent: 100_000, udpReceived: 200_000, payloadSent: 100_000, payloadReceived: 100_000 };
  },
  'unix-stream': () => unixBy((fd) => (left) => send(fd, Math.min(left, 65536)), 'unixSent'),
  'unix-sendfile': () => unixBy((fd) => bySendfile(fd, file()), 'spliced'),
  'unix-splice': () => unixBy((fd) => bySplice(fd, file()), 'spliced'),
  'unix-datagram': () => datagrams(unixDatagramPair(), 5000, 300, 'unix'),
};

/** Where the receiver listens. */
const host = process.env['WORKLOAD_HOST'] ?? '127.0.0.1';

/** One end of a connection between two processes, both blocking; the port goes through a file. */
const ends: Readonly<Record<string, (portFile: string) => Counters>> = {
  receiver: (portFile) => {
    const listener = listenTcp({ host, port: 0 });
    writeFileSync(`${portFile}.new`, String(localAddress(listener).port));
    renameSync(`${portFile}.new`, portFile);
    const socket = check(syscall6(sys.accept4, listener, 0, 0, 0), 'accept');
    let received = 0;
    for (;;) {
      const given = check(syscall6(sys.recvfrom, socket, receiveAt, 65536, 0, 0, 0), 'receive');
      if (given === 0) return { tcpReceived: received, payloadReceived: received };
      received += given;
    }
  },
  'sender-sendfile': (portFile) => {
    const socket = connectTcp({ host, port: Number(readFileSync(portFile, 'utf8')) });
    const sendSome = bySendfile(socket, file());
    for (let sent = 0; sent < total; ) sent += check(sendSome(total - sent), 'sendfile');
    return { spliced: total, payloadSent: total };
  },
  /** Sends by a connection that another process made, plainly and pinned: its descriptor is 3. */
  inherited: () => {
    pinning(3);
    const half = 1_000_003;
    for (const flags of [0, MSG.ZEROCOPY]) {
      for (let sent = 0; sent < half; ) {
        const length = Math.min(half - sent, 65536);
        sent += check(syscall6(sys.sendto, 3, sendAt, length, flags | MSG.NOSIGNAL, 0, 0), 'send');
      }
    }
    return { tcpSent: half, pinned: half, reverted: half, payloadSent: 2 * half };
  },
  'sender-zerocopy': (portFile) => {
    const socket = pinning(connectTcp({ host, port: Number(readFileSync(portFile, 'utf8')) }));
    for (let sent = 0; sent < total; ) {
      const length = Math.min(total - sent, 65536);
      sent += check(syscall6(sys.sendto, socket, sendAt, length, MSG.ZEROCOPY | MSG.NOSIGNAL, 0, 0), 'send');
    }
    return { pinned: total, reverted: total, payloadSent: total };
  },
};

/** The unix datagrams of the table, in threads that come and go, four at a time. */
async function inThreads(count: number): Promise<Counters> {
  let started = 0;
  const chain = async () => {
    while (started < count) {
      started++;
      await once(new Worker(new URL(import.meta.url), { argv: ['unix-datagram', '/dev/null'] }), 'exit');
    }
  };
  await Promise.all([chain(), chain(), chain(), chain()]);
  const bytes = 1_500_000 * count;
  return { ...both(bytes), unixSent: bytes, unixReceived: bytes };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , name = '', resultFile = '', portFile = ''] = process.argv;
  const end = ends[name];
  const moved = name === 'threads' ? await inThreads(24) : end === undefined ? workloads[name]!() : end(portFile);
  writeFileSync(resultFile, JSON.stringify(moved));
}
