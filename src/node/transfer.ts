// Transfer: moves extents of files into a socket of Node's by sendfile, and segments of memory by sendmsg, on a duplicate
// of its descriptor. The duplicate
// refers to the same open socket whatever becomes of the number it was made from: libuv may close that and the kernel
// give it to another connection, and no byte can go astray. It is closed exactly once, when nothing uses it any more.

import { MSG } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { closeDescriptor, duplicateDescriptor, send, sendMessage } from '../kernel/socket.js';
import { Endpoint } from '../transport/endpoint.js';
import { type ExtentEnd, FilePump } from '../transport/file-pump.js';
import type { FileSource, Output } from '../transport/output.js';
import type { SharedLoop } from './runtime.js';

/** Whose bytes a transfer moves. */
export interface TransferOwner {
  /** False from the moment that the socket is no longer the owner's to write to. */
  ownsSocket(): boolean;
  /** Bytes went out. */
  progressed(): void;
  /** The extent, or the run of segments, is in the kernel's hands. */
  extentSent(): void;
  /** It could not be sent whole. */
  extentFailed(reason: ExtentEnd): void;
}

/** One body on its way. */
export class Transfer extends Endpoint {
  #sentBytes = 0;
  readonly #shared: SharedLoop;
  readonly #owner: TransferOwner;
  readonly #pump: FilePump;
  #duplicate: number;
  #closing = false;
  /** The output whose segments are being sent; and whether room in the socket is awaited for them. */
  #segments: Output | undefined;
  #awaiting = false;

  /** @param fd the socket's descriptor. @throws SystemError EMFILE when there is no room for a duplicate. */
  constructor(shared: SharedLoop, owner: TransferOwner, fd: number) {
    super();
    this.#shared = shared;
    this.#owner = owner;
    this.#duplicate = duplicateDescriptor(fd);
    this.#pump = new FilePump(shared.loop, this);
    shared.loop.register(this);
    shared.hold();
  }

  /** Bytes that left (counted by the pump). */
  get sentBytes(): number {
    return this.#sentBytes;
  }

  /** Whatever they had waited for, room, a disk or a turn: the owner is told. */
  set sentBytes(bytes: number) {
    this.#sentBytes = bytes;
    this.#owner.progressed();
  }

  /** What the pump writes to: nothing at all once the socket is not the owner's. */
  get fd(): number {
    return this.#owner.ownsSocket() ? this.#duplicate : -1;
  }

  /** Begins an extent; ends in the owner's extentSent or extentFailed, perhaps before this returns. */
  send(file: FileSource, offset: number, length: number): void {
    if (this.#pump.start(file, offset, length)) this.#owner.extentSent();
  }

  /** Sends the segments that an output begins with, up to a file or its end; ends as {@link send} does. */
  sendSegments(output: Output): void {
    this.#segments = output;
    while (!output.empty && output.file === undefined) {
      const result = this.#sendRun(output);
      if (result > 0) {
        this.sentBytes += result;
        output.take(result);
      } else if (result === -Errno.EAGAIN || result === -Errno.ENOBUFS) {
        this.#awaiting = true;
        this.#shared.loop.engine.awaitWritable(this.token, this.#duplicate);
        return;
      } else if (result !== -Errno.EINTR) {
        this.#segments = undefined;
        this.#owner.extentFailed('peer');
        return;
      }
    }
    this.#segments = undefined;
    this.#owner.extentSent();
  }

  /** One call for as many segments as it takes; for one alone when no frame is free for a message. */
  #sendRun(output: Output): number {
    const header = output.gather();
    if (header === 0) return send(this.fd, output.place + output.done, output.length - output.done, MSG.DONTWAIT);
    const result = sendMessage(this.fd, header, MSG.DONTWAIT | (output.gatherContinues ? MSG.MORE : 0));
    output.gathered();
    return result;
  }

  /** Gives up what is under way, and closes the duplicate as soon as no operation uses it. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#pump.stop();
    if (this.#pump.waiting || this.#awaiting) this.#shared.loop.engine.cancel(this.token, this.#duplicate);
    else this.#closeNow();
  }

  #closeNow(): void {
    if (this.#duplicate < 0) return;
    closeDescriptor(this.#duplicate);
    this.#duplicate = -1;
    this.#shared.loop.unregister(this);
    this.#shared.letGo();
  }

  /** libuv's sockets never block, and the duplicate shares that: nothing to change (called by the pump). */
  goDirect(): void {}

  /** A range was not in the page cache and is being fetched (called by the pump). */
  extentCold(): void {
    this.#shared.coldFetches++;
  }

  /** Called by the pump. */
  extentSent(): void {
    this.#owner.extentSent();
  }

  /** Called by the pump. */
  extentFailed(reason: ExtentEnd): void {
    this.#owner.extentFailed(reason);
  }

  /** Called by the pump when it was stopped and its last operation has ended. */
  pumpIdle(): void {
    this.#closeNow();
  }

  override writable(result: number): void {
    if (this.#awaiting) this.#resumeSegments();
    else this.#pump.writable(result);
  }

  #resumeSegments(): void {
    this.#awaiting = false;
    if (this.#closing || this.#segments === undefined) this.#closeNow();
    else this.sendSegments(this.#segments);
  }

  override fetched(result: number): void {
    this.#pump.fetched(result);
  }
}
