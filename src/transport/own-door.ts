// OwnDoor: a socket that listens for as long as this process comes in by it, as clients do by others: a Unix socket of the abstract namespace under a name that nobody
// knows, and whoever finds it out is not let in. Not here: who comes, and why (warm-up.ts).

import { randomBytes } from 'node:crypto';
import { Errno } from '../kernel/errno.js';
import { closeDescriptor, setNonBlocking } from '../kernel/socket.js';
import { check } from '../kernel/system-error.js';
import { connectUnix, listenUnix, unixPeer } from '../kernel/unix-socket.js';
import { Endpoint } from './endpoint.js';
import type { Loop } from './loop.js';

/** See the file's head. */
export class OwnDoor extends Endpoint {
  readonly #loop: Loop;
  readonly #name = `@clearway-${randomBytes(16).toString('hex')}`;
  readonly #fd: number;
  readonly #taken: (result: number) => void;
  #isClosed = false;

  /** @param taken is given each connection's descriptor, or -errno where one could not be accepted. @throws SystemError */
  constructor(loop: Loop, taken: (result: number) => void) {
    super();
    this.#loop = loop;
    this.#taken = taken;
    this.#fd = check(listenUnix(this.#name, 0o600, 1), 'listen', this.#name);
    setNonBlocking(this.#fd, loop.engine.nonBlockingSockets);
    loop.register(this);
    loop.engine.accept(this.token, this.#fd);
  }

  /** Our own end of a new connection, or -errno. @throws SystemError EMFILE, ENFILE */
  connect(): number {
    return connectUnix(this.#name);
  }

  override accepted(result: number, more: boolean): void {
    const { engine } = this.#loop;
    if (this.#isClosed) {
      if (result >= 0) engine.closeSocket(result);
      return;
    }
    if (!more) engine.accept(this.token, this.#fd);
    if (result >= 0 && unixPeer(result)?.processId !== process.pid) engine.closeSocket(result);
    else if (result !== -Errno.EAGAIN) this.#taken(result);
  }

  /** Nobody comes in any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#loop.engine.cancel(this.token, this.#fd);
    this.#loop.engine.flush();
    closeDescriptor(this.#fd);
  }
}
