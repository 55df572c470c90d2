// Pairs of connected sockets within this process, for checks that move known bytes: unix streams and UDP on loopback.
// TCP pairs are made of socket.ts's own functions.

import { AF, SOCK } from './constants.js';
import { syscall3, syscall6 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { closeDescriptor, type SocketAddress, writeSocketAddress } from './socket.js';
import { check } from './system-error.js';

/** socketpair(2) of unix stream sockets, non-blocking. @throws SystemError EMFILE, ENFILE. */
export function unixStreamPair(): [number, number] {
  const place = scratch(8);
  const kind = SOCK.STREAM | SOCK.NONBLOCK | SOCK.CLOEXEC;
  check(syscall6(sys.socketpair, AF.UNIX, kind, 0, place.address), 'socketpair');
  return [place.data.getInt32(place.offset, true), place.data.getInt32(place.offset + 4, true)];
}

/** A UDP socket of one's own address, connected to another, in this thread's network namespace; non-blocking. @throws SystemError */
export function connectedUdp(own: SocketAddress, peer: SocketAddress): number {
  const kind = SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC;
  const fd = check(syscall3(sys.socket, AF.INET, kind, 0), 'socket', 'UDP');
  try {
    const from = writeSocketAddress(own);
    check(syscall3(sys.bind, fd, from.address, from.length), 'bind', own.host);
    const to = writeSocketAddress(peer);
    check(syscall3(sys.connect, fd, to.address, to.length), 'connect', peer.host);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Two UDP sockets on 127.0.0.1, each connected to the other. @throws SystemError where loopback is down. */
export function udpPair(): [number, number] {
  const pair: number[] = [];
  try {
    for (let each = 0; each < 2; each++) {
      pair.push(check(syscall3(sys.socket, AF.INET, SOCK.DGRAM | SOCK.NONBLOCK | SOCK.CLOEXEC, 0), 'socket', 'UDP'));
    }
    const [left, right] = pair as [number, number];
    const name = scratch(32);
    const loopback = (port: number) => {
      name.bytes.fill(0, name.offset, name.offset + 16);
      name.data.setUint16(name.offset, AF.INET, true);
      name.data.setUint16(name.offset + 2, port, false);
      name.data.setUint32(name.offset + 4, 0x7f000001, false);
    };
    for (const fd of [left, right]) {
      loopback(0);
      check(syscall3(sys.bind, fd, name.address, 16), 'bind', '127.0.0.1');
    }
    for (const [fd, peer] of [
      [left, right],
      [right, left],
    ] as const) {
      name.data.setInt32(name.offset + 16, 16, true);
      check(syscall3(sys.getsockname, peer, name.address, name.address + 16), 'getsockname');
      check(syscall3(sys.connect, fd, name.address, 16), 'connect', '127.0.0.1');
    }
    return [left, right];
  } catch (error) {
    for (const fd of pair) closeDescriptor(fd);
    throw error;
  }
}

/** gettid(2): the id of the calling thread, as the kernel knows it. */
export function threadId(): number {
  return syscall3(sys.gettid);
}
