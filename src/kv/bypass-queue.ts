// A store past the kernel: the one queue of a network device that it is served on, in one module with our own TCP/IP, which listens at each address. Not here: who gives
// it turns (bypass-service.ts), the device (../bypass/).

import { BypassDevice } from '../bypass/bypass-device.js';
import type { BypassPlan } from '../bypass/bypass-plan.js';
import { XdpLink } from '../bypass/xdp-link.js';
import { coded } from '../text/coded.js';
import type { StoreOptions } from './kv-options.js';
import { KvStack } from './kv-stack.js';

/** Where a store is served past the kernel: plain data, for a thread. */
export interface KvBypass {
  readonly plan: BypassPlan;
  readonly port: number;
}

/** Connections that wait to be accepted. */
const backlog = 1024;
/** A client that says nothing for so long is asked whether it is there: one that vanished would keep its place for ever (as Redis' tcp-keepalive). */
const keepIdleMs = 300_000;

/** See the file's head. */
export class BypassQueue {
  readonly kv: KvStack;
  readonly link: XdpLink;
  readonly pollUs: number;
  /** Why packets take the long way through the kernel, where they do. */
  readonly detour: string | undefined;
  readonly #device: BypassDevice;

  /** Opens it, and has packets brought. @throws XdpError, Error, each with the fix */
  constructor({ plan, port }: KvBypass, options: StoreOptions) {
    const { device, ifindex, mac, mtu, addresses, linkLocal, gateways, pollUs } = plan;
    this.pollUs = pollUs;
    const tcp = { keepIdleMs, ...plan.tcp };
    const given = { mac, mtu, addresses, gateways, tcp };
    this.kv = new KvStack(options, { ...given, ...(linkLocal !== undefined && { linkLocal }) });
    this.link = new XdpLink(this.kv.stack, device, ifindex, 0);
    this.#device = new BypassDevice(plan);
    try {
      for (const { host } of addresses) {
        const listener = this.kv.stack.listen(host, port, backlog);
        if (listener < 0)
          throw coded('CLEARWAY_BYPASS', new Error(`our TCP/IP does not listen on ${host}, port ${port}: ${listener}`));
      }
      this.#device.bring([{ queue: 0, fd: this.link.descriptor }]);
    } catch (error) {
      this.close();
      throw error;
    }
    const why = this.#device.way?.why;
    this.detour = why && `packets of ${device} take the long way through the kernel before they reach us: ${why}`;
  }

  /** Leaves the device as it was. */
  close(): void {
    this.#device.close();
    this.link.close();
  }
}
