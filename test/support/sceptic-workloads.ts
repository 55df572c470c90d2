// What somebody who doubts the copy meter would run under it: unusual calls, batches, errors, and calls that move bytes past
// sockets. Each moves known bytes on the calling thread without waiting, and gives what the tracepoint tier must show, 0
// for all else; `unseen` names what it cannot show, in the words of its report. Ordinary workloads: socket-workloads.ts.

import { AF, IORING_OP, MSG, SO, SOCK, SOL } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { createMemoryFile } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { setSocketOption } from '../../src/kernel/socket.js';
import { udpPair, unixStreamPair } from '../../src/kernel/socket-pair.js';
import { check } from '../../src/kernel/system-error.js';
import { pinning } from '../../src/lab/senders.js';
import type { Counters } from '../../src/meter/accounts/accounts.js';
import { mappedWorkload } from './file-workloads.js';
import { fastOpen, multipath, netlink, packetSocket, rawSocket, udpV6 } from './sceptic-families.js';
import {
  at,
  batched,
  both,
  close,
  drain,
  file,
  fixedRing,
  header,
  more,
  pair,
  piece,
  pipe,
  place,
  receive,
  send,
  splice,
  tcp,
  udp,
  unix,
  uring,
  vectors,
  view,
} from './sceptic-parts.js';
import { tcpPair } from './socket-workloads.js';
/** What a workload must show. */
export interface Sceptic {
  readonly run: () => Counters;
  /** It needs what not every kernel has or allows: where the kernel refuses, it is left out. */
  readonly optional?: boolean;
  /** Found in what the tier says it does not see, where the workload moves bytes that no counter shows. */
  readonly unseen?: RegExp;
}

function truncated(family: 'udp' | 'unix', flags: number, useMessage: boolean): Counters {
  const [left, right] = family === 'udp' ? udpPair() : pair(AF.UNIX, SOCK.DGRAM);
  check(send(left, 5000), 'send');
  if (useMessage) {
    vectors(1, 700, at.receive);
    check(syscall3(sys.recvmsg, right, header(0, at.vectors, 1), flags), 'recvmsg');
  } else check(receive(right, 700, flags), 'receive');
  close(left, right);
  const bytes = { payloadSent: 5000, payloadReceived: 700 };
  return family === 'udp'
    ? { ...bytes, udpSent: 5000, udpReceived: 700 }
    : { ...bytes, unixSent: 5000, unixReceived: 700 };
}

/** Sends a descriptor with one byte, takes it, and sends by it. */
function passedDescriptor(): Counters {
  const [left, right] = unixStreamPair();
  const [sender, receiver] = tcpPair();
  const control = at.send + 4096;
  view.setBigUint64(place(control), 20n, true);
  view.setInt32(place(control) + 8, SOL.SOCKET, true);
  view.setInt32(place(control) + 12, 1, true);
  view.setInt32(place(control) + 16, sender, true);
  vectors(1, 1);
  check(syscall3(sys.sendmsg, left, header(0, at.vectors, 1, control, 24), 0), 'sendmsg');
  vectors(1, 1, at.receive);
  check(syscall3(sys.recvmsg, right, header(0, at.vectors, 1, control, 24), 0), 'recvmsg');
  const passed = view.getInt32(place(control) + 16, true);
  check(send(passed, 5000), 'send');
  drain(receiver, 5000);
  close(left, right, sender, receiver, passed);
  return { ...both(5001), unixSent: 1, unixReceived: 1, tcpSent: 5000, tcpReceived: 5000 };
}

/** EAGAIN on both sides, many times, around one message. */
function refusals(): Counters {
  const [sender, receiver] = tcpPair();
  for (let each = 0; each < 5000; each++) receive(receiver, piece);
  let sent = 0;
  for (let refused = 0; refused < 500; ) {
    const taken = send(sender, piece);
    if (taken === -Errno.EAGAIN) refused++;
    else sent += check(taken, 'send');
  }
  let received = 0;
  for (let given = receive(receiver, piece); given > 0; given = receive(receiver, piece)) received += given;
  while (received < sent) received += Math.max(0, receive(receiver, piece));
  close(sender, receiver);
  return tcp(sent);
}

