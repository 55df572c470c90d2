// Sockets: one typed function per system call. The hot ones return the kernel's value or -errno; the cold ones throw.
// Not here: buffering, retries, readiness (the engines and transport/).

import { networkInterfaces } from 'node:os';
import { isAddress } from './address-text.js';
import { AF, F, FD, IPPROTO, IPV6, MSG, O, SHUT, SO, SOCK, SOL, TCP } from './constants.js';
import { Errno } from './errno.js';
import { syscall3, syscall6 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { check, SystemError } from './system-error.js';
import { setLittle64 } from './words.js';

const socketAddressBytes = 28;

/** An address of the internet family: `127.0.0.1` or `::1`, and a port. */
export interface SocketAddress {
  readonly host: string;
  readonly port: number;
}

function parseIPv6(text: string): number[] {
  const zone = text.indexOf('%');
  const plain = zone < 0 ? text : text.slice(0, zone);
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(plain);
  const normal =
    dotted === null
      ? plain
      : `${dotted[1]}${((+dotted[2]! << 8) | +dotted[3]!).toString(16)}:${((+dotted[4]! << 8) | +dotted[5]!).toString(16)}`;
  const [before = '', after] = normal.split('::');
  const head = before === '' ? [] : before.split(':');
  const tail = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? 0 : 8 - head.length - tail.length;
  return [...head, ...new Array<string>(zeros).fill('0'), ...tail].map((group) => Number.parseInt(group, 16));
}

/** The number of the interface that a link-local address names behind its `%`: given as such, or by its name. */
function scopeOf(host: string): number {
  const zone = host.indexOf('%') < 0 ? '' : host.slice(host.indexOf('%') + 1);
  if (zone === '' || /^\d+$/.test(zone)) return Number(zone);
  const named = (networkInterfaces()[zone] ?? []).find((entry) => entry.family === 'IPv6');
  return named?.family === 'IPv6' ? named.scopeid : 0;
}

/** Of an address that {@link checkAddress} took. (Node's isIPv6 compiles a large pattern first: 5 ms in every thread.) */
function isIPv6(host: string): boolean {
  return host.includes(':');
}

/** A name, a shortened or an octal form would silently become another address. */
function checkAddress(address: SocketAddress): void {
  const { host, port } = address;
  if (!isAddress(host)) {
    throw new SystemError(Errno.EINVAL, 'bind or connect', `"${host}"`, 'give a whole IPv4 or IPv6 address');
  }
  if (!Number.isInteger(port) || port < 0 || port > 65535) {
    throw new SystemError(Errno.EINVAL, 'bind or connect', `port ${port}`, 'a port is a number from 0 to 65535');
  }
}

/** The 16 bytes of an address, IPv4 within IPv6 (`::ffff:10.0.0.1`). @throws SystemError EINVAL: no whole address, no port */
export function addressBytes(address: SocketAddress): Uint8Array {
  checkAddress(address);
  const host = isIPv6(address.host) ? address.host : `::ffff:${address.host}`;
  return Uint8Array.from(parseIPv6(host).flatMap((group) => [group >> 8, group & 0xff]));
}

/**
 * The struct sockaddr_in or sockaddr_in6 of an address, in scratch memory: where it is and its bytes.
 * The host must be an address; the zone of a link-local one (`fe80::1%eth0`) becomes its scope.
 */
export function writeSocketAddress(address: SocketAddress): { address: number; length: number; offset: number } {
  const place = scratch(socketAddressBytes);
  const { bytes, data, offset } = place;
  bytes.fill(0, offset, offset + socketAddressBytes);
  data.setUint16(offset + 2, address.port, false);
  if (isIPv6(address.host)) {
    data.setUint16(offset, AF.INET6, true);
    parseIPv6(address.host).forEach((group, index) => {
      data.setUint16(offset + 8 + index * 2, group, false);
    });
    data.setUint32(offset + 24, scopeOf(address.host), true);
    return { address: place.address, length: 28, offset };
  }
  data.setUint16(offset, AF.INET, true);
  address.host.split('.').forEach((part, index) => {
    bytes[offset + 4 + index] = Number(part);
  });
  return { address: place.address, length: 16, offset };
}

/**
 * Reads a struct sockaddr_in or sockaddr_in6. An IPv4 address within IPv6 comes as IPv4; another family has an empty
 * host.
 */
export function readSocketAddress(bytes: Uint8Array, data: DataView, offset: number): SocketAddress {
  const family = data.getUint16(offset, true);
  const port = data.getUint16(offset + 2, false);
  if (family === AF.INET) {
    return { host: `${bytes[offset + 4]}.${bytes[offset + 5]}.${bytes[offset + 6]}.${bytes[offset + 7]}`, port };
  }
  return family === AF.INET6 ? { host: readAddressBytes(data, offset + 8), port } : { host: '', port: 0 };
}

/** The text of an address of 16 bytes; an IPv4 address within IPv6 comes as IPv4. */
export function readAddressBytes(data: DataView, offset: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => data.getUint16(offset + index * 2, false));
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return [groups[6]! >> 8, groups[6]! & 255, groups[7]! >> 8, groups[7]! & 255].join('.');
  }
  return formatIPv6(groups);
}

