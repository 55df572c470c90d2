// UDP (RFC 768): sockets that receive datagrams in the frames in which they came, and send what lies in a frame. One socket for a port. Not here: datagrams
// larger than the way carries, broadcast and multicast.

import { isIpv4, isNone, isOurs, isSame, putAddress, sourceFor } from './addresses';
import { take } from './arena';
import { be16, putBe16 } from './bytes';
import { checksumOf } from './checksum';
import { sayPortUnreachable } from './complain';
import { Figure, Place, Setting, SocketEvent } from './control';
import { forgetEvents, postEvent } from './events';
import { control, count, putPlace, setting } from './figures';
import { frameForSegment, frameOf, isInFrame, lendFrame, reclaimFrame, releaseFrame } from './frames';
import { ipv4Bytes, ipv6Bytes } from './ip/headers';
import { ipOutput, segmentRoom } from './ip/output';
import { pathMtu } from './ip/paths';
import { isChecksumRight, protocolUdp, pseudoSum } from './ip/pseudo';
import { random64 } from './random';

/** A socket; its row of datagrams lies behind it. */
@unmanaged
class UdpSocket {
  /** `::`: any of our addresses. */
  local0: u64;
  local1: u64;
  /** 0: closed. */
  port: u32;
  head: u32;
  waiting: u32;
  /** What the other side's host said of something that was sent: -errno, told once. */
  error: i32;
}

/** A datagram that waits. */
@unmanaged
class Datagram {
  remote0: u64;
  remote1: u64;
  payload: u32;
  length: u32;
  port: u32;
  unused: u32;
}

const headerBytes: u32 = 8;
/** Where a datagram that is to be sent begins in its frame. */
const payloadAt: usize = 64;
/** As many as a turn takes in by default: an application that takes all after each turn loses none. */
const rowLength: u32 = 256;
const datagramBytes: u32 = 32;
const socketBytes: u32 = 32 + rowLength * datagramBytes;
const firstPort: u32 = 49152;

let table: usize = 0;
let sockets: u32 = 0;
let firstNumber: u32 = 0;
/** The number of a port's socket, and one more (u16): 0: none. */
let ports: usize = 0;
/** Frames that wait in all rows, and how many may. */
let waitingFrames: u32 = 0;
let waitingMost: u32 = 0;

/** Lays out sockets. Returns whether there was room. */
export function configureUdp(): bool {
  sockets = setting(Setting.udpSockets);
  firstNumber = setting(Setting.connections);
  waitingFrames = 0;
  waitingMost = setting(Setting.frameCount) >> 2;
  table = take(sockets * socketBytes, 64);
  ports = take(0x20000, 64);
  return table !== 0 && ports !== 0;
}

/** Opens a socket for a port (0: any free one) of one of our addresses, or of all (`::` or 0.0.0.0). Returns its number or -errno. */
export function udpOpen(address: usize, port: u32): i32 {
  if (port > 0xffff) return -22;
  const isAny = isNone(address) || (isIpv4(address) && load<u32>(address, 12) === 0);
  if (!isAny && !isOurs(address)) return -99;
  const chosen = port === 0 ? freePort() : port;
  if (chosen === 0 || load<u16>(ports + ((<usize>chosen) << 1)) !== 0) return -98;
  for (let index: u32 = 0; index < sockets; index++) {
    const socket = changetype<UdpSocket>(table + <usize>(index * socketBytes));
    if (socket.port !== 0) continue;
    store<u64>(changetype<usize>(socket), 0);
    store<u64>(changetype<usize>(socket), 0, 8);
    if (!isAny) putAddress(changetype<usize>(socket), address);
    socket.port = chosen;
    socket.head = 0;
    socket.waiting = 0;
    socket.error = 0;
    store<u16>(ports + ((<usize>chosen) << 1), <u16>(index + 1));
    return <i32>(firstNumber + index);
  }
  return -24;
}

/**
 * The next datagram: its length; its address, and the sender's address and port stand in the control block. The frame is lent, also of an empty one.
 * -EAGAIN: none; or once what was said of one that was sent.
 */
export function udpReceive(number: i32): i32 {
  const at = socketOf(number);
  if (at === 0) return -9;
  const socket = changetype<UdpSocket>(at);
  if (socket.error !== 0) {
    const error = socket.error;
    socket.error = 0;
    return error;
  }
  if (socket.waiting === 0) return -11;
  const datagram = takeFirst(socket);
  if (!lendFrame(frameOf(datagram.payload))) return -14;
  putPlace(Place.pieceAddress, datagram.payload);
  putPlace(Place.senderPort, datagram.port);
  putAddress(control + <usize>Place.senderAddress, changetype<usize>(datagram));
  return <i32>datagram.length;
}

/** Where to write a datagram, in a frame of the application's; 0: none is free. */
export function udpFrame(): usize {
  const frame = frameForSegment();
  return frame !== 0 && lendFrame(frame) ? frame + payloadAt : 0;
}

/**
 * Sends a datagram, which lies in a lent frame, behind at least 62 bytes of room: in one of `udpFrame`, or in the one in which it came. Returns 0 or -errno;
 * the frame is still the application's after -EBADF, -EFAULT, -EINVAL, -EMSGSIZE and -ENETUNREACH, and gone else.
 */
