// The store served by a loop: its listener, its snapshot, the time that passes. Not here: what happens on a connection (kv-protocol.ts), the thread
// (kv-thread.ts).

import { setNonBlocking } from '../kernel/socket.js';
import { copiedBytes } from '../memory/copy.js';
import type { ListenSocket } from '../transport/acceptor.js';
import type { Loop } from '../transport/loop.js';
import { WarmListener } from '../transport/warm-listener.js';
import type { Devices } from '../vhost/run-devices.js';
import type { KvBypass } from './bypass-queue.js';
import type { KvCounts } from './kv-metrics.js';
import type { StoreOptions } from './kv-options.js';
import { KvProtocol, type KvState } from './kv-protocol.js';
import { Store } from './store.js';
import { StoreKeeper } from './store-keeper.js';
import { warmWords } from './warm-words.js';

/** What the thread is given. */
export interface KvStart {
  readonly store: StoreOptions;
  /** The kernel's sockets to listen on; none past the kernel. */
  readonly sockets: readonly ListenSocket[];
  /** Where it is served past the kernel; undefined: by the kernel's sockets. */
  readonly bypass: KvBypass | undefined;
}

/** What it says of itself once it serves. */
export interface KvOffered {
  /** Keys that a snapshot gave back; undefined: there was none. */
  readonly restoredKeys: number | undefined;
}

/** Bytes that a client may send ahead while its replies are under way. */
const backlogLimit = 1 << 20;
/** How long clients may take to read their last replies. */
const drainMs = 1000;

/** See the file's head. */
export class KvService implements Devices<KvOffered, KvCounts> {
  readonly offered: KvOffered;
  readonly #store: Store;
  readonly #keeper: StoreKeeper;
  readonly #listener: WarmListener<KvState>;
  readonly #loop: Loop;

  /** @throws Error where the memory is not to be had, or the snapshot is damaged */
  constructor(loop: Loop, { store: options, sockets }: KvStart, say: (sentence: string) => void, end: () => void) {
    this.#loop = loop;
    const store = new Store(options);
    this.#store = store;
    const keeper = new StoreKeeper(store, options, say, end);
    this.#keeper = keeper;
    this.offered = { restoredKeys: keeper.restoredKeys };
    for (const { fd } of sockets) setNonBlocking(fd, loop.engine.nonBlockingSockets);
    const protocol = new KvProtocol(store, (requests) => keeper.answer(requests));
    this.#listener = new WarmListener(
      loop,
      sockets,
      protocol,
      { maxConnections: options.maxClients, minRate: 0, rateWindowMs: 20_000, backlogLimit },
      '-ERR max number of clients reached\r\n',
      warmWords(options.password),
    );
    loop.alarm = {
      get dueMs() {
        return store.dueMs;
      },
      ring(nowMs) {
        store.turn(nowMs);
        protocol.lookAround();
      },
    };
  }

  /** What was counted. */
  counts(): KvCounts {
    const { accepted, refused } = this.#listener.counts;
    return { ...this.#store.counts(), accepted, refused, copied: [...copiedBytes] };
  }

  /** SIGHUP: the snapshot is written now. */
  changed(): void {
    this.#keeper.save();
  }

  /** Ends it: clients read their last replies, and the snapshot is written. */
  close(done: () => void): void {
    let isOver = false;
    const over = (): void => {
      if (isOver) return;
      isOver = true;
      this.#loop.alarm = undefined;
      done();
      this.#keeper.saveAtEnd();
    };
    this.#listener.drain(over);
    const untilMs = this.#loop.nowMs + drainMs;
    this.#loop.everyTick((nowMs) => {
      if (!isOver && nowMs >= untilMs) this.#listener.abortAll();
    });
  }
}
