// Gather: the msghdr and iovecs of one sendmsg, in leased frames of mapped memory that stay as they are until the kernel
// has taken the bytes. Not here: which bytes (output.ts) and when (connection.ts).

import { iovec } from '../kernel/layouts-file.js';
import { msghdr } from '../kernel/layouts-socket.js';
import { setWord64 } from '../kernel/words.js';
import { FramePool } from '../memory/frame-pool.js';
import { IOV_MAX } from '../memory/sg-list.js';

const headerBytes = 64;
const iovecBytes = iovec.size;
/** Two sizes of frame: most pages have a few fragments, some have hundreds. */
const smallEntries = 60;
const smallFrames = 8192;
const largeFrames = 512;

const iovAt = msghdr.fields.msg_iov.offset / 4;
const iovlenAt = msghdr.fields.msg_iovlen.offset / 4;

/** Frames of one size; a message is their number, doubled, plus which of the two sizes it is. */
class MessageFrames {
  readonly pool: FramePool;
  readonly words: Int32Array;

  constructor(frames: number, entries: number) {
    this.pool = new FramePool(frames, headerBytes + entries * iovecBytes);
    this.words = new Int32Array(this.pool.region.buffer);
  }
}

let small: MessageFrames | undefined;
let large: MessageFrames | undefined;

function framesOf(message: number): MessageFrames {
  return (message & 1) === 0 ? small! : large!;
}

/** Leases a message for up to `entries` iovecs (at most IOV_MAX count); -1 when none is free. */
export function leaseMessage(entries: number): number {
  if (entries <= smallEntries) {
    small ??= new MessageFrames(smallFrames, smallEntries);
    const frame = small.pool.lease();
    if (frame >= 0) return frame << 1;
  }
  large ??= new MessageFrames(largeFrames, IOV_MAX);
  const frame = large.pool.lease();
  return frame < 0 ? -1 : (frame << 1) | 1;
}

/** The address of a message's msghdr. */
export function messageAddress(message: number): number {
  return framesOf(message).pool.address(message >> 1);
}

/** Sets iovec `index` of a message to `length` bytes at `address`. */
export function setIovec(message: number, index: number, address: number, length: number): void {
  const { pool, words } = framesOf(message);
  const at = (pool.offset(message >> 1) + headerBytes + index * iovecBytes) >> 2;
  setWord64(words, at, address);
  setWord64(words, at + 2, length);
}

/** Finishes a message of `count` iovecs: no name, no control data. */
export function finishMessage(message: number, count: number): void {
  const { pool, words } = framesOf(message);
  const at = pool.offset(message >> 1) >> 2;
  words.fill(0, at, at + headerBytes / 4);
  const iovecs = pool.address(message >> 1) + headerBytes;
  setWord64(words, at + iovAt, iovecs);
  words[at + iovlenAt] = count;
}

/** Gives the memory of all messages of this thread back, none of which the kernel still reads; the next message has memory of its own. */
export function unmapMessages(): void {
  small?.pool.unmap();
  large?.pool.unmap();
  small = large = undefined;
}

/** Gives a message back when its call has ended. */
export function releaseMessage(message: number): void {
  framesOf(message).pool.release(message >> 1);
}
