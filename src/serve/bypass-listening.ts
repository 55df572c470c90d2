// What a server listens with past the kernel: addresses of our own TCP/IP on a network device. Each worker opens a queue of the device and listens there; the main
// thread has packets brought to their sockets. Not here: what a worker opens (bypass/worker-queue.ts).

import { BypassDevice } from '../bypass/bypass-device.js';
import { type BypassOptions, type BypassPlan, planBypass, sharedNotes } from '../bypass/bypass-plan.js';
import type { WorkerQueueStart } from '../bypass/worker-queue.js';
import { coded } from '../text/coded.js';
import type { ListenAddress } from './addresses.js';
import type { ServerSockets } from './listening.js';

/** Where a free port is taken from, when any will do: the range of the kernel's own (net.ipv4.ip_local_port_range), where nothing else is expected. */
const anyPort = { least: 32_768, most: 60_999 } as const;

/** See the file's head. */
export class BypassListening implements ServerSockets {
  readonly addresses: readonly ListenAddress[];
  /** Workers that it takes: one a queue. */
  readonly workers: number;
  readonly #plan: BypassPlan;
  readonly #port: number;
  readonly #device: BypassDevice;
  readonly #warn: (message: string) => void;
  /** The descriptors of the workers' sockets, by queue; until the first packets are brought, all are waited for. */
  readonly #sockets = new Map<number, number>();
  #isBrought = false;

  /** @param workers 0: as many as there are queues. @throws BypassRefusal, XdpError, each with the fix */
  constructor(options: BypassOptions, port: number, workers: number, warn: (message: string) => void) {
    const span = anyPort.most - anyPort.least + 1;
    this.#port = port === 0 ? anyPort.least + Math.floor(Math.random() * span) : port;
    const plan = planBypass(options, [this.#port]);
    const { device, queues } = plan;
    if (workers !== 0 && workers !== queues) {
      const has = queues === 1 ? '1 queue' : `${queues} queues`;
      throw coded(
        'CLEARWAY_BYPASS',
        new Error(
          `${device} receives on ${has}, and each takes a worker: leave --workers out, or have it receive on ${workers} (ethtool -L ${device} combined ${workers})`,
        ),
      );
    }
    this.workers = queues;
    this.#plan = plan;
    this.#warn = warn;
    this.#device = new BypassDevice(plan);
    this.addresses = plan.addresses.map(({ host }) => ({ host, port: this.#port }));
  }

  /** What a worker opens its queue with. */
  queueStart(worker: number): WorkerQueueStart {
    return { plan: this.#plan, queue: worker, port: this.#port };
  }

  /** None of the kernel's. */
  sockets(): readonly [] {
    return [];
  }

  /** A worker's queue is open: packets are brought as soon as all are. @throws XdpError with the fix */
  joined(worker: number, fd: number): void {
    this.#sockets.set(worker, fd);
    if (this.#isBrought) this.#device.bring([{ queue: worker, fd }]);
    else if (this.#sockets.size === this.workers) {
      this.#device.bring([...this.#sockets].map(([queue, each]) => ({ queue, fd: each })));
      this.#isBrought = true;
      for (const note of sharedNotes(this.#plan)) this.#warn(note);
      const why = this.#device.way?.why;
      if (why !== undefined)
        this.#warn(`packets of ${this.#plan.device} take the long way through the kernel before they reach us: ${why}`);
    }
  }

  /** Its queue stays its own. */
  release(): void {}

  /** Packets are brought until the workers have said goodbye. */
  withdraw(): void {}

  /** Leaves the device as it was. */
  close(): void {
    this.#device.close();
  }
}
