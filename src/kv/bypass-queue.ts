// A store past the kernel: the one queue of a network device that it is served on, with our own TCP/IP. Not here: the stack and the device (../bypass/).

import { BypassDevice } from '../bypass/bypass-device.js';
import type { BypassEngine } from '../bypass/bypass-engine.js';
import type { BypassPlan } from '../bypass/bypass-plan.js';
import { WorkerQueue } from '../bypass/worker-queue.js';
import type { EngineChoice } from '../transport/open-engine.js';

/** Where a store is served past the kernel: plain data, for a thread. */
export interface KvBypass {
  readonly plan: BypassPlan;
  readonly port: number;
}

/** See the file's head. */
export class BypassQueue {
  readonly engine: BypassEngine;
  readonly sockets: readonly { readonly fd: number }[];
  /** Why packets take the long way through the kernel, where they do. */
  readonly detour: string | undefined;
  readonly #device: BypassDevice;

  /** Opens it, and has packets brought. @param copies the account of what is copied @throws XdpError, Error, each with the mend */
  constructor({ plan, port }: KvBypass, engine: EngineChoice, copies: Float64Array) {
    const queue = new WorkerQueue({ plan, queue: 0, port }, engine);
    queue.keepCopies(copies);
    this.engine = queue.engine;
    this.sockets = queue.sockets;
    this.#device = new BypassDevice(plan);
    try {
      this.#device.bring([{ queue: 0, fd: queue.descriptor }]);
    } catch (error) {
      this.engine.close();
      throw error;
    }
    const why = this.#device.way?.why;
    this.detour = why && `packets of ${plan.device} take the long way through the kernel before they reach us: ${why}`;
  }

  /** Leaves the device as it was. */
  close(): void {
    this.#device.close();
  }
}
