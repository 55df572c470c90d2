// The store served past the kernel: its module is given turns, its snapshot is kept, it is ended cleanly. Not here: connections and commands, which are the module's
// (src/core/kv-stack), the same over the kernel's sockets (kv-service.ts).

import { bypassFigureNames } from '../bypass/figures.js';
import { StackDriver } from '../bypass/stack-driver.js';
import { copiedBytes, keepCopyAccount } from '../memory/copy.js';
import type { Loop } from '../transport/loop.js';
import type { Devices } from '../vhost/run-devices.js';
import { BypassQueue, type KvBypass } from './bypass-queue.js';
import type { KvCounts } from './kv-metrics.js';
import type { StoreOptions } from './kv-options.js';
import type { KvOffered } from './kv-service.js';
import { StoreKeeper } from './store-keeper.js';

/** How long a client may still ask for something when it ends: its request may be on the way. */
const lastAskMs = 100;
/** How long clients may take to read their last replies. */
const drainMs = 1000;
/** How long their acknowledgements are waited for, and how often that is looked at. */
const goodbyeMs = 1000;
const lookMs = 5;

/** See the file's head. */
export class KvBypassService implements Devices<KvOffered, KvCounts> {
  readonly engine = 'bypass';
  readonly offered: KvOffered;
  readonly queue: BypassQueue;
  readonly #loop: Loop;
  readonly #keeper: StoreKeeper;
  readonly #driver: StackDriver;
  readonly #stopClock: () => void;

  /** @param copies the account of what is copied: of the thread's, in the bundle too @throws XdpError, Error, each with the fix */
  constructor(
    loop: Loop,
    options: StoreOptions,
    bypass: KvBypass,
    copies: Float64Array,
    say: (sentence: string) => void,
    end: () => void,
  ) {
    keepCopyAccount(copies);
    this.#loop = loop;
    const queue = new BypassQueue(bypass, options);
    this.queue = queue;
    try {
      const { core, store } = queue.kv;
      this.#keeper = new StoreKeeper(store, options, say, end);
      this.offered = { restoredKeys: this.#keeper.restoredKeys };
      this.#driver = new StackDriver(loop, core, queue.link, {
        pollUs: queue.pollUs,
        asked: () => {
          const requests = store.takeRequests();
          if (requests !== undefined) this.#keeper.answer(requests);
        },
      });
    } catch (error) {
      queue.close();
      throw error;
    }
    this.#stopClock = loop.everyTick((nowMs) => queue.kv.store.tellHost(nowMs));
    if (queue.detour !== undefined) say(queue.detour);
  }

  /** See {@link StackDriver.step}. */
  step(waitMs: number): void {
    this.#driver.step(waitMs);
  }

  /** What was counted. */
  counts(): KvCounts {
    const bypass = new Float64Array(bypassFigureNames.length);
    this.queue.link.readFigures(bypass);
    return { ...this.queue.kv.counts(copiedBytes), bypass: [...bypass] };
  }

  /** SIGHUP: the snapshot is written now. */
  changed(): void {
    this.#keeper.save();
  }

  /** Ends it: clients read their last replies, and the snapshot is written. */
  close(done: () => void): void {
    const { core } = this.queue.kv;
    const beganMs = this.#loop.nowMs;
    let stage = 0;
    let dueMs = beganMs;
    const look = (nowMs: number): void => {
      dueMs = nowMs + lookMs;
      const goneMs = nowMs - beganMs;
      const isOver = core.linkCount() === 0 && (this.#driver.isQuiet || goneMs >= drainMs + goodbyeMs);
      if (isOver) {
        this.#loop.alarm = undefined;
        this.#stopClock();
        done();
        this.#keeper.saveAtEnd();
      } else if (goneMs >= drainMs && stage < 2) {
        stage = 2;
        core.endClients(1);
      } else if (goneMs >= lastAskMs && stage < 1) {
        stage = 1;
        core.endClients(0);
      }
    };
    core.stopListening();
    this.#loop.alarm = {
      get dueMs() {
        return dueMs;
      },
      ring: look,
    };
  }
}