/** A send whose memory ends half-way: what the kernel says it took is what was copied into the connection. */
function halfThere(): Counters {
  const [sender, receiver] = tcpPair();
  const start = check(syscall6(sys.mmap, 0, 8 * piece, 3, 0x22, -1, 0), 'mmap');
  syscall3(sys.munmap, start + 3 * piece, 5 * piece);
  const taken = check(syscall6(sys.sendto, sender, start + 1000, 4 * piece, MSG.DONTWAIT, 0, 0), 'send');
  drain(receiver, taken);
  syscall3(sys.munmap, start, 3 * piece);
  close(sender, receiver);
  return tcp(taken);
}

/** A receive into memory that is not there, and then into memory that is. */
function nowhere(connection: () => [number, number], counters: Counters): Counters {
  const [sender, receiver] = connection();
  check(send(sender, 1000), 'send');
  const failed = syscall6(sys.recvfrom, receiver, 8, 1000, MSG.DONTWAIT, 0, 0);
  if (failed !== -Errno.EFAULT) check(-1, 'receive', 'into no memory');
  drain(receiver, 1000);
  close(sender, receiver);
  return counters;
}

function mappedReceive(): Counters {
  const { tcpReceived, ...moved } = mappedWorkload();
  return { ...moved, tcpReceived: tcpReceived!, payloadReceived: tcpReceived! };
}

function unixSplicedOut(): Counters {
  const [left, right] = unixStreamPair();
  const [out, into] = pipe();
  check(send(left, 5000), 'send');
  check(splice(right, into, 5000), 'splice');
  check(syscall3(sys.read, out, at.receive, 5000), 'read');
  close(left, right, out, into);
  return { unixSent: 5000, payloadSent: 5000 };
}

function udpPinned(): Counters {
  const [left, right] = udpPair();
  pinning(left);
  check(send(left, 30_000, MSG.ZEROCOPY), 'send');
  drain(right, 30_000);
  close(left, right);
  return udp(30_000);
}

const udpSegment = 103;
const udpGro = 104;

function segments(coalesce: boolean): Counters {
  const [left, right] = udpPair();
  check(setSocketOption(left, SOL.UDP, udpSegment, 1000), 'setsockopt', 'UDP_SEGMENT');
  if (coalesce) check(setSocketOption(right, SOL.UDP, udpGro, 1), 'setsockopt', 'UDP_GRO');
  check(send(left, 40_000), 'send');
  drain(right, 40_000);
  close(left, right);
  return udp(40_000);
}

function betweenPipes(): Counters {
  const [out, into] = pipe();
  const [secondOut, secondInto] = pipe();
  const [thirdOut, thirdInto] = pipe();
  check(syscall3(sys.write, into, at.send, 4096), 'write');
  check(syscall6(sys.tee, out, secondInto, 4096, 0), 'tee');
  check(splice(out, thirdInto, 4096), 'splice');
  check(syscall3(sys.read, secondOut, at.receive, 4096), 'read');
  check(syscall3(sys.read, thirdOut, at.receive, 4096), 'read');
  close(out, into, secondOut, secondInto, thirdOut, thirdInto);
  return {};
}

/** vmsplice with SPLICE_F_GIFT into a pipe, and from there into a socket. */
function gifted(): Counters {
  const [out, into] = pipe();
  const [sender, receiver] = tcpPair();
  vectors(1, piece);
  const taken = check(syscall6(more.vmsplice, into, at.vectors, 1, 8), 'vmsplice');
  for (let moved = 0; moved < taken; ) moved += check(splice(out, sender, taken - moved), 'splice');
  drain(receiver, taken);
  close(out, into, sender, receiver);
  return { ...both(taken), spliced: taken, tcpReceived: taken };
}

/** From socket to socket through a pipe, as a proxy that looks at nothing. */
function proxied(): Counters {
  const [client, inward] = tcpPair();
  const [outward, server] = tcpPair();
  const [out, into] = pipe();
  check(send(client, 30_000), 'send');
  for (let moved = 0; moved < 30_000; ) {
    const held = check(splice(inward, into, 30_000), 'splice');
    for (let gone = 0; gone < held; ) gone += check(splice(out, outward, held - gone), 'splice');
    moved += held;
  }
  drain(server, 30_000);
  close(client, inward, outward, server, out, into);
  const ends = { tcpSent: 30_000, spliced: 30_000, tcpReceived: 30_000 };
  return { ...ends, payloadSent: 60_000, payloadReceived: 30_000 };
}

