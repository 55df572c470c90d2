// Transfer: moves extents of files and segments of memory into a socket of Node's by direct calls, on a duplicate of its descriptor.
// The duplicate refers to the same open socket whatever becomes of the number it was made from: libuv may close that and the kernel
// give it to another connection, and no byte can go astray. It is closed exactly once, when nothing uses it any more.

import { closeDescriptor, duplicateDescriptor } from '../kernel/socket.js';
import { Endpoint } from '../transport/endpoint.js';
import type { FileCounts } from '../transport/file-counts.js';
import { type ExtentEnd, ListPump } from '../transport/list-pump.js';
import type { Output } from '../transport/output.js';
import type { SharedLoop } from './runtime.js';

/** Whose bytes a transfer moves. */
export interface TransferOwner {
  /** False from the moment that the socket is no longer the owner's to write to. */
  ownsSocket(): boolean;
  /** Bytes went out. */
  progressed(): void;
  /** What was given is in the kernel's hands. */
  listSent(): void;
  /** It could not be sent whole. */
  listFailed(reason: ExtentEnd): void;
}

/** One body on its way. */
export class Transfer extends Endpoint {
  #sentBytes = 0;
  readonly #shared: SharedLoop;
  readonly #owner: TransferOwner;
  readonly #pump: ListPump;
  #duplicate: number;
  #closing = false;

  /** @param fd the socket's descriptor. @throws SystemError EMFILE when there is no room for a duplicate. */
  constructor(shared: SharedLoop, owner: TransferOwner, fd: number) {
    super();
    this.#shared = shared;
    this.#owner = owner;
    this.#duplicate = duplicateDescriptor(fd);
    this.#pump = new ListPump(shared.loop, this);
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

  /** Begins to send everything in an output; ends in the owner's listSent or listFailed, perhaps before this returns. */
  send(output: Output): void {
    if (this.#pump.start(output)) this.#owner.listSent();
  }

  /** Gives up what is under way, and closes the duplicate as soon as no operation uses it. */
  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#pump.stop();
    if (this.#pump.waiting) this.#shared.loop.engine.cancel(this.token, this.#duplicate);
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

  /** Called by the pump. */
  listSent(): void {
    this.#owner.listSent();
  }

  /** Called by the pump. */
  listFailed(reason: ExtentEnd): void {
    this.#owner.listFailed(reason);
  }

  /** Called by the pump when it was stopped and its last operation has ended. */
  pumpIdle(): void {
    this.#closeNow();
  }

  /** What is counted of all transfers (by the pump). */
  get counts(): FileCounts {
    return this.#shared.counts;
  }

  override sent(result: number): void {
    this.#pump.sent(result);
  }

  override writable(result: number): void {
    this.#pump.writable(result);
  }

  override fetched(result: number): void {
    this.#pump.fetched(result);
  }
}
