// A port that the kernel keeps for us and does nothing with: somebody else takes its packets before they reach the kernel's own TCP/IP. Not here: listening (socket.ts).

import { isIPv6 } from 'node:net';
import { AF, IPV6, SO, SOCK, SOL } from './constants.js';
import { syscall3 } from './ffi.js';
import { sys } from './numbers.js';
import { closeDescriptor, setSocketOption, writeSocketAddress } from './socket.js';

/**
 * Takes a port of an address, so that no other program of this host gets it, until the descriptor is closed. Returns the descriptor, or -errno (EADDRINUSE: a program has
 * it; EADDRNOTAVAIL: the host has no such address).
 */
export function reservePort(protocol: 'tcp' | 'udp', host: string, port: number): number {
  const family = isIPv6(host) ? AF.INET6 : AF.INET;
  const fd = syscall3(sys.socket, family, (protocol === 'tcp' ? SOCK.STREAM : SOCK.DGRAM) | SOCK.CLOEXEC, 0);
  if (fd < 0) return fd;
  // Connections of before that still wait for their end do not keep it from us...
  if (protocol === 'tcp') setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 1);
  if (isIPv6(host)) setSocketOption(fd, SOL.IPV6, IPV6.V6ONLY, 1);
  const name = writeSocketAddress({ host, port });
  const result = syscall3(sys.bind, fd, name.address, name.length);
  if (result < 0) {
    closeDescriptor(fd);
    return result;
  }
  // ...and from now on nobody shares it (inet_csk_bind_conflict asks both sockets).
  if (protocol === 'tcp') setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 0);
  return fd;
}