function files(folder: string): Counters {
  const from = file(folder);
  const to = file(folder);
  check(syscall6(sys.pread64, from, at.receive, piece, 0), 'pread');
  check(syscall6(sys.pwrite64, to, at.send, piece, 0), 'pwrite');
  check(syscall6(more.copy_file_range, from, 0, to, 0, 30_000, 0), 'copy_file_range');
  check(syscall6(sys.sendfile, to, from, 0, 30_000), 'sendfile');
  const mapped = check(syscall6(sys.mmap, 0, piece, 1, 2, from, 0), 'mmap');
  check(syscall3(sys.write, to, mapped, 4096), 'write');
  syscall3(sys.munmap, mapped, piece);
  close(from, to);
  return {};
}

function eventNoise(): Counters {
  const event = check(syscall3(sys.eventfd2, 0, 0), 'eventfd2');
  for (let each = 0; each < 1000; each++) {
    view.setBigUint64(0, 1n, true);
    check(syscall3(sys.write, event, at.send, 8), 'write');
    check(syscall3(sys.read, event, at.receive, 8), 'read');
  }
  close(event);
  return {};
}

function urgent(): Counters {
  const [sender, receiver] = tcpPair();
  check(send(sender, 1000), 'send');
  check(send(sender, 1, 1), 'send', 'MSG_OOB');
  drain(receiver, 1000);
  check(receive(receiver, 1, 1), 'receive', 'MSG_OOB');
  close(sender, receiver);
  return tcp(1001);
}

