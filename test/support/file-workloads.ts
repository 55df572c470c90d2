// Workloads that move a known number of bytes through files and pipes, for checking the copy meter. They run within the
// metered process, one after the other and without waiting, so that what a meter's two readings differ by is theirs.

import { MSG, SOL } from '../../src/kernel/constants.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { cString, scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { setNonBlocking, setSocketOption } from '../../src/kernel/socket.js';
import { udpPair } from '../../src/kernel/socket-pair.js';
import { check } from '../../src/kernel/system-error.js';
import { pinning } from '../../src/lab/senders.js';
import { Region } from '../../src/memory/region.js';
import type { Counters } from '../../src/meter/accounts/accounts.js';
import { tcpPair } from './socket-workloads.js';

/** Calls that the package itself does not need, on x86-64. */
const more = { copy_file_range: 326, vmsplice: 278, splice: 275, sendfile: 40, open: 2, unlink: 87, lseek: 8 } as const;

const piece = 65_536;
const total = 1024 * 1024 + 4096;
const flags = { create: 0o102 | 0o1000, direct: 0o40000 } as const;
const region = new Region(4 * piece);

function open(path: string, direct = false): number {
  return check(syscall6(more.open, cString(path), flags.create | (direct ? flags.direct : 0), 0o600), 'open', path);
}

function pipe(): [out: number, into: number] {
  const place = scratch(8);
  check(syscall3(sys.pipe2, place.address, 0), 'pipe2');
  return [place.data.getInt32(place.offset, true), place.data.getInt32(place.offset + 4, true)];
}

const close = (...descriptors: number[]): void => {
  for (const fd of descriptors) syscall3(sys.close, fd);
};

/** Moves `total` bytes by calls that move some, at most a piece. */
function move(some: (left: number) => number, what: string, bytes = total): number {
  let moved = 0;
  while (moved < bytes) moved += check(some(Math.min(piece, bytes - moved)), what);
  return moved;
}

const write = (fd: number) => (left: number) => syscall3(sys.write, fd, region.address, left);
const read = (fd: number) => (left: number) => syscall3(sys.read, fd, region.address, left);
const rewind = (fd: number): void => void syscall3(more.lseek, fd, 0, 0);

/** A file of `total` bytes in a folder, at its start, and gone from the folder. */
function filled(folder: string, name = 'filled', direct = false): number {
  const path = `${folder}/clearway-${name}`;
  const fd = open(path, direct);
  syscall3(more.unlink, cString(path));
  move(write(fd), 'write');
  rewind(fd);
  return fd;
}

type Workload = (folder: string) => Counters;

/** Moves from one file to another by a call on both. */
function betweenFiles(folder: string, by: (from: number, to: number) => (left: number) => number): Counters {
  const from = filled(folder, 'from');
  const path = `${folder}/clearway-to`;
  const to = open(path);
  syscall3(more.unlink, cString(path));
  const bytes = move(by(from, to), 'file to file');
  close(from, to);
  return { fileWritten: total, kernelWritten: bytes };
}

const splice = (from: number, to: number) => (left: number) => syscall6(more.splice, from, 0, to, 0, left, 0);

/** Sends by TCP, a piece at a time, and lets `take` take each piece out of the socket. */
function throughTcp(
  sendPiece: (socket: number) => (left: number) => number,
  take: (socket: number) => (left: number) => number,
) {
  const [sender, receiver] = tcpPair();
  setNonBlocking(sender, false);
  setNonBlocking(receiver, false);
  const send = sendPiece(sender);
  const takeSome = take(receiver);
  for (let moved = 0; moved < total; ) {
    const taken = check(send(Math.min(piece, total - moved)), 'send');
    for (let given = 0; given < taken; ) given += check(takeSome(taken - given), 'take');
    moved += taken;
  }
  close(sender, receiver);
}