/** The one canonical text of an address: lower case, the longest run of zeros left out, the first of equals (RFC 5952). */
function formatIPv6(groups: readonly number[]): string {
  let longest = 1;
  let longestAt = -1;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > longest) {
      longest = end - start;
      longestAt = start;
    }
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  if (longestAt < 0) return text(groups);
  return `${text(groups.slice(0, longestAt))}::${text(groups.slice(longestAt + longest))}`;
}

/** socket(2) for TCP in the family of `host`, close-on-exec. @throws SystemError EMFILE, ENFILE, EAFNOSUPPORT. */
export function createTcpSocket(host: string): number {
  const family = isIPv6(host) ? AF.INET6 : AF.INET;
  return check(syscall3(sys.socket, family, SOCK.STREAM | SOCK.CLOEXEC, 0), 'socket', host);
}

/** setsockopt(2) with one integer. Returns 0 or -errno. */
export function setSocketOption(fd: number, level: number, option: number, value: number): number {
  const place = scratch(4);
  place.data.setInt32(place.offset, value, true);
  return syscall6(sys.setsockopt, fd, level, option, place.address, 4);
}

/** getsockopt(2) of one integer. Returns the value; -errno when it fails (options read here are not negative). */
export function getSocketOption(fd: number, level: number, option: number): number {
  const place = scratch(8);
  place.data.setInt32(place.offset, 0, true);
  place.data.setInt32(place.offset + 4, 4, true);
  const result = syscall6(sys.getsockopt, fd, level, option, place.address, place.address + 4);
  return result < 0 ? result : place.data.getInt32(place.offset, true);
}

/** How to open a listening socket. */
export interface ListenOptions extends SocketAddress {
  /** Connections the kernel queues before accept. Default 4096 (the kernel caps it at net.core.somaxconn). */
  readonly backlog?: number;
  /** SO_REUSEPORT: several sockets share the port and the kernel spreads connections. */
  readonly reusePort?: boolean;
  /** Of an IPv6 address: IPv4 is somebody else's. Default false: `::` takes both. */
  readonly v6Only?: boolean;
  /** O_NONBLOCK. */
  readonly nonBlocking?: boolean;
}

/**
 * socket, bind and listen in one. Accepted sockets inherit TCP_NODELAY: responses are whole when they are sent.
 * @throws SystemError EADDRINUSE, EACCES, EADDRNOTAVAIL, EINVAL (not an address), each with its fix.
 */