/** Every workload by name. */
export const scepticWorkloads: Readonly<Record<string, Sceptic>> = {
  'writev of 1,000 buffers, readv of 1,000': {
    run: () => {
      const [sender, receiver] = tcpPair();
      check(syscall3(sys.writev, sender, vectors(1000, 60), 1000), 'writev');
      check(syscall3(sys.readv, receiver, vectors(1000, 60, at.receive), 1000), 'readv');
      close(sender, receiver);
      return tcp(60_000);
    },
  },
  'sendmmsg and recvmmsg of 60 datagrams': {
    run: () => {
      const [left, right] = udpPair();
      check(batched(left, 60, 700, sys.sendmmsg, at.send), 'sendmmsg');
      check(batched(right, 60, 700, sys.recvmmsg, at.receive), 'recvmmsg');
      close(left, right);
      return udp(42_000);
    },
  },
  'MSG_PEEK on a unix stream, then half, then the rest': {
    run: () => {
      const [left, right] = unixStreamPair();
      check(send(left, 10_000), 'send');
      check(receive(right, 10_000, MSG.PEEK), 'peek');
      drain(right, 10_000, 5000);
      close(left, right);
      return { ...unix(10_000), unixReceived: 20_000 };
    },
  },
  'a datagram cut off, UDP': { run: () => truncated('udp', 0, false) },
  'a datagram cut off, unix': { run: () => truncated('unix', 0, false) },
  'MSG_TRUNC with recvfrom, UDP': { run: () => truncated('udp', MSG.TRUNC, false) },
  'MSG_TRUNC with recvfrom, unix': { run: () => truncated('unix', MSG.TRUNC, false) },
  'MSG_TRUNC with recvmsg, unix: payload uncertain, copies exact': {
    run: () => ({ ...truncated('unix', MSG.TRUNC, true), payloadReceived: 5000, uncertain: 5000 }),
  },
  'MSG_TRUNC with recvmsg, UDP: counted whole, and said to be uncertain': {
    run: () => ({ ...truncated('udp', MSG.TRUNC, true), udpReceived: 5000, payloadReceived: 5000, uncertain: 5000 }),
  },
  'one byte at a time': {
    run: () => {
      const [sender, receiver] = tcpPair();
      check(send(sender, 3001), 'send');
      drain(receiver, 3001, 1);
      close(sender, receiver);
      return tcp(3001);
    },
  },
  'SO_RCVLOWAT, MSG_WAITALL': {
    run: () => {
      const [sender, receiver] = tcpPair();
      check(setSocketOption(receiver, SOL.SOCKET, SO.RCVLOWAT, 5000), 'setsockopt', 'SO_RCVLOWAT');
      check(send(sender, 5000), 'send');
      check(receive(receiver, 5000, MSG.WAITALL), 'receive');
      close(sender, receiver);
      return tcp(5000);
    },
  },
  'a storm of EAGAIN on both sides': { run: refusals },
  'MSG_MORE and corked datagrams': {
    run: () => {
      const [left, right] = udpPair();
      for (let each = 0; each < 9; each++) check(send(left, 1000, MSG.MORE), 'send');
      check(send(left, 1000), 'send');
      drain(right, 10_000);
      close(left, right);
      return udp(10_000);
    },
  },
  'urgent data (MSG_OOB)': { run: urgent },
  'unix SEQPACKET': {
    run: () => {
      const [left, right] = pair(AF.UNIX, SOCK.SEQPACKET);
      for (let each = 0; each < 50; each++) {
        check(send(left, 3000), 'send');
        check(receive(right, piece), 'receive');
      }
      close(left, right);
      return unix(150_000);
    },
  },
  'a socket passed by SCM_RIGHTS and used': { run: passedDescriptor },
  'UDP segmentation (UDP_SEGMENT)': { run: () => segments(false) },
  'UDP segmentation and coalescing (UDP_GRO)': { run: () => segments(true) },
  'UDP over IPv6': { run: udpV6, optional: true },
  'a raw ICMP socket': { run: rawSocket, optional: true },
  'netlink, peeked and read': { run: netlink },
  'io_uring WRITE_FIXED and READ_FIXED on a socket': {
    run: () => {
      const [sender, receiver] = tcpPair();
      const ring = fixedRing();
      check(uring(ring, IORING_OP.WRITE_FIXED, sender, at.send, 20_000), 'WRITE_FIXED');
      check(uring(ring, IORING_OP.READ_FIXED, receiver, at.send, 20_000), 'READ_FIXED');
      ring.close();
      close(sender, receiver);
      return tcp(20_000);
    },
  },
  'io_uring WRITE_FIXED and READ_FIXED on a unix socket': {
    run: () => {
      const [left, right] = unixStreamPair();
      const ring = fixedRing();
      check(uring(ring, IORING_OP.WRITE_FIXED, left, at.send, 20_000), 'WRITE_FIXED');
      check(uring(ring, IORING_OP.READ_FIXED, right, at.send, 20_000), 'READ_FIXED');
      ring.close();
      close(left, right);
      return unix(20_000);
    },
  },
  'MSG_ZEROCOPY and plain sends on one socket': {
    run: () => {
      const [sender, receiver] = tcpPair();
      pinning(sender);
      check(send(sender, 7000), 'send');
      check(send(sender, 9000, MSG.ZEROCOPY), 'send');
      drain(receiver, 16_000);
      close(sender, receiver);
      return { ...both(16_000), tcpSent: 7000, pinned: 9000, reverted: 9000, tcpReceived: 16_000 };
    },
  },
  'vmsplice with SPLICE_F_GIFT into a socket': { run: gifted },
  'a packet socket': { run: packetSocket, optional: true },
  MPTCP: { run: multipath, optional: true },
  'TCP Fast Open': { run: fastOpen, optional: true },
  'a send whose memory ends half-way': { run: halfThere },
  'a receive into memory that is not there, TCP': { run: () => nowhere(tcpPair, tcp(1000)) },
  'a receive into memory that is not there, unix': {
    run: () => nowhere(unixStreamPair, { ...unix(1000), unixReceived: 2000 }),
    unseen: /memory that is not there/,
  },
  'TCP_ZEROCOPY_RECEIVE: what is mapped is not seen, what is read is': {
    run: mappedReceive,
    unseen: /takes out .* by splice or by TCP_ZEROCOPY_RECEIVE/,
  },
  'MSG_ZEROCOPY of UDP': { run: udpPinned, unseen: /MSG_ZEROCOPY of UDP/ },
  'spliced out of a unix socket': { run: unixSplicedOut, unseen: /out of a TCP or unix socket by splice/ },
  'spliced from socket to socket': { run: proxied, unseen: /bytes a program takes out of a .*socket by splice/ },
  'pipes: write, tee, splice, read': { run: betweenPipes, unseen: /files and pipes/ },
  'files: pread, pwrite, copy_file_range, sendfile, mmap': { run: () => files('/tmp'), unseen: /files and pipes/ },
  'a memory file read and written': {
    run: () => {
      const fd = createMemoryFile('sceptic', piece);
      check(syscall6(sys.pread64, fd, at.receive, piece, 0), 'pread');
      close(fd);
      return {};
    },
    unseen: /files and pipes/,
  },
  'eventfd, 1,000 times': { run: eventNoise },
  'sends that fail: a bad address, a closed peer': {
    run: () => {
      const [left, right] = unixStreamPair();
      const bad = syscall6(sys.sendto, left, 8, 1000, MSG.NOSIGNAL, 0, 0);
      if (bad !== -Errno.EFAULT) check(-1, 'send', 'from a bad address');
      close(right);
      if (send(left, 1000) !== -Errno.EPIPE) check(-1, 'send', 'to a closed peer');
      close(left);
      return {};
    },
  },
};
