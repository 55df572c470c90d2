// DeviceRemoval: tells when a network device of the host is taken away: sockets of AF_XDP do not. Not here: what is done then (xdp-packets.ts).

import { Errno } from '../../kernel/errno.js';
import { nextRemovedDevice, watchDevices } from '../../kernel/network-device.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { Endpoint } from '../../transport/endpoint.js';
import type { Loop } from '../../transport/loop.js';

/** Changes that are looked at in one turn. */
const changesATurn = 64;

/** See the file's head. */
export class DeviceRemoval extends Endpoint {
  readonly #loop: Loop;
  readonly #ifindex: number;
  readonly #gone: () => void;
  readonly #fd: number;
  #isOver = false;

  /** Watches devices of this thread's namespace; `gone` is called once. @throws SystemError EMFILE */
  constructor(loop: Loop, ifindex: number, gone: () => void) {
    super();
    this.#loop = loop;
    this.#ifindex = ifindex;
    this.#gone = gone;
    this.#fd = watchDevices();
    loop.register(this);
    loop.engine.watch(this.token, this.#fd);
  }

  override readable(result: number, more: boolean): void {
    if (this.#isOver) return;
    if (!more && result >= 0) this.#loop.engine.watch(this.token, this.#fd);
    this.#look();
  }

  readonly #look = (): void => {
    for (let count = 0; !this.#isOver; count++) {
      if (count === changesATurn) {
        this.#loop.nextTurn(this.#look);
        return;
      }
      const removed = nextRemovedDevice(this.#fd);
      if (removed < 0 && removed !== -Errno.ENOBUFS) return;
      if (removed !== this.#ifindex) continue;
      this.#rest();
      this.#gone();
    }
  };

  #rest(): void {
    this.#isOver = true;
    this.#loop.engine.cancel(this.token, this.#fd);
    this.#loop.engine.flush();
  }

  /** Watches no more. */
  close(): void {
    if (!this.#isOver) this.#rest();
    closeDescriptor(this.#fd);
  }
}
