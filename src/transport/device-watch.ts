// DeviceWatch: tells when a network device of the host goes up or down, or is taken away: sockets of AF_XDP do not. Not here: what is done then
// (vhost/net/, bypass/).

import { Errno } from '../kernel/errno.js';
import { type DeviceChange, nextDeviceChange, watchDevices } from '../kernel/network-device.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Endpoint } from './endpoint.js';
import type { Loop } from './loop.js';

/** Changes that are looked at in one turn. */
const changesATurn = 64;

/** What a {@link DeviceWatch} tells. */
export interface DeviceOwner {
  /** The device is up, or not. */
  isUp(isUp: boolean): void;
  /** It is no more. */
  gone(): void;
}

/** See the file's head. */
export class DeviceWatch extends Endpoint {
  readonly #loop: Loop;
  readonly #ifindex: number;
  readonly #owner: DeviceOwner;
  readonly #change: DeviceChange = { ifindex: 0, isThere: true, isUp: true };
  readonly #fd: number;
  #isOver = false;

  /** Watches devices of this thread's namespace. @throws SystemError EMFILE */
  constructor(loop: Loop, ifindex: number, owner: DeviceOwner) {
    super();
    this.#loop = loop;
    this.#ifindex = ifindex;
    this.#owner = owner;
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
      const change = this.#change;
      const result = nextDeviceChange(this.#fd, change);
      if (result < 0 && result !== -Errno.ENOBUFS) return;
      if (change.ifindex !== this.#ifindex) continue;
      if (change.isThere) this.#owner.isUp(change.isUp);
      else {
        this.#rest();
        this.#owner.gone();
      }
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
