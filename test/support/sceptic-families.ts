// Workloads of a doubter on other kinds of sockets than the usual: raw, netlink, packet, MPTCP, Fast Open, UDP over IPv6. Not every
// kernel has or allows them: then they throw the kernel's refusal.

import { AF, MSG, SOCK } from '../../src/kernel/constants.js';
import { syscall3, syscall6 } from '../../src/kernel/ffi.js';
import { scratch } from '../../src/kernel/memory.js';
import { sys } from '../../src/kernel/numbers.js';
import { check } from '../../src/kernel/system-error.js';
import type { Counters } from '../../src/meter/accounts/accounts.js';
import { at, both, close, drain, piece, place, receive, region, send, tcp, udp, view } from './sceptic-parts.js';

/** A raw ICMP socket sends to itself. */
export function rawSocket(): Counters {
  const icmp = check(syscall3(sys.socket, AF.INET, SOCK.RAW, 1), 'socket', 'raw ICMP');
  const target = scratch(16);
  target.bytes.fill(0, target.offset, target.offset + 16);
  target.data.setUint16(target.offset, AF.INET, true);
  target.data.setUint32(target.offset + 4, 0x7f000001, false);
  // An echo reply (type 0) nobody waits for: the kernel answers none to it. Every raw ICMP socket is given it.
  region.bytes.fill(0, 0, 64);
  region.bytes[2] = 0xff;
  region.bytes[3] = 0xff;
  check(syscall6(sys.sendto, icmp, at.send, 64, MSG.DONTWAIT, target.address, 16), 'sendto');
  const given = check(receive(icmp, piece), 'receive');
  close(icmp);
  return { otherSent: 64, otherReceived: given, payloadSent: 64, payloadReceived: given };
}

/** rtnetlink's list of devices, each part peeked at first. */
export function netlink(): Counters {
  const socket = check(syscall3(sys.socket, AF.NETLINK, SOCK.RAW, 0), 'socket', 'netlink');
  // RTM_GETLINK, dump (rtnetlink(7)): 16 bytes of nlmsghdr, 16 of ifinfomsg.
  region.bytes.fill(0, 0, 32);
  view.setUint32(0, 32, true);
  view.setUint16(4, 18, true);
  view.setUint16(6, 0x301, true);
  check(send(socket, 32), 'send');
  let received = 0;
  let peeked = 0;
  for (;;) {
    const seen = check(receive(socket, 100, MSG.PEEK), 'receive');
    peeked += seen;
    const given = check(receive(socket, piece), 'receive');
    received += given;
    // NLMSG_DONE
    if (view.getUint16(place(at.receive) + 4, true) === 3) break;
  }
  close(socket);
  return { otherSent: 32, otherReceived: received + peeked, payloadSent: 32, payloadReceived: received };
}

/** Frames of an experimental kind on loopback, sent and seen by one packet socket that asks for no others. */
export function packetSocket(): Counters {
  const experimental = 0x88b5;
  const inNetworkOrder = 0xb588;
  const socket = check(syscall3(sys.socket, 17, SOCK.RAW, inNetworkOrder), 'socket', 'AF_PACKET');
  const name = scratch(24);
  name.bytes.fill(0, name.offset, name.offset + 24);
  name.data.setUint16(name.offset, 17, true);
  name.data.setUint16(name.offset + 2, experimental, false);
  name.data.setInt32(name.offset + 4, 1, true);
  check(syscall3(sys.bind, socket, name.address, 20), 'bind', 'lo');
  region.bytes.fill(0, 0, 14);
  view.setUint16(12, experimental, false);
  check(syscall6(sys.sendto, socket, at.send, 1014, MSG.DONTWAIT, name.address, 20), 'sendto');
  // Once on its way out, once on its way in.
  let received = 0;
  for (let given = receive(socket, piece); given > 0; given = receive(socket, piece)) received += given;
  close(socket);
  return { otherSent: 1014, otherReceived: received, payloadSent: 1014, payloadReceived: received };
}

const protocolMptcp = 262;

/** MPTCP over loopback, one path. */
export function multipath(): Counters {
  const listener = check(syscall3(sys.socket, AF.INET, SOCK.STREAM, protocolMptcp), 'socket', 'MPTCP');
  const name = scratch(20);
  name.bytes.fill(0, name.offset, name.offset + 20);
  name.data.setUint16(name.offset, AF.INET, true);
  name.data.setUint32(name.offset + 4, 0x7f000001, false);
  check(syscall3(sys.bind, listener, name.address, 16), 'bind');
  check(syscall3(sys.listen, listener, 1), 'listen');
  name.data.setInt32(name.offset + 16, 16, true);
  check(syscall3(sys.getsockname, listener, name.address, name.address + 16), 'getsockname');
  const sender = check(syscall3(sys.socket, AF.INET, SOCK.STREAM, protocolMptcp), 'socket', 'MPTCP');
  check(syscall3(sys.connect, sender, name.address, 16), 'connect');
  const receiver = check(syscall6(sys.accept4, listener, 0, 0, 0), 'accept');
  check(send(sender, 50_000), 'send');
  for (let given = 0; given < 50_000; ) given += Math.max(0, receive(receiver, piece));
  close(listener, sender, receiver);
  return { otherSent: 50_000, otherReceived: 50_000, ...both(50_000) };
}

/** TCP Fast Open: the connection is made by the first send. */
export function fastOpen(): Counters {
  const listener = check(syscall3(sys.socket, AF.INET, SOCK.STREAM, 0), 'socket');
  const name = scratch(20);
  name.bytes.fill(0, name.offset, name.offset + 20);
  name.data.setUint16(name.offset, AF.INET, true);
  name.data.setUint32(name.offset + 4, 0x7f000001, false);
  check(syscall3(sys.bind, listener, name.address, 16), 'bind');
  check(syscall3(sys.listen, listener, 1), 'listen');
  name.data.setInt32(name.offset + 16, 16, true);
  check(syscall3(sys.getsockname, listener, name.address, name.address + 16), 'getsockname');
  const sender = check(syscall3(sys.socket, AF.INET, SOCK.STREAM, 0), 'socket');
  check(syscall6(sys.sendto, sender, at.send, 5000, MSG.FASTOPEN, name.address, 16), 'sendto', 'MSG_FASTOPEN');
  const receiver = check(syscall6(sys.accept4, listener, 0, 0, 0), 'accept');
  drain(receiver, 5000);
  close(listener, sender, receiver);
  return tcp(5000);
}

/** A UDP socket of IPv6 that sends to itself. */
export function udpV6(): Counters {
  const socket = check(syscall3(sys.socket, AF.INET6, SOCK.DGRAM, 0), 'socket', 'UDP over IPv6');
  const name = scratch(32);
  name.bytes.fill(0, name.offset, name.offset + 32);
  name.data.setUint16(name.offset, AF.INET6, true);
  name.bytes[name.offset + 23] = 1;
  check(syscall3(sys.bind, socket, name.address, 28), 'bind', '::1');
  name.data.setInt32(name.offset + 28, 28, true);
  check(syscall3(sys.getsockname, socket, name.address, name.address + 28), 'getsockname');
  check(syscall3(sys.connect, socket, name.address, 28), 'connect', '::1');
  check(send(socket, 30_000), 'send');
  drain(socket, 30_000);
  close(socket);
  return udp(30_000);
}
