// A pair of veth in two namespaces of a test's own: one end for what is tested, the other for the kernel as its peer. For tests alone.

import { NetNamespace, namespacesRefused } from './net-namespace.js';

/** See the file's head. */
export class VethPair {
  readonly space: NetNamespace = new NetNamespace();
  readonly peer: NetNamespace = new NetNamespace();
  /** The end that is tested, and the peer's. */
  readonly device = 'near';
  readonly peerDevice = 'far';

  /** Both ends are up; the peer has an address. @param address with its length, such as `10.78.0.1/24` */
  constructor(address: string, { queues = 1, mtu = 1500 }: { readonly queues?: number; readonly mtu?: number } = {}) {
    const many = ['numrxqueues', `${queues}`, 'numtxqueues', `${queues}`];
    const { space, peer, device, peerDevice } = this;
    space.ip('link', 'add', device, ...many, 'type', 'veth', 'peer', 'name', peerDevice, ...many, 'netns', peer.name);
    space.ip('link', 'set', device, 'mtu', `${mtu}`);
    peer.ip('link', 'set', peerDevice, 'mtu', `${mtu}`);
    peer.bringUp(peerDevice, address);
    space.bringUp(device);
  }

  /** Gives the end that is tested an address of the kernel's. */
  bringUpNear(address: string): void {
    this.space.ip('address', 'add', address, 'dev', this.device);
  }

  /** What `ip link` says of the end that is tested: with a program there is a word of XDP in it. */
  get link(): string {
    return this.space.ip('link', 'show', this.device);
  }

  /** Removes both. */
  remove(): void {
    this.space.remove();
    this.peer.remove();
  }
}

/** Why nothing of it can be tested on this host; false where it can. */
export function vethRefused(): string | false {
  return namespacesRefused();
}
