// FrameWriter: puts what a socket sends into frames of packets: bytes of memory by one counted copy, bytes of files by a read straight into the place
// that they leave from. A frame that is not full waits for what follows where something is said to follow, so that a head and its body leave in
// one packet. Not here: when a socket sends (bypass-engine.ts).

import { MSG, RWF } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { readVectors } from '../kernel/file.js';
import { iovec } from '../kernel/layouts-file.js';
import { msghdr } from '../kernel/layouts-socket.js';
import { copyMemory } from '../kernel/memory.js';
import { word64 } from '../kernel/words.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import { copyAddresses } from '../memory/copy-addresses.js';
import { Iovecs } from '../memory/iovecs.js';
import { Region } from '../memory/region.js';
import { IOV_MAX } from '../memory/sg-list.js';
import type { Stack } from './stack.js';
import type { StackExports } from './stack-exports.js';
import type { StackSocket } from './stack-socket.js';

/** Frames that one read of a file fills: some 64 KiB. */
const framesARead = 48;
const headerBytes = 64;
const iovAt = msghdr.fields.msg_iov.offset / 4;
const iovlenAt = msghdr.fields.msg_iovlen.offset / 4;

/** See the file's head. */
export class FrameWriter {
  readonly #core: StackExports;
  /** The kernel's address of the stack's memory. */
  readonly #base: number;
  readonly #memory: Uint8Array;
  /** What is copied from where that is no address. */
  #source: Uint8Array | undefined;
  #sourceAt = 0;
  readonly #iovecs = new Iovecs(framesARead + 1);
  readonly #frames = new Int32Array(framesARead);
  /** Of a read: what the open frame had room for, and what a new one takes. */
  #openRoom = 0;
  #newMost = 0;
  /** A msghdr, and its iovecs behind it. */
  readonly #message = new Region(headerBytes + IOV_MAX * iovec.size);
  readonly #words = new Uint32Array(this.#message.buffer);

  constructor({ core, module }: Stack) {
    this.#core = core;
    this.#base = module.address;
    this.#memory = module.bytes;
  }

