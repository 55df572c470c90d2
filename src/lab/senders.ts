// Ways to send bytes through a connected socket, each as a function that sends some and says how many were taken. The
// experiments use them, and the tests of the meter. Not here: what happens to the bytes on their way (treatments.ts).

import { IORING_OP, MSG, SO, SOL } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { syscall3, syscall6 } from '../kernel/ffi.js';
import { createMemoryFile, scratch } from '../kernel/memory.js';
import { sys } from '../kernel/numbers.js';
import { setSocketOption } from '../kernel/socket.js';
import { check } from '../kernel/system-error.js';
import { setWord64 } from '../kernel/words.js';
import { takeZerocopyNotices, type ZerocopyNotices } from '../kernel/zerocopy-notice.js';
import { Region } from '../memory/region.js';
import { UringRing } from '../uring/ring.js';

/** Sends at most `left` bytes. @returns how many were taken, or -errno. */
export type SendSome = (left: number) => number;

const pieceBytes = 65_536;
const noBlock = MSG.DONTWAIT;

/** Switches SO_ZEROCOPY on; gives the socket back. @throws SystemError */
export function pinning(fd: number): number {
  check(setSocketOption(fd, SOL.SOCKET, SO.ZEROCOPY, 1), 'setsockopt', 'SO_ZEROCOPY');
  return fd;
}

/** sendfile(2) from a file's own position, 256 KiB at most in a call. */
export function bySendfile(socket: number, file: number): SendSome {
  return (left) => syscall6(sys.sendfile, socket, file, 0, Math.min(left, 4 * pieceBytes));
}

/** splice(2) from a file into a pipe and from the pipe into the socket, 64 KiB at a time. @throws SystemError */
export function bySplice(socket: number, file: number): SendSome {
  const pipe = scratch(8);
  check(syscall3(sys.pipe2, pipe.address, 0o4000), 'pipe2');
  const [out, into] = [pipe.data.getInt32(pipe.offset, true), pipe.data.getInt32(pipe.offset + 4, true)];
  let held = 0;
  return (left) => {
    if (held === 0) held = check(syscall6(sys.splice, file, 0, into, 0, Math.min(left, pieceBytes), 0), 'splice');
    const moved = syscall6(sys.splice, out, 0, socket, 0, held, 2);
    if (moved > 0) held -= moved;
    return moved;
  };
}

/**
 * One io_uring operation at a time from memory at `address`, waiting for its completions (SEND_ZC has two).
 * `flags` are those of the submission entry; `messageFlags` those of the send. Not blocking unless they say so.
 */
export function byUring(
  socket: number,
  address: number,
  operation: number,
  { flags = 0, messageFlags = noBlock }: { flags?: number; messageFlags?: number } = {},
): SendSome {
  const ring = new UringRing(8, 16);
  const wait = (wanted: (kind: number) => boolean): number | undefined => {
    ring.submit(true, 1000);
    let result: number | undefined;
    while (ring.completionRing.available() > 0) {
      const entry = (ring.completionRing.head & ring.completionRing.mask) * 4;
      if (wanted(ring.completions[entry + 3]!)) result = ring.completions[entry + 2]!;
      ring.completionRing.head++;
      ring.completionRing.release();
    }
    return result;
  };
  const isResult = (kind: number) => (kind & 8) === 0;
  return (left) => {
    const at = ring.next();
    const words = ring.words;
    words[at] = operation | (flags << 8);
    words[at + 1] = socket;
    setWord64(words, at + 4, address);
    words[at + 6] = Math.min(left, pieceBytes);
    words[at + 7] = messageFlags | MSG.NOSIGNAL;
    words[at + 8] = 1;
    words[at + 9] = 0;
    let result = wait(isResult);
    // What came first may be the notice of an earlier send. A send that may block answers when it answers; one that may not
    // has failed if it says nothing for seconds.
    const patience = (messageFlags & noBlock) === 0 ? Number.POSITIVE_INFINITY : 5;
    for (let attempt = 0; result === undefined && attempt < patience; attempt++) result = wait(isResult);
    return result ?? -Errno.EAGAIN;
  };
}

/** A sender of the experiments, ready to send. */
export interface Sender {
  readonly send: SendSome;
  /** What the kernel said of sends by MSG_ZEROCOPY so far, where it says anything. */
  notices?(): ZerocopyNotices;
}

/** The senders of the experiments by name: each on a blocking socket, of `total` bytes in all. */
export const senders: Readonly<Record<SenderName, (socket: number, total: number) => Sender>> = {
  write: (socket) => {
    const { address } = new Region(pieceBytes);
    return { send: (left) => syscall3(sys.write, socket, address, Math.min(left, pieceBytes)) };
  },
  sendfile: (socket, total) => ({ send: bySendfile(socket, createMemoryFile('lab', total)) }),
  splice: (socket, total) => ({ send: bySplice(socket, createMemoryFile('lab', total)) }),
  zerocopy: (socket) => {
    const { address } = new Region(pieceBytes);
    const notices: ZerocopyNotices = { referenced: 0, copied: 0 };
    pinning(socket);
    const flags = MSG.ZEROCOPY | MSG.NOSIGNAL;
    return {
      send: (left) => {
        const taken = syscall6(sys.sendto, socket, address, Math.min(left, pieceBytes), flags, 0, 0);
        takeZerocopyNotices(socket, notices);
        return taken;
      },
      notices: () => {
        takeZerocopyNotices(socket, notices);
        return notices;
      },
    };
  },
  send_zc: (socket) => ({
    send: byUring(socket, new Region(pieceBytes).address, IORING_OP.SEND_ZC, { messageFlags: 0 }),
  }),
};

/** The ways to send that experiments compare. */
export type SenderName = 'write' | 'sendfile' | 'splice' | 'zerocopy' | 'send_zc';