export function listenTcp(options: ListenOptions): number {
  checkAddress(options);
  const fd = createTcpSocket(options.host);
  const where = isIPv6(options.host) ? `[${options.host}]:${options.port}` : `${options.host}:${options.port}`;
  try {
    check(setSocketOption(fd, SOL.SOCKET, SO.REUSEADDR, 1), 'setsockopt', 'SO_REUSEADDR');
    if (options.reusePort === true)
      check(setSocketOption(fd, SOL.SOCKET, SO.REUSEPORT, 1), 'setsockopt', 'SO_REUSEPORT');
    check(setSocketOption(fd, IPPROTO.TCP, TCP.NODELAY, 1), 'setsockopt', 'TCP_NODELAY');
    // The default is a sysctl (net.ipv6.bindv6only).
    if (isIPv6(options.host)) {
      check(setSocketOption(fd, SOL.IPV6, IPV6.V6ONLY, options.v6Only === true ? 1 : 0), 'setsockopt', 'IPV6_V6ONLY');
    }
    const name = writeSocketAddress(options);
    const bound = syscall3(sys.bind, fd, name.address, name.length);
    if (bound < 0) throw new SystemError(-bound, 'bind', where, bindHint(-bound, options));
    check(syscall3(sys.listen, fd, options.backlog ?? 4096), 'listen', where);
    if (options.nonBlocking === true) setNonBlocking(fd, true);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function bindHint(errno: number, { host, port }: SocketAddress): string | undefined {
  if (errno === Errno.EADDRINUSE)
    return `another process listens there: choose another port (0 takes any free one), or find it with \`ss -ltnp sport = :${port}\``;
  if (errno === Errno.EACCES) return 'ports below 1024 need CAP_NET_BIND_SERVICE: choose a higher one';
  if (errno === Errno.EADDRNOTAVAIL) return 'this host has no such address: `ip address` lists what it has';
  if (errno === Errno.EINVAL && /^fe[89ab]/i.test(host))
    return 'a link-local address needs its interface: fe80::1%eth0, as `ip -6 address` lists it';
  return undefined;
}

/** Connects a new blocking TCP socket. @throws SystemError ECONNREFUSED, ETIMEDOUT, ... @returns its descriptor. */
export function connectTcp(address: SocketAddress): number {
  checkAddress(address);
  const fd = createTcpSocket(address.host);
  const name = writeSocketAddress(address);
  const result = syscall3(sys.connect, fd, name.address, name.length);
  if (result < 0) {
    closeDescriptor(fd);
    throw new SystemError(-result, 'connect', `${address.host}:${address.port}`);
  }
  return fd;
}

function socketName(number: number, call: string, fd: number): SocketAddress {
  const place = scratch(128 + 16);
  place.data.setInt32(place.offset + 128, 128, true);
  check(syscall3(number, fd, place.address, place.address + 128), call);
  return readSocketAddress(place.bytes, place.data, place.offset);
}

/** getsockname(2): this end's address. @throws SystemError. */
export function localAddress(fd: number): SocketAddress {
  return socketName(sys.getsockname, 'getsockname', fd);
}

/** getpeername(2): the other end's address. @throws SystemError ENOTCONN when it is gone. */
export function peerAddress(fd: number): SocketAddress {
  return socketName(sys.getpeername, 'getpeername', fd);
}

/** True while a socket is connected: false when its peer is gone for good, and for what is no socket. */
export function hasPeer(fd: number): boolean {
  const place = scratch(132);
  place.data.setUint32(place.offset + 128, 128, true);
  return syscall3(sys.getpeername, fd, place.address, place.address + 128) >= 0;
}

/** accept4(2) without the peer's address; the new socket is non-blocking and close-on-exec. Returns it or -errno. */
export function acceptNonBlocking(fd: number): number {
  return syscall6(sys.accept4, fd, 0, 0, SOCK.NONBLOCK | SOCK.CLOEXEC);
}

/** accept4(2) without the peer's address; the new socket blocks and is close-on-exec. Returns it or -errno. */
export function acceptBlocking(fd: number): number {
  return syscall6(sys.accept4, fd, 0, 0, SOCK.CLOEXEC);
}

/**
 * shutdown(2) of a listening socket: connections that wait on it are reset, later ones refused, and the descriptor stays
 * (net/ipv4/af_inet.c, inet_shutdown). Returns 0 or -errno.
 */
export function shutdownListening(fd: number): number {
  return syscall3(sys.shutdown, fd, SHUT.RD);
}

/** recv(2) into memory at `address`. Returns bytes, 0 at the end of the stream, or -errno. */
export function receive(fd: number, address: number, length: number): number {
  return syscall6(sys.recvfrom, fd, address, length, 0, 0, 0);
}

/** send(2) from memory at `address`, never a SIGPIPE. `flags` adds MSG bits. Returns bytes taken or -errno. */
export function send(fd: number, address: number, length: number, flags: number): number {
  return syscall6(sys.sendto, fd, address, length, flags | MSG.NOSIGNAL, 0, 0);
}

/** sendmsg(2) of a msghdr at `address`, never a SIGPIPE. Returns bytes taken or -errno. */
export function sendMessage(fd: number, address: number, flags: number): number {
  return syscall3(sys.sendmsg, fd, address, flags | MSG.NOSIGNAL);
}

/**
 * sendfile(2): `length` bytes of `file` from `offset` to a socket, by reference, in the kernel.
 * Returns bytes taken (may be fewer, with no reason given; 0: the file ends here) or -errno.
 */
export function sendFile(fd: number, file: number, offset: number, length: number): number {
  const place = scratch(8);
  setLittle64(place.data, place.offset, offset);
  return syscall6(sys.sendfile, fd, file, place.address, length);
}

/**
 * TCP_CORK: while it is on, what does not fill a packet waits for what follows (200 ms at most); off sends it. For calls that have no
 * MSG_MORE. Returns 0 or -errno.
 */
export function corkSocket(fd: number, on: boolean): number {
  return setSocketOption(fd, IPPROTO.TCP, TCP.CORK, on ? 1 : 0);
}

/** shutdown(2) of the sending direction: the peer reads what was sent and then the end. Returns 0 or -errno. */
export function shutdownSending(fd: number): number {
  return syscall3(sys.shutdown, fd, SHUT.WR);
}

/**
 * recv(2) with MSG_TRUNC, which on TCP throws away up to `length` bytes that have arrived, without a copy (tcp(7)).
 * Returns how many, 0 when the peer ended its side, or -errno (-EAGAIN: nothing is there).
 */
export function discardReceived(fd: number, length: number): number {
  return syscall6(sys.recvfrom, fd, 0, length, MSG.TRUNC | MSG.DONTWAIT, 0, 0);
}

/** close(2). Returns 0 or -errno; the number is free in either case. */
export function closeDescriptor(fd: number): number {
  return syscall3(sys.close, fd);
}

/** Whether close_range(2) can be called: Linux 5.9, and a filter that lets it through. */
let rangesClose = true;

/** close(2) of each descriptor from `first` to `last`, by one call where there is one. */
export function closeDescriptors(first: number, last: number): void {
  if (rangesClose) {
    if (syscall3(sys.close_range, first, last, 0) >= 0) return;
    // Whatever refused it closed none of them.
    rangesClose = false;
  }
  for (let fd = first; fd <= last; fd++) closeDescriptor(fd);
}

const FIONBIO = 0x5421;

/** Sets or clears O_NONBLOCK with one ioctl(FIONBIO). Returns 0 or -errno. */
export function setNonBlocking(fd: number, on: boolean): number {
  const place = scratch(4);
  place.data.setInt32(place.offset, on ? 1 : 0, true);
  return syscall3(sys.ioctl, fd, FIONBIO, place.address);
}

const sslMaxPacingRate = 47;

/** SO_MAX_PACING_RATE: bytes a second at most on this socket (-1: no limit). Returns 0 or -errno. */
export function setPacingRate(fd: number, bytesPerSecond: number): number {
  // The option is a 32-bit number here; its largest value means: no limit.
  return setSocketOption(fd, SOL.SOCKET, sslMaxPacingRate, Math.min(bytesPerSecond, 0xffff_ffff));
}

/** Makes close() send a reset instead of lingering: for a peer whose response cannot be completed. */
export function resetOnClose(fd: number): number {
  const place = scratch(8);
  place.data.setInt32(place.offset, 1, true);
  place.data.setInt32(place.offset + 4, 0, true);
  return syscall6(sys.setsockopt, fd, SOL.SOCKET, SO.LINGER, place.address, 8);
}

/** A descriptor that refers to the same open file. @throws SystemError EMFILE, EBADF. */
export function duplicateDescriptor(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return check(syscall3(sys.fcntl, fd, F_DUPFD_CLOEXEC, 0), 'fcntl', 'F_DUPFD_CLOEXEC');
}

/** True when the descriptor has O_NONBLOCK set. */
export function isNonBlocking(fd: number): boolean {
  const F_GETFL = 3;
  return (check(syscall3(sys.fcntl, fd, F_GETFL, 0), 'fcntl', 'F_GETFL') & O.NONBLOCK) !== 0;
}

const SIOCOUTQ = 0x5411;

/** Bytes given to a socket that its peer has not acknowledged yet (ioctl SIOCOUTQ); 0 when it cannot be asked. */
export function unsentBytes(fd: number): number {
  const place = scratch(4);
  const result = syscall3(sys.ioctl, fd, SIOCOUTQ, place.address);
  return result < 0 ? 0 : place.data.getInt32(place.offset, true);
}

/** Sees to it that programs that are started do not get the descriptor. @throws SystemError */
export function closeOnExec(fd: number): void {
  const result = syscall3(sys.fcntl, fd, F.SETFD, FD.CLOEXEC);
  if (result < 0) throw new SystemError(-result, 'fcntl', `descriptor ${fd}`);
}