  /** Bytes that can be taken now, the rest of the open frame included; 0: none, which the stack was asked and will tell of; or -errno. */
  #room(socket: StackSocket): number {
    const room = this.#core.sendRoom(socket.number);
    // The open frame was taken already: what it has room for is beside that.
    return room < 0 || socket.frame === 0 ? room : room + socket.most - socket.filled;
  }

  /** Opens a frame to be filled. False: none is free, which the stack will tell of. */
  #openFrame(socket: StackSocket): boolean {
    if (socket.frame !== 0) return true;
    socket.frame = this.#core.frameForSend(socket.number);
    socket.filled = 0;
    if (socket.frame === 0) return false;
    socket.most = this.#core.sendBytes(socket.number);
    return true;
  }

  /** Whether bytes can be taken: how many at least, 0: none now, of which the stack will tell, or -errno. */
  hasRoom(socket: StackSocket): number {
    const room = this.#room(socket);
    return room <= 0 || this.#openFrame(socket) ? room : 0;
  }

  /** Hands the open frame over. `more`: a small last packet waits for what follows. Returns 0 or -errno. */
  push(socket: StackSocket, more: boolean): number {
    const { frame, filled, number } = socket;
    if (frame === 0) return 0;
    socket.frame = socket.filled = 0;
    if (filled === 0) {
      this.#core.dropFrame(frame);
      return 0;
    }
    return Math.min(this.#core.sendFrame(number, frame, filled, more ? 1 : 0), 0);
  }

  /** Gives the open frame up. */
  drop(socket: StackSocket): void {
    if (socket.frame !== 0) this.#core.dropFrame(socket.frame);
    socket.frame = socket.filled = 0;
  }

  /** What is open leaves, unless something follows at once. Returns `taken`, or why it could not leave. */
  #finish(socket: StackSocket, taken: number, more: boolean): number {
    if (more || socket.corked) return taken;
    const result = this.push(socket, false);
    return result < 0 ? result : taken;
  }

  /** Takes bytes at an address; `flags` are of MSG. Returns bytes taken or -errno (-EAGAIN: there is no room). */
  write(socket: StackSocket, address: number, length: number, flags: number): number {
    const taken = this.#copyIn(socket, address, length);
    if (taken < 0) return taken;
    return this.#finish(socket, taken, (flags & MSG.MORE) !== 0 && taken === length);
  }

  /** As {@link write}, of bytes of JavaScript's from a place on. */
  writeBytes(socket: StackSocket, bytes: Uint8Array, from: number): number {
    this.#source = bytes;
    this.#sourceAt = from;
    const taken = this.#copyIn(socket, 0, bytes.length - from);
    this.#source = undefined;
    return taken < 0 ? taken : this.#finish(socket, taken, false);
  }

  /** Copies a part into the open frame: of memory at an address, or of {@link #source}. */
  #copyPart(socket: StackSocket, address: number, taken: number, part: number): void {
    const place = socket.frame + socket.filled;
    if (this.#source === undefined) copyAddresses(CopyReason.packetFill, this.#base + place, address + taken, part);
    else copyBytes(CopyReason.packetFill, this.#memory, place, this.#source, this.#sourceAt + taken, part);
  }

  #copyIn(socket: StackSocket, address: number, length: number): number {
    let taken = 0;
    while (taken < length) {
      const room = this.#room(socket);
      if (room < 0) return taken > 0 ? taken : room;
      if (room === 0 || !this.#openFrame(socket)) break;
      const part = Math.min(length - taken, room, socket.most - socket.filled);
      this.#copyPart(socket, address, taken, part);
      taken += part;
      socket.filled += part;
      if (socket.filled < socket.most) continue;
      const result = this.push(socket, taken < length);
      if (result < 0) return result;
    }
    return taken > 0 || length === 0 ? taken : -Errno.EAGAIN;
  }

  /** As {@link write}, of a msghdr at an address, whose pieces are memory. */
  writeMessage(socket: StackSocket, header: number, flags: number): number {
    const words = this.#words;
    copyMemory(this.#message.address, header, msghdr.size);
    const iovecs = word64(words, iovAt);
    const count = Math.min(words[iovlenAt]!, IOV_MAX);
    copyMemory(this.#message.address + headerBytes, iovecs, count * iovec.size);
    let taken = 0;
    for (let index = 0; index < count; index++) {
      const at = (headerBytes + index * iovec.size) / 4;
      const length = word64(words, at + 2);
      const part = this.#copyIn(socket, word64(words, at), length);
      if (part < 0 && taken === 0) return part;
      taken += Math.max(part, 0);
      if (part < length) return this.#finish(socket, taken, false);
    }
    return this.#finish(socket, taken, (flags & MSG.MORE) !== 0);
  }

  /** Takes bytes of a file, as far as one read goes. Returns bytes taken, 0 where the file ends, or -errno (-EAGAIN: there is no room). */
  writeFile(socket: StackSocket, file: number, offset: number, length: number): number {
    const room = this.#room(socket);
    if (room <= 0) return room < 0 ? room : -Errno.EAGAIN;
    const frames = this.#takeFrames(socket, Math.min(length, room));
    const { address, count, byteLength } = this.#iovecs;
    if (byteLength === 0) return -Errno.EAGAIN;
    let read = readVectors(file, address, count, offset, RWF.NOWAIT);
    // Known to be in memory a moment ago, or a file system that cannot say: as sendfile, it is waited for.
    if (read === -Errno.EAGAIN || read === -Errno.EOPNOTSUPP) read = readVectors(file, address, count, offset);
    const failed = this.#handOver(socket, frames, Math.max(read, 0));
    if (read <= 0) return read;
    if (failed < 0) return failed;
    // Where there was no room for all of it the rest follows; where the file ended, or its pages are not there, nothing may.
    return this.#finish(socket, read, byteLength < length);
  }

  /** Lists the places for so many bytes: what is left of the open frame, and new ones. Returns the number of new ones. */
  #takeFrames(socket: StackSocket, wanted: number): number {
    const iovecs = this.#iovecs;
    const core = this.#core;
    iovecs.clear();
    let left = wanted;
    this.#openRoom = socket.frame === 0 ? 0 : Math.min(left, socket.most - socket.filled);
    if (this.#openRoom > 0) iovecs.add(this.#base + socket.frame + socket.filled, this.#openRoom);
    left -= this.#openRoom;
    let count = 0;
    if (left > 0) this.#newMost = core.sendBytes(socket.number);
    for (; left > 0 && count < framesARead; count++) {
      const frame = core.frameForSend(socket.number);
      if (frame === 0) break;
      const here = Math.min(left, this.#newMost);
      this.#frames[count] = frame;
      iovecs.add(this.#base + frame, here);
      left -= here;
    }
    return count;
  }

  /** Hands over the frames that a read of so many bytes filled; the last one, if it is not full, stays open. Returns 0 or -errno. */
  #handOver(socket: StackSocket, frames: number, bytes: number): number {
    let left = bytes;
    let failed = 0;
    if (socket.frame !== 0) {
      const here = Math.min(left, this.#openRoom);
      socket.filled += here;
      left -= here;
      if (socket.filled === socket.most) failed = this.push(socket, left > 0);
    }
    for (let index = 0; index < frames; index++) {
      const frame = this.#frames[index]!;
      if (left === 0 || failed < 0) {
        this.#core.dropFrame(frame);
        continue;
      }
      socket.frame = frame;
      socket.most = this.#newMost;
      socket.filled = Math.min(left, socket.most);
      left -= socket.filled;
      if (socket.filled === socket.most) failed = this.push(socket, left > 0);
    }
    return failed;
  }

  /** Gives its own memory back. */
  unmap(): void {
    this.#iovecs.unmap();
    this.#message.unmap();
  }
}
