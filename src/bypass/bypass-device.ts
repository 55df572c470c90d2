// BypassDevice: the XDP program on a network device that brings packets for our own addresses to the queues' sockets, wherever these were opened in this
// process. It holds the program by a descriptor: when the process dies the device is as it was. Of an address that the kernel has too, only ports are taken, each of
// which the kernel is asked to give to nobody else. Not here: the sockets (open.ts).

import { Errno } from '../kernel/errno.js';
import { reservePort } from '../kernel/reserve-port.js';
import { closeDescriptor } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { XdpAttachment } from '../xdp/xdp-attachment.js';
import type { BypassPlan } from './bypass-plan.js';

/** A queue's socket: descriptors are the process's, whichever thread opened it. */
export interface QueueSocket {
  readonly queue: number;
  readonly fd: number;
}

/** Of which protocol a port is. */
export type PortProtocol = 'tcp' | 'udp';

/** Where answers of ARP go that are for us and not for the kernel, which has our address (core/solicit.ts). */
const nobody = '0.0.0.0';

/** See the file's head. */
export class BypassDevice {
  readonly #plan: BypassPlan;
  #attachment: XdpAttachment | undefined;
  /** Ports of shared addresses: the descriptors that keep them, and how many use them. */
  readonly #ports = new Map<string, { readonly fd: number; users: number }>();

  constructor(plan: BypassPlan) {
    this.#plan = plan;
  }

  /** Brings packets to the sockets: to all of them at first, later to one that took the place of another. @throws XdpError, SystemError with the fix */
  bring(sockets: readonly QueueSocket[]): void {
    if (this.#attachment !== undefined) {
      for (const socket of sockets) this.#attachment.bring(socket);
      return;
    }
    const { device, ifindex, addresses, linkLocal, ports } = this.#plan;
    const attachment = new XdpAttachment({ device, ifindex, sockets, take: 'chosen' });
    this.#attachment = attachment;
    try {
      for (const { host, isShared } of addresses) {
        if (isShared !== true) attachment.choose({ address: host });
        else if (!host.includes(':')) attachment.choose({ address: nobody });
      }
      if (linkLocal !== undefined) attachment.choose({ address: linkLocal });
      for (const { host } of addresses) for (const port of ports) this.take('tcp', host, port);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Whether an address of the stack's is the kernel's too. */
  isShared(host: string): boolean {
    return this.#plan.addresses.some((address) => address.host === host && address.isShared === true);
  }

  /** Takes packets to a port, where its address is shared; once more: it stays until each has left. @throws SystemError EADDRINUSE with the fix, ENOSPC */
  take(protocol: PortProtocol, host: string, port: number): void {
    if (!this.isShared(host) || this.#attachment === undefined) return;
    const key = `${protocol} ${host} ${port}`;
    const taken = this.#ports.get(key);
    if (taken !== undefined) {
      taken.users++;
      return;
    }
    const fd = reservePort(protocol, host, port);
    if (fd < 0) {
      const hint =
        fd === -Errno.EADDRINUSE
          ? `the address is the interface's too, and a program of this host has the port there: choose another, or find it with \`ss -ln${protocol === 'tcp' ? 't' : 'u'}p sport = :${port}\``
          : undefined;
      throw new SystemError(-fd, 'listen', `on ${host}, port ${port}`, hint);
    }
    try {
      this.#attachment.choose({ address: host, port: { protocol, number: port } });
    } catch (error) {
      closeDescriptor(fd);
      throw error;
    }
    this.#ports.set(key, { fd, users: 1 });
  }

  /** Leaves a port to the kernel again, once everybody who took it has. */
  leave(protocol: PortProtocol, host: string, port: number): void {
    const key = `${protocol} ${host} ${port}`;
    const taken = this.#ports.get(key);
    if (taken === undefined || --taken.users > 0) return;
    this.#ports.delete(key);
    this.#attachment?.leave({ address: host, port: { protocol, number: port } });
    closeDescriptor(taken.fd);
  }

  /** Where packets are taken out of the kernel's way, once they are: in the driver, or behind it, and why then. */
  get way(): { readonly mode: 'native' | 'generic'; readonly why: string | undefined } | undefined {
    const attachment = this.#attachment;
    return attachment && { mode: attachment.mode, why: attachment.whyGeneric };
  }

  /** Takes the program off. A second call does nothing. */
  close(): void {
    this.#attachment?.detach();
    this.#attachment = undefined;
    for (const { fd } of this.#ports.values()) closeDescriptor(fd);
    this.#ports.clear();
  }
}
