// A peer of the engines' suite at the far end of two joined stacks (joined-stacks.ts). For tests alone.

import { Errno } from '../../src/kernel/errno.js';
import type { Peer } from '../conformance/bench.js';
import type { JoinedStacks } from './joined-stacks.js';

/** See the file's head. */
export class StackPeer implements Peer {
  ended = false;
  readonly #joined: JoinedStacks;
  readonly #socket: number;
  #isOpen = true;
  /** Of a piece: what was not read yet. */
  #piece = 0;
  #at = 0;
  #left = 0;

  constructor(joined: JoinedStacks, socket: number) {
    if (socket < 0) throw new Error(`the peer does not connect: ${socket}`);
    this.#joined = joined;
    this.#socket = socket;
  }

  write(bytes: Uint8Array): number {
    const { core, module } = this.#joined.farStack;
    let written = 0;
    while (written < bytes.length) {
      const room = core.sendRoom(this.#socket);
      const frame = room > 0 ? core.frameForSend(this.#socket) : 0;
      if (frame === 0) break;
      const part = bytes.subarray(written, written + Math.min(room, core.sendBytes(this.#socket)));
      module.bytes.set(part, frame);
      if (core.sendFrame(this.#socket, frame, part.length, 0) < 0) throw new Error('the peer cannot send');
      written += part.length;
    }
    this.#joined.turnFar();
    return written;
  }

  read(most = Number.POSITIVE_INFINITY): Uint8Array {
    const { core, module } = this.#joined.farStack;
    const parts: Uint8Array[] = [];
    let length = 0;
    this.#joined.turnFar();
    while (length < most && this.#next()) {
      const part = Math.min(this.#left, most - length);
      parts.push(module.bytes.slice(this.#at, this.#at + part));
      this.#at += part;
      this.#left -= part;
      length += part;
      if (this.#left === 0) core.recycle(this.#piece);
    }
    this.#joined.turnFar();
    return Buffer.concat(parts);
  }

  /** Whether there is a piece of which something is left. */
  #next(): boolean {
    if (this.#left > 0) return true;
    if (this.ended || !this.#isOpen) return false;
    const { farStack } = this.#joined;
    const result = farStack.core.receive(this.#socket);
    if (result === -Errno.EAGAIN) return false;
    if (result <= 0) {
      this.ended = true;
      return false;
    }
    this.#piece = this.#at = farStack.place('pieceAddress');
    this.#left = result;
    return true;
  }

  end(): void {
    this.#joined.farStack.core.shutdown(this.#socket);
    this.#joined.turnFar();
  }

  close(): void {
    this.#finish(false);
  }

  reset(): void {
    this.#finish(true);
  }

  #finish(isReset: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    const { core } = this.#joined.farStack;
    if (isReset) core.abort(this.#socket);
    else core.close(this.#socket);
    this.#joined.turnFar();
  }
}
