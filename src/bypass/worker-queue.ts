// A serving thread's queue: our own TCP/IP on it, listening at each of its addresses, and what it counts for the metrics. Loaded only where a server is past the
// kernel. Not here: who starts the thread (serve/).

import { keepCopyAccount } from '../memory/copy.js';
import { coded } from '../text/coded.js';
import type { Loop } from '../transport/loop.js';
import { type EngineChoice, openEngine } from '../transport/open-engine.js';
import type { BypassEngine } from './bypass-engine.js';
import type { BypassPlan } from './bypass-plan.js';
import { Caretaker, type CaretakerTold } from './caretaker.js';
import { type HeardNeighbours, NeighbourNews } from './neighbour-news.js';
import { openQueue } from './open.js';
import type { XdpLink } from './xdp-link.js';

/** What a thread needs to begin: plain data. */
export interface WorkerQueueStart {
  readonly plan: BypassPlan;
  readonly queue: number;
  readonly port: number;
}

/** Connections that wait to be accepted. */
const backlog = 1024;

/** See the file's head. */
export class WorkerQueue {
  readonly engine: BypassEngine;
  /** Numbers of the sockets that listen, as the engine has them. */
  readonly sockets: readonly { readonly fd: number }[];
  readonly #link: XdpLink;
  readonly #plan: BypassPlan;

  /** Opens it; closing the engine closes it. @param engine of the kernel, for files and everything else. @throws XdpError, Error */
  constructor({ plan, queue, port }: WorkerQueueStart, engine: EngineChoice) {
    this.#plan = plan;
    const opened = openQueue(plan, queue, openEngine(engine));
    this.engine = opened.engine;
    this.#link = opened.link;
    try {
      this.sockets = plan.addresses.map(({ host }) => {
        const fd = this.engine.listen(host, port, backlog);
        if (fd < 0)
          throw coded('CLEARWAY_BYPASS', new Error(`our TCP/IP does not listen on ${host}, port ${port}: ${fd}`));
        return { fd };
      });
    } catch (error) {
      this.engine.close();
      throw error;
    }
  }

  /** What it copies is counted in an account of its caller's: in a bundle each file has an account of its own until then. */
  keepCopies(account: Float64Array): void {
    keepCopyAccount(account);
  }

  /** Looks after the device and the gateways, as one thread of all does: see {@link Caretaker}. */
  lookAfter(loop: Loop, told: CaretakerTold): Caretaker {
    return new Caretaker(loop, this.engine.stack, this.#plan, told);
  }

  /** Tells the other queues' stacks what this one's heard of neighbours and of packets, where there are others. @param tell carries it to their threads, for {@link hearNeighbours} */
  shareNeighbours(loop: Loop, tell: (heard: HeardNeighbours) => void): void {
    if (this.#plan.queues === 1) return;
    const news = new NeighbourNews(this.engine.stack, tell);
    this.#link.afterTurn = () => news.look();
    loop.everyTick(() => news.tick());
  }

  /** Hears what another queue's stack heard, from its thread. */
  hearNeighbours(heard: HeardNeighbours): void {
    this.engine.stack.hearNeighbours(heard);
  }

  /** The descriptor that packets are to be brought to. */
  get descriptor(): number {
    return this.#link.descriptor;
  }

  /** Writes what was counted, in the order of bypassFigureNames (figures.ts). */
  readFigures(into: Float64Array): void {
    this.#link.readFigures(into);
  }
}