export function udpSend(number: i32, address: usize, length: u32, remote: usize, port: u32): i32 {
  const at = socketOf(number);
  if (at === 0) return -9;
  const socket = changetype<UdpSocket>(at);
  const frame = frameOf(address);
  if (port - 1 > 0xfffe || address - frame < segmentRoom + headerBytes || !isInFrame(frame, address, length))
    return -22;
  const local = isNone(at) ? sourceFor(remote) : at;
  if (local === 0 || isIpv4(local) !== isIpv4(remote)) return -101;
  if (length + headerBytes + (isIpv4(remote) ? ipv4Bytes : ipv6Bytes) > pathMtu(remote)) return -90;
  const reclaimed = reclaimFrame(address);
  if (reclaimed !== 0) return reclaimed;
  const segment = address - headerBytes;
  const total = length + headerBytes;
  putBe16(segment, socket.port);
  putBe16(segment + 2, port);
  putBe16(segment + 4, total);
  store<u16>(segment, 0, 6);
  const sum = <u16>checksumOf(segment, total, pseudoSum(local, remote, protocolUdp, total));
  // 0 would say that there is none.
  store<u16>(segment, sum === 0 ? 0xffff : sum, 6);
  count(Figure.udpSent);
  const sent = ipOutput(frame, segment, total, protocolUdp, local, remote, 0xffff);
  return sent === -101 ? -113 : sent;
}

/** Closes a socket: what waits is dropped. Returns 0 or -EBADF. */
export function udpClose(number: i32): i32 {
  const at = socketOf(number);
  if (at === 0) return -9;
  const socket = changetype<UdpSocket>(at);
  while (socket.waiting > 0) releaseFrame(frameOf(takeFirst(socket).payload));
  store<u16>(ports + ((<usize>socket.port) << 1), 0);
  socket.port = 0;
  forgetEvents(<u32>number);
  return 0;
}

/** The port of a socket, or -EBADF. */
export function udpPort(number: i32): i32 {
  const at = socketOf(number);
  return at === 0 ? -9 : <i32>changetype<UdpSocket>(at).port;
}

/** A datagram for us. Returns whether its frame was kept. */
export function udpInput(frame: usize, ip: usize, segment: usize, length: u32, local: usize, remote: usize): bool {
  const total: u32 = length < headerBytes ? 0 : be16(segment + 4);
  if (total < headerBytes || total > length) return refused(Figure.ipMalformed);
  if (load<u16>(segment, 6) === 0) {
    if (!isIpv4(remote)) return refused(Figure.transportChecksum);
  } else if (!isChecksumRight(segment, total, 6, pseudoSum(local, remote, protocolUdp, total))) return false;
  const sender = be16(segment);
  const at = openAt(be16(segment + 2), local);
  if (at === 0) {
    count(Figure.udpClosed);
    return sayPortUnreachable(frame, ip, segment, local, remote);
  }
  const socket = changetype<UdpSocket>(at);
  if (socket.waiting === rowLength || waitingFrames >= waitingMost) return refused(Figure.udpDropped);
  let last = socket.head + socket.waiting;
  if (last >= rowLength) last -= rowLength;
  const datagram = changetype<Datagram>(at + 32 + <usize>(last * datagramBytes));
  putAddress(changetype<usize>(datagram), remote);
  datagram.payload = <u32>segment + headerBytes;
  datagram.length = total - headerBytes;
  datagram.port = sender;
  socket.waiting++;
  waitingFrames++;
  count(Figure.udpReceived);
  postEvent(<u32>numberAt(at), SocketEvent.readable);
  return true;
}

/** Whether a quoted datagram can be one of ours: its socket is open. */
export function udpOwnsQuoted(local: usize, quoted: usize): bool {
  return openAt(be16(quoted), local) !== 0;
}

/** A datagram of ours did not arrive: -errno. */
export function udpUnreachable(local: usize, quoted: usize, error: i32): void {
  const at = openAt(be16(quoted), local);
  if (at === 0) return;
  changetype<UdpSocket>(at).error = error;
  postEvent(<u32>numberAt(at), SocketEvent.readable);
}

function socketOf(number: i32): usize {
  const index = <u32>number - firstNumber;
  if (index >= sockets) return 0;
  const at = table + <usize>(index * socketBytes);
  return changetype<UdpSocket>(at).port === 0 ? 0 : at;
}

function numberAt(at: usize): u32 {
  return firstNumber + <u32>(at - table) / socketBytes;
}

/** The open socket of a port, if it is for the address. */
function openAt(port: u32, local: usize): usize {
  const index = <u32>load<u16>(ports + ((<usize>port) << 1));
  if (index === 0) return 0;
  const at = table + <usize>((index - 1) * socketBytes);
  return isNone(at) || isSame(at, local) ? at : 0;
}

function takeFirst(socket: UdpSocket): Datagram {
  const datagram = changetype<Datagram>(changetype<usize>(socket) + 32 + <usize>(socket.head * datagramBytes));
  socket.head = socket.head + 1 === rowLength ? 0 : socket.head + 1;
  socket.waiting--;
  waitingFrames--;
  return datagram;
}

function freePort(): u32 {
  const range: u32 = 0x10000 - firstPort;
  const start = <u32>random64() & (range - 1);
  for (let index: u32 = 0; index < range; index++) {
    const port = firstPort + ((start + index) & (range - 1));
    if (load<u16>(ports + ((<usize>port) << 1)) === 0) return port;
  }
  return 0;
}

function refused(why: Figure): bool {
  count(why);
  return false;
}
