// Unix-domain sockets that listen, and what a descriptor that somebody handed over is. A name that begins with `@` is in Linux's
// abstract namespace: it has no file and ends with its socket (unix(7)). Not here: who may listen where (serve/listening.ts).

import { fchmodSync } from 'node:fs';
import { AF, SO, SOCK, SOL } from './constants.js';
import { Errno } from './errno.js';
import { syscall3, syscall6 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { closeDescriptor, getSocketOption } from './socket.js';
import { check } from './system-error.js';

/** Bytes of a name in struct sockaddr_un, and of the structure. */
const nameBytes = 108;
const addressBytes = 2 + nameBytes;

/** The longest name in bytes: of a path the end is a zero. */
export const longestUnixName: number = nameBytes - 1;

/** A longer name would be cut, and another socket meant. */
const isTooLong = (name: string): boolean => Buffer.byteLength(name) > longestUnixName;

function writeUnixAddress(name: string): { address: number; length: number } {
  const isAbstract = name.startsWith('@');
  const place = scratch(addressBytes);
  const { bytes, data, offset } = place;
  bytes.fill(0, offset, offset + addressBytes);
  data.setUint16(offset, AF.UNIX, true);
  const { written } = new TextEncoder().encodeInto(name, bytes.subarray(offset + 2, offset + 2 + longestUnixName));
  if (isAbstract) bytes[offset + 2] = 0;
  return { address: place.address, length: 2 + written + (isAbstract ? 0 : 1) };
}

function unixSocket(flags: number): number {
  return check(syscall3(sys.socket, AF.UNIX, SOCK.STREAM | SOCK.CLOEXEC | flags, 0), 'socket', 'AF_UNIX');
}

/**
 * Binds and listens. The file gets at most the permissions of `mode`: those of the socket when it is bound, without the umask
 * (net/unix/af_unix.c, unix_bind_bsd). Returns the descriptor or -errno (-EADDRINUSE: the name is taken).
 */
export function listenUnix(name: string, mode = 0o777, backlog = 4096): number {
  if (isTooLong(name)) return -Errno.ENAMETOOLONG;
  const fd = unixSocket(0);
  fchmodSync(fd, mode);
  const { address, length } = writeUnixAddress(name);
  let result = syscall3(sys.bind, fd, address, length);
  if (result >= 0) result = syscall3(sys.listen, fd, backlog);
  if (result >= 0) return fd;
  closeDescriptor(fd);
  return result;
}

/** Whether somebody accepts at a name: 0, or -errno (-ECONNREFUSED: the one who did has gone). It never waits. */
export function probeUnix(name: string): number {
  if (isTooLong(name)) return -Errno.ENAMETOOLONG;
  const fd = unixSocket(SOCK.NONBLOCK);
  const { address, length } = writeUnixAddress(name);
  const result = syscall3(sys.connect, fd, address, length);
  closeDescriptor(fd);
  // The queue is full of others who wait: somebody is there.
  return result === -Errno.EAGAIN ? 0 : result;
}

/** Connects to a name, without waiting. Returns a descriptor that does not wait, or -errno (-ECONNREFUSED, -ENOENT: nobody listens). */
export function connectUnix(name: string): number {
  if (isTooLong(name)) return -Errno.ENAMETOOLONG;
  const fd = unixSocket(SOCK.NONBLOCK);
  const { address, length } = writeUnixAddress(name);
  const result = syscall3(sys.connect, fd, address, length);
  if (result >= 0) return fd;
  closeDescriptor(fd);
  return result;
}

/** Who connected to a Unix socket, or whom it connected to (SO_PEERCRED); undefined where nobody did. */
export function unixPeer(fd: number): { readonly processId: number; readonly userId: number } | undefined {
  const place = scratch(16);
  const { data, offset, address } = place;
  data.setInt32(offset, 12, true);
  if (syscall6(sys.getsockopt, fd, SOL.SOCKET, SO.PEERCRED, address + 4, address) < 0) return undefined;
  const processId = data.getInt32(offset + 4, true);
  return processId > 0 ? { processId, userId: data.getUint32(offset + 8, true) } : undefined;
}

/** Whether a descriptor is a Unix stream socket that is connected. */
export function hasUnixPeer(fd: number): boolean {
  if (getSocketOption(fd, SOL.SOCKET, SO.DOMAIN) !== AF.UNIX) return false;
  if (getSocketOption(fd, SOL.SOCKET, SO.TYPE) !== SOCK.STREAM) return false;
  const place = scratch(addressBytes + 16);
  place.data.setInt32(place.offset + addressBytes, addressBytes, true);
  return syscall3(sys.getpeername, fd, place.address, place.address + addressBytes) >= 0;
}

/** The name a Unix socket is bound to, `@` in front of an abstract one; empty where it has none. @throws SystemError */
export function unixName(fd: number): string {
  const place = scratch(addressBytes + 16);
  const { bytes, data, offset } = place;
  data.setInt32(offset + addressBytes, addressBytes, true);
  check(syscall3(sys.getsockname, fd, place.address, place.address + addressBytes), 'getsockname');
  const length = Math.min(data.getInt32(offset + addressBytes, true), addressBytes);
  const isAbstract = length > 2 && bytes[offset + 2] === 0;
  const start = offset + 2 + (isAbstract ? 1 : 0);
  let end = offset + length;
  if (!isAbstract) while (end > start && bytes[end - 1] === 0) end--;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(0, end - start)).toString('utf8');
  return isAbstract ? `@${text}` : text;
}

/** What a descriptor is that somebody handed over. */
export type HandedSocket = 'tcp' | 'unix' | { readonly problem: string };

/** Whether a descriptor is a stream socket that listens; else what it is, as the rest of a sentence. */
export function examineSocket(fd: number): HandedSocket {
  const domain = getSocketOption(fd, SOL.SOCKET, SO.DOMAIN);
  if (domain === -Errno.EBADF) return { problem: 'is not open' };
  if (domain < 0) return { problem: 'is no socket' };
  if (domain !== AF.INET && domain !== AF.INET6 && domain !== AF.UNIX)
    return { problem: 'is a socket of another family' };
  if (getSocketOption(fd, SOL.SOCKET, SO.TYPE) !== SOCK.STREAM) return { problem: 'is no stream socket' };
  if (getSocketOption(fd, SOL.SOCKET, SO.ACCEPTCONN) !== 1) return { problem: 'does not listen' };
  return domain === AF.UNIX ? 'unix' : 'tcp';
}
