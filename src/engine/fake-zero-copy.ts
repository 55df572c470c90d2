// Sending by reference in the fake engine: a send like any other, and a notice some turns after it has ended: as many as the script says
// (`notice`). Not here: how the send goes (fake.ts).

import type { Operation } from './fake-operation.js';
import type { SendReference, ZeroCopy } from './zero-copy.js';

interface Awaited {
  readonly operation: Operation;
  readonly send: SendReference;
  /** Turns from the operation's end on; negative: not asked for yet. */
  turns: number;
}

/** What it needs of its engine. */
interface FakeSender {
  /** Begins a send of bytes at an address. */
  beginReference(token: number, fd: number, address: number, length: number, flags: number): Operation;
  isUnderWay(operation: Operation): boolean;
  /** Turns from the end of a send to its notice. */
  noticeTurns(fd: number): number;
}

/** See the file's head. */
export class FakeZeroCopy implements ZeroCopy {
  /** The kernel copies, and says so. */
  copies = false;
  /** Buffers that are registered, by their number. */
  readonly registered = new Set<number>();
  readonly #engine: FakeSender;
  #list: Awaited[] = [];
  #nextBuffer = 0;

  constructor(engine: FakeSender) {
    this.#engine = engine;
  }

  /** Sends whose notice is still to come. */
  get awaited(): number {
    return this.#list.length;
  }

  register(_address: number, _length: number): number {
    this.registered.add(this.#nextBuffer);
    return this.#nextBuffer++;
  }

  unregister(buffer: number): void {
    this.registered.delete(buffer);
  }

  sendByReference(token: number, fd: number, send: SendReference): void {
    const operation = this.#engine.beginReference(token, fd, send.address, send.length, send.flags);
    this.#list.push({ operation, send, turns: -1 });
  }

  /** A turn has passed: gives the notices that are due. */
  advance(): void {
    const due: Awaited[] = [];
    this.#list = this.#list.filter((each) => {
      if (this.#engine.isUnderWay(each.operation)) return true;
      if (each.turns < 0) each.turns = this.#engine.noticeTurns(each.operation.fd);
      if (each.turns-- > 0) return true;
      due.push(each);
      return false;
    });
    for (const { send } of due) send.noticed(this.copies);
  }
}
