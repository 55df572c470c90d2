// BypassDevice: the XDP program on a network device that brings packets for our own addresses to the queues' sockets, wherever these were opened in this
// process. It holds the program by a descriptor: when the process dies the device is as it was. Not here: the sockets (open.ts).

import { XdpAttachment } from '../xdp/xdp-attachment.js';
import type { BypassPlan } from './bypass-plan.js';

/** A queue's socket: descriptors are the process's, whichever thread opened it. */
export interface QueueSocket {
  readonly queue: number;
  readonly fd: number;
}

/** See the file's head. */
export class BypassDevice {
  readonly #plan: BypassPlan;
  #attachment: XdpAttachment | undefined;

  constructor(plan: BypassPlan) {
    this.#plan = plan;
  }

  /** Brings packets to the sockets: to all of them at first, later to one that took the place of another. @throws XdpError with the mend */
  bring(sockets: readonly QueueSocket[]): void {
    if (this.#attachment !== undefined) {
      for (const socket of sockets) this.#attachment.bring(socket);
      return;
    }
    const { device, ifindex, addresses, linkLocal } = this.#plan;
    const attachment = new XdpAttachment({ device, ifindex, sockets, take: 'chosen' });
    try {
      for (const { host } of addresses) attachment.choose({ address: host });
      if (linkLocal !== undefined) attachment.choose({ address: linkLocal });
    } catch (error) {
      attachment.detach();
      throw error;
    }
    this.#attachment = attachment;
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
  }
}
