// Descriptors that travel with bytes over a Unix socket (SCM_RIGHTS, unix(7), cmsg(3)): what came belongs to whoever received it, all of it.
// Not here: what the descriptors are for.

import { wrongArgument } from '../text/coded.js';
import { MSG, SCM, SOL } from './constants.js';
import { syscall3 } from './ffi.js';
import { msghdr } from './layouts-socket.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { closeDescriptor } from './socket.js';

/** SCM_MAX_FD: descriptors that the kernel passes with one message. */
const mostPassed = 253;

const headerBytes = 16;
const controlBytes = headerBytes + 4 * mostPassed + 4;
const iovecBytes = 16;
const { fields } = msghdr;

/** Writes a msghdr with one iovec and room for descriptors. Returns where the control data is, as an offset in scratch memory. */
function writeHeader(address: number, length: number) {
  const place = scratch(msghdr.size + iovecBytes + controlBytes);
  const { data, offset, bytes } = place;
  bytes.fill(0, offset, offset + msghdr.size + iovecBytes + headerBytes);
  const vector = offset + msghdr.size;
  const control = vector + iovecBytes;
  data.setBigUint64(offset + fields.msg_iov.offset, BigInt(place.address + msghdr.size), true);
  data.setBigUint64(offset + fields.msg_iovlen.offset, 1n, true);
  data.setBigUint64(offset + fields.msg_control.offset, BigInt(place.address + msghdr.size + iovecBytes), true);
  data.setBigUint64(vector, BigInt(address), true);
  data.setBigUint64(vector + 8, BigInt(length), true);
  return { place, control };
}

/**
 * Sends bytes at an address, and descriptors with the first of them; never waits. Returns the bytes that were taken, or -errno (-EAGAIN: the
 * socket is full). The descriptors stay the caller's.
 * @throws RangeError for more than {@link mostPassed}
 */
export function sendWithDescriptors(
  fd: number,
  address: number,
  length: number,
  descriptors: readonly number[],
): number {
  if (descriptors.length > mostPassed) throw wrongArgument(`a message carries ${mostPassed} descriptors at most`);
  const { place, control } = writeHeader(address, length);
  const { data, offset } = place;
  const used = descriptors.length === 0 ? 0 : headerBytes + 4 * descriptors.length;
  data.setBigUint64(offset + fields.msg_controllen.offset, BigInt(used), true);
  if (used > 0) {
    data.setBigUint64(control, BigInt(used), true);
    data.setInt32(control + 8, SOL.SOCKET, true);
    data.setInt32(control + 12, SCM.RIGHTS, true);
    for (const [index, each] of descriptors.entries()) data.setInt32(control + headerBytes + 4 * index, each, true);
  }
  return syscall3(sys.sendmsg, fd, place.address, MSG.DONTWAIT | MSG.NOSIGNAL);
}

/**
 * Receives bytes to an address, and the descriptors that come with them into `descriptors`, close-on-exec and the caller's to close; never
 * waits. Returns bytes (0: the peer ended its side), or -errno (-EAGAIN: nothing is there).
 */
export function receiveWithDescriptors(fd: number, address: number, length: number, descriptors: number[]): number {
  const { place, control } = writeHeader(address, length);
  const { data, offset } = place;
  data.setBigUint64(offset + fields.msg_controllen.offset, BigInt(controlBytes), true);
  const result = syscall3(sys.recvmsg, fd, place.address, MSG.DONTWAIT | MSG.CMSG_CLOEXEC);
  if (result < 0) return result;
  const end = control + Number(data.getBigUint64(offset + fields.msg_controllen.offset, true));
  for (let at = control; at + headerBytes <= end; ) {
    const each = Number(data.getBigUint64(at, true));
    if (each < headerBytes) break;
    const isRights = data.getInt32(at + 8, true) === SOL.SOCKET && data.getInt32(at + 12, true) === SCM.RIGHTS;
    for (let place = at + headerBytes; isRights && place + 4 <= Math.min(at + each, end); place += 4)
      descriptors.push(data.getInt32(place, true));
    at += Math.ceil(each / 8) * 8;
  }
  return result;
}

/** Closes descriptors that came, and forgets them. */
export function closeAll(descriptors: number[]): void {
  for (const fd of descriptors.splice(0)) closeDescriptor(fd);
}
