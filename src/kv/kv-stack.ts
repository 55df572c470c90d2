// KvStack: the store and our own TCP/IP in one module (dist/core/kv-stack.wasm), in one memory: both are set up here, each by its own class. Not here: what the module
// does (src/core/kv-stack), the network device below it.

import { StackBase, type StackOptions, stackBytes } from '../bypass/stack.js';
import type { StackBaseExports } from '../bypass/stack-exports.js';
import { CopyReason } from '../memory/copy.js';
import { CoreModule } from '../memory/core-module.js';
import type { KvCounts } from './kv-metrics.js';
import type { StoreOptions } from './kv-options.js';
import { Store, type StoreExports, storeBytes } from './store.js';

/** What the module exports beside what the stack and the store do (src/core/README.md). */
interface KvStackExports extends StackBaseExports, StoreExports {
  linkCount(): number;
  /** Connections that were accepted, up to 2^32; and those of them that were more than may be. */
  readonly accepted: WebAssembly.Global<'i32'>;
  readonly refused: WebAssembly.Global<'i32'>;
  stopListening(): void;
  endClients(isAtOnce: number): void;
  /** Bytes of replies that were copied into frames. */
  readonly filledBytes: WebAssembly.Global<'i64'>;
}

const mostBytes = 2 ** 32;
/** A connection's record and its places in lists. */
const linkBytes = 64;
/** Sockets that are none of a client's: those that say goodbye. */
const goodbyes = 6384;

/** See the file's head. */
export class KvStack {
  readonly core: KvStackExports;
  readonly store: Store;
  readonly stack: StackBase<KvStackExports>;

  /** @throws Error where the memory is not to be had, or a setting is refused */
  constructor(options: StoreOptions, stackOptions: StackOptions) {
    const sockets = stackOptions.sockets ?? options.maxClients + goodbyes;
    const ofStack = { ...stackOptions, sockets };
    const bytes = stackBytes(ofStack) + sockets * linkBytes + storeBytes(options);
    const module = new CoreModule<KvStackExports>('kv-stack', Math.min(mostBytes, bytes));
    this.core = module.core;
    let stack: StackBase<KvStackExports> | undefined;
    this.store = new Store(options, {
      module,
      layOut: (from, to) => {
        stack = new StackBase<KvStackExports>(ofStack, { module, from, to });
        return 0;
      },
    });
    this.stack = stack!;
  }

  /** What was counted; what was copied into packets is told apart. @param copied bytes copied in user space by reason, to which that is added */
  counts(copied: Float64Array): KvCounts {
    const { filledBytes, accepted, refused } = this.core;
    const filled = Number(filledBytes.value);
    const counts = this.store.counts();
    const byReason = [...copied];
    byReason[CopyReason.packetFill]! += filled;
    return {
      ...counts,
      coreCopiedBytes: counts.coreCopiedBytes - filled,
      copied: byReason,
      accepted: accepted.value >>> 0,
      refused: refused.value >>> 0,
    };
  }
}
