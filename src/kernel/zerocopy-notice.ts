// What the kernel says of sends by MSG_ZEROCOPY: notices in the socket's error queue, and whether it copied after all.
// Documentation/networking/msg_zerocopy.rst, "Notification Reception".

import { MSG, SO_EE } from './constants.js';
import { Errno } from './errno.js';
import { syscall3 } from './ffi.js';
import { scratch } from './memory.js';
import { sys } from './numbers.js';
import { check } from './system-error.js';

/** Sends by how the kernel says it treated them. */
export interface ZerocopyNotices {
  /** Sends whose pages were used in place, as the kernel has it. */
  referenced: number;
  /** Sends that it says it copied. */
  copied: number;
}

const controlBytes = 128;
const controlAt = 56;

/** Takes every notice that waits in the socket's error queue and adds it up in `notices`. @throws SystemError */
export function takeZerocopyNotices(fd: number, notices: ZerocopyNotices): void {
  for (;;) {
    const place = scratch(controlAt + controlBytes);
    const { data, offset, bytes, address } = place;
    bytes.fill(0, offset, offset + controlAt + controlBytes);
    // struct msghdr: msg_control at 32, msg_controllen at 40.
    data.setBigUint64(offset + 32, BigInt(address + controlAt), true);
    data.setBigUint64(offset + 40, BigInt(controlBytes), true);
    const result = syscall3(sys.recvmsg, fd, address, MSG.ERRQUEUE | MSG.DONTWAIT);
    if (result === -Errno.EAGAIN) return;
    check(result, 'recvmsg', 'MSG_ERRQUEUE');
    // struct cmsghdr (16 bytes), then sock_extended_err: errno, origin, type, code, pad, info (first), data (last).
    const error = offset + controlAt + 16;
    if (data.getUint32(error, true) !== 0 || bytes[error + 4] !== SO_EE.ORIGIN_ZEROCOPY) continue;
    const sends = ((data.getUint32(error + 12, true) - data.getUint32(error + 8, true)) >>> 0) + 1;
    if (bytes[error + 6] === SO_EE.CODE_ZEROCOPY_COPIED) notices.copied += sends;
    else notices.referenced += sends;
  }
}
