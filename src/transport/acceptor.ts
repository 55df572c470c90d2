// Acceptor: accepts on one listening socket for a listener, which may have several. Not here: what becomes of a connection.

import { Endpoint } from './endpoint.js';
import type { Loop } from './loop.js';

/** A socket that listens. */
export interface ListenSocket {
  readonly fd: number;
  /** Others may listen on it when we have gone (systemd): it is neither shut nor emptied at the end. */
  readonly isBorrowed?: boolean;
}

/** Who is told what an acceptor's socket gives. */
export interface AcceptorOwner {
  readonly loop: Loop;
  acceptedOn(acceptor: Acceptor, result: number): void;
}

/** See the file's head. */
export class Acceptor extends Endpoint {
  readonly fd: number;
  readonly isBorrowed: boolean;
  /** An accept is under way with the engine. */
  accepting = false;
  readonly #owner: AcceptorOwner;

  constructor(owner: AcceptorOwner, { fd, isBorrowed = false }: ListenSocket) {
    super();
    this.#owner = owner;
    this.fd = fd;
    this.isBorrowed = isBorrowed;
    owner.loop.register(this);
  }

  /** Accepts, unless that is under way. */
  begin(): void {
    if (this.accepting) return;
    this.accepting = true;
    this.#owner.loop.engine.accept(this.token, this.fd);
  }

  /** Has what is under way end; it is told of that. */
  cancel(): void {
    this.#owner.loop.engine.cancel(this.token, this.fd);
  }

  override accepted(result: number, more: boolean): void {
    if (!more) this.accepting = false;
    this.#owner.acceptedOn(this, result);
  }
}
