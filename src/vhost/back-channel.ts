// BackChannel: the socket on which a back end tells its front end something by itself (SET_BACKEND_REQ_FD). It is never waited on: the front end may be
// waiting for us on the other one. What the socket does not take waits here, a bounded number of messages, and is tried again. Not here: the
// front end's own messages (channel.ts), what is told (session.ts).

import { Errno } from '../kernel/errno.js';
import { closeAll, receiveWithDescriptors, sendWithDescriptors } from '../kernel/pass-descriptors.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Region } from '../memory/region.js';
import type { Loop } from '../transport/loop.js';
import { Flag, headerBytes } from './protocol.js';

/** Messages that may wait. */
const mostWaiting = 64;
/** Bytes that are read and thrown away at once. */
const readBytes = 512;

/** See the file's head. It owns its socket. */
export class BackChannel {
  /** Messages that were not sent: too many waited, or nobody is there. */
  dropped = 0;
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #memory = new Region(4096);
  readonly #waiting: Uint8Array[] = [];
  /** Bytes of the first that were sent. */
  #sent = 0;
  #stopTrying: (() => void) | undefined;
  #isOver = false;

  constructor(loop: Loop, fd: number) {
    this.#loop = loop;
    this.#fd = fd;
  }

  /** Tells something, now or as soon as the socket takes it. False: it is not told. */
  tell(request: number, payload: Uint8Array): boolean {
    if (this.#isOver || this.#waiting.length === mostWaiting) {
      this.dropped++;
      return false;
    }
    const message = new Uint8Array(headerBytes + payload.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, request, true);
    view.setUint32(4, Flag.version, true);
    view.setUint32(8, payload.length, true);
    for (let index = 0; index < payload.length; index++) message[headerBytes + index] = payload[index]!;
    this.#waiting.push(message);
    this.#send();
    return !this.#isOver;
  }

  readonly #send = (): void => {
    this.#discard();
    for (let message = this.#waiting[0]; message !== undefined && !this.#isOver; message = this.#waiting[0]) {
      for (let index = this.#sent; index < message.length; index++) this.#memory.bytes[index] = message[index]!;
      const result = sendWithDescriptors(this.#fd, this.#memory.address + this.#sent, message.length - this.#sent, []);
      if (result === -Errno.EAGAIN) break;
      if (result < 0 && result !== -Errno.EINTR) {
        this.dropped += this.#waiting.splice(0).length;
        this.#isOver = true;
        break;
      }
      this.#sent += Math.max(result, 0);
      if (this.#sent < message.length) continue;
      this.#sent = 0;
      this.#waiting.shift();
    }
    if (this.#waiting.length > 0) this.#stopTrying ??= this.#loop.everyTick(this.#send);
    else {
      this.#stopTrying?.();
      this.#stopTrying = undefined;
    }
  };

  /** Answers were not asked for, and descriptors not at all. */
  #discard(): void {
    const fds: number[] = [];
    receiveWithDescriptors(this.#fd, this.#memory.address + this.#memory.byteLength - readBytes, readBytes, fds);
    closeAll(fds);
  }

  /** Ends it: what waits is not told. */
  close(): void {
    this.#isOver = true;
    this.#stopTrying?.();
    closeDescriptor(this.#fd);
    this.#memory.unmap();
  }
}