/** Every workload by name; the folder says on which file system. */
export const fileWorkloads: Readonly<Record<string, Workload>> = {
  'file-write-read': (folder) => {
    const fd = filled(folder);
    const bytes = move(read(fd), 'read');
    close(fd);
    return { fileWritten: total, fileRead: bytes };
  },
  'file-sendfile-file': (folder) =>
    betweenFiles(folder, (from, to) => (left) => syscall6(more.sendfile, to, from, 0, left)),
  'file-copy-range': (folder) =>
    betweenFiles(folder, (from, to) => (left) => syscall6(more.copy_file_range, from, 0, to, 0, left, 0)),
  'file-splice-file': (folder) => {
    const [out, into] = pipe();
    const counters = betweenFiles(folder, (from, to) => (left) => {
      const held = check(splice(from, into)(left), 'splice');
      return move(splice(out, to), 'splice', held);
    });
    close(out, into);
    return counters;
  },
  'file-pipe-read': (folder) => {
    const fd = filled(folder);
    const [out, into] = pipe();
    move((left) => move(read(out), 'read', check(splice(fd, into)(left), 'splice')), 'splice');
    close(fd, out, into);
    return { fileWritten: total, pipeRead: total };
  },
  'tcp-splice-file': (folder) => {
    const path = `${folder}/clearway-received`;
    const fd = open(path);
    syscall3(more.unlink, cString(path));
    const [out, into] = pipe();
    throughTcp(
      (socket) => write(socket),
      (socket) => (left) => move(splice(out, fd), 'splice', check(splice(socket, into)(left), 'splice')),
    );
    close(fd, out, into);
    return { tcpSent: total, payloadSent: total, payloadReceived: total, splicedOut: total, kernelWritten: total };
  },
  'tcp-sendfile-pipe': (folder) => {
    const fd = filled(folder);
    const [out, into] = pipe();
    throughTcp(
      (socket) => (left) => syscall6(more.sendfile, socket, fd, 0, left),
      (socket) => (left) => move(read(out), 'read', check(splice(socket, into)(left), 'splice')),
    );
    close(fd, out, into);
    return {
      ...{ fileWritten: total, spliced: total, payloadSent: total },
      ...{ payloadReceived: total, splicedOut: total, pipeRead: total },
    };
  },
};

/** Workloads that need no file. */
export const pipeWorkloads: Readonly<Record<string, () => Counters>> = {
  'pipe-write-read': () => {
    const [out, into] = pipe();
    move((left) => move(read(out), 'read', check(write(into)(left), 'write')), 'write');
    close(out, into);
    return { pipeWritten: total, pipeRead: total };
  },
  'pipe-vmsplice-read': () => {
    const [out, into] = pipe();
    const vector = new Region(16);
    vector.data.setBigUint64(0, BigInt(region.address), true);
    const vmsplice = (left: number) => {
      vector.data.setBigUint64(8, BigInt(left), true);
      return syscall6(more.vmsplice, into, vector.address, 1, 0);
    };
    move((left) => move(read(out), 'read', check(vmsplice(left), 'vmsplice')), 'vmsplice');
    vector.unmap();
    close(out, into);
    return { pipeRead: total };
  },
  'udp-segmented': () => {
    const [left, right] = udpPair();
    check(setSocketOption(left, SOL.UDP, udpSegment, 1400), 'setsockopt', 'UDP_SEGMENT');
    let received = 0;
    for (let each = 0; each < 25; each++) {
      check(syscall6(sys.sendto, left, region.address, 42_000, 0, 0, 0), 'send');
      for (let part = 0; part < 30; part++) received += check(read(right)(piece), 'receive');
    }
    close(left, right);
    return { udpSent: 1_050_000, udpReceived: received, payloadSent: 1_050_000, payloadReceived: received };
  },
};

const udpSegment = 103;
const zerocopyReceive = 35;

/**
 * MSG_ZEROCOPY to TCP_ZEROCOPY_RECEIVE: what the kernel cannot map, it says how much of to read. The figures are those
 * that the calls gave; what loopback reverted is at least what was pinned.
 */
export function mappedWorkload(): Counters {
  const [sender, receiver] = tcpPair();
  pinning(sender);
  const mapAt = check(syscall6(sys.mmap, 0, piece, 1, 1, receiver, 0), 'mmap', 'a socket');
  const ask = new Region(4096);
  let mapped = 0;
  let readBytes = 0;
  for (let sent = 0; sent < total; ) {
    const taken = syscall6(sys.sendto, sender, region.address, Math.min(piece, total - sent), MSG.ZEROCOPY, 0, 0);
    sent += check(taken, 'send');
    while (mapped + readBytes < sent) {
      ask.bytes.fill(0, 0, 64);
      ask.data.setBigUint64(0, BigInt(mapAt), true);
      ask.data.setUint32(8, piece, true);
      ask.data.setUint32(64, 40, true);
      const result = syscall6(sys.getsockopt, receiver, SOL.TCP, zerocopyReceive, ask.address, ask.address + 64);
      check(result, 'getsockopt', 'TCP_ZEROCOPY_RECEIVE');
      mapped += ask.data.getUint32(8, true);
      const hint = ask.data.getUint32(12, true);
      if (hint > 0) readBytes += Math.max(0, read(receiver)(Math.min(hint, piece)));
    }
  }
  ask.unmap();
  syscall3(sys.munmap, mapAt, piece);
  close(sender, receiver);
  return {
    ...{ pinned: total, payloadSent: total, reverted: total },
    ...{ mapped, tcpReceived: readBytes, payloadReceived: total },
  };
}

/** What a direct file moves: not through the page cache. Needs a file system of a disk. */
export function directWorkload(folder: string): Counters {
  const fd = filled(folder, 'direct', true);
  move(read(fd), 'read', total);
  close(fd);
  return {};
}
