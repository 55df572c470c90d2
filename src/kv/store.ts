// The store's module in a memory of its own, for plain TypeScript: its functions, its settings, its figures. Not here: what it does (src/core/kv), who
// talks to it (kv-protocol.ts).

import { randomBytes } from 'node:crypto';
import { totalmem } from 'node:os';
import * as Control from '../core/kv/control.js';
import { MADV } from '../kernel/constants.js';
import { tryAdviseMemory } from '../kernel/memory.js';
import { residentBytes } from '../kernel/proc.js';
import { CopyReason, encodeText } from '../memory/copy.js';
import { CoreModule } from '../memory/core-module.js';
import { coded } from '../text/coded.js';
import type { evictionPolicies, StoreOptions } from './kv-options.js';

/** What every module with the store in it exports (src/core/README.md). */
export interface StoreExports {
  heapBase(): number;
  storeControl(): number;
  storeTurn(nowUs: number): number;
  clientOpen(): number;
  clientClose(client: number): void;
  clientFeed(client: number, address: number, length: number): number;
  clientOutput(client: number): number;
  clientSent(client: number, bytes: number): void;
  clientState(client: number): number;
  clientTrust(client: number): void;
  clientPeer(client: number, text: number, length: number): void;
  nextClientEvent(): number;
  storeRequests(): number;
  /** Makes a snapshot in the output of a client that is only for that; 0: there is no such client. */
  snapshotBegin(client: number): number;
  /** Writes more of it; 0: that was all. */
  snapshotMore(): number;
  snapshotEnd(): void;
  /** What came of it, and when, in seconds since 1970. */
  snapshotSaved(isSaved: number, at: bigint): void;
}

/** What was counted of a store. All but `usedMemory`, `keys` and `clients` only grows. */
export interface StoreCounts {
  readonly usedMemory: number;
  readonly peakMemory: number;
  readonly keys: number;
  readonly clients: number;
  readonly commands: number;
  readonly hits: number;
  readonly misses: number;
  readonly expired: number;
  readonly evicted: number;
  readonly errorReplies: number;
  readonly protocolErrors: number;
  readonly refusedForMemory: number;
  readonly outputLimitClosed: number;
  readonly queryLimitClosed: number;
  readonly authFailed: number;
  readonly inputBytes: number;
  readonly outputBytes: number;
  readonly coreCopiedBytes: number;
}

/** What clients asked for that is done outside of the core. */
export interface StoreRequests {
  readonly save: boolean;
  readonly shutdown: boolean;
  /** Whether the snapshot is to be written at the end. */
  readonly isSaved: boolean;
}

/** A module in which there is a store, and what lays it out between two addresses once its settings are written: -errno where there is no room. */
export interface StorePlace {
  readonly module: CoreModule<StoreExports>;
  layOut(from: number, to: number): number;
}

/** Bytes of memory that a store takes, tables included. */
export function storeBytes({ maxMemory }: Pick<StoreOptions, 'maxMemory'>): number {
  return maxMemory + overhead(maxMemory);
}

function placeOf(options: StoreOptions): StorePlace {
  const module = new CoreModule<StoreExports & { storeConfigure(from: number, to: number): number }>(
    'store',
    Math.min(mostBytes, storeBytes(options)),
  );
  return { module, layOut: (from, to) => module.core.storeConfigure(from, to) };
}

/** Where requests are put that did not arrive in the module's memory. */
const inputBytes = 64 * 1024;
/** The module's own tables and what slabs cost beside their objects. */
const overhead = (maxMemory: number): number => 8 * 1024 ** 2 + Math.ceil(maxMemory / 8);
const mostBytes = 2 ** 32;

/** The number of each policy in the core. */
export const policyNumbers: Readonly<Record<(typeof evictionPolicies)[number], number>> = {
  noeviction: Control.POLICY_NOEVICTION,
  'allkeys-lru': Control.POLICY_ALLKEYS_LRU,
  'volatile-lru': Control.POLICY_VOLATILE_LRU,
  'allkeys-random': Control.POLICY_ALLKEYS_RANDOM,
  'volatile-random': Control.POLICY_VOLATILE_RANDOM,
  'volatile-ttl': Control.POLICY_VOLATILE_TTL,
  'allkeys-lfu': Control.POLICY_ALLKEYS_LFU,
  'volatile-lfu': Control.POLICY_VOLATILE_LFU,
};

/** See the file's head. */
export class Store {
  readonly core: StoreExports;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The kernel's address of the module's address 0; 0 where there is no Linux. */
  readonly address: number;
  /** Where requests are put, and how many bytes fit. */
  readonly input: number;
  readonly inputBytes = inputBytes;
  readonly #data: DataView<ArrayBuffer>;
  readonly #control: number;
  readonly #beganMs = performance.now();
  /** When it wants to be told the time again, on the clock of {@link turn}. */
  dueMs = this.#beganMs;
  #wallSetMs = Number.POSITIVE_INFINITY;

  /** @param place default: a module of its own @throws Error where the memory is not to be had */
  constructor(options: StoreOptions, { module, layOut }: StorePlace = placeOf(options)) {
    this.core = module.core;
    this.bytes = module.bytes;
    this.address = module.address;
    // Keys lie at random places: with small pages most look-ups of one would also look for its page.
    if (this.address !== 0) tryAdviseMemory(this.address, this.bytes.length, MADV.HUGEPAGE);
    this.#data = module.data;
    this.#control = this.core.storeControl();
    this.input = (this.core.heapBase() + 63) & ~63;
    const password = this.input + inputBytes;
    const passwordBytes =
      options.password === undefined ? 0 : encodeText(CopyReason.encode, this.bytes, password, options.password);
    this.#set(Control.PASSWORD, password);
    this.#set(Control.PASSWORD_LENGTH, passwordBytes);
    this.#data.setBigUint64(this.#control + Control.MAX_MEMORY, BigInt(options.maxMemory), true);
    this.#set(Control.POLICY, policyNumbers[options.policy]);
    this.#set(Control.MAX_CLIENTS, options.maxClients);
    this.#set(Control.TELL_PROCESS, process.pid);
    this.#set(Control.TELL_PORT, options.port);
    this.#data.setBigUint64(this.#control + Control.TELL_SYSTEM_MEMORY, BigInt(totalmem()), true);
    this.#set(Control.IDLE_SECONDS, options.timeoutSeconds);
    this.bytes.set(randomBytes(16), this.#control + Control.SEED); // copy-ok: 16 bytes of a seed, once
    const result = layOut(password + 1024, this.bytes.length);
    if (result < 0)
      throw coded(
        'CLEARWAY_KV',
        new Error(`a store of ${options.maxMemory} bytes has no room for its tables: raise --maxmemory`),
      );
    this.turn(this.#beganMs);
    this.#wallSetMs = 0;
    this.turn(performance.now());
  }

  /** Tells what changes by itself: the time of day of the store's first turn, from which it counts; the process's memory. @param nowMs as of `turn` */
  tellHost(nowMs: number): void {
    const elapsedUs = (nowMs - this.#beganMs) * 1000;
    const offset = BigInt(Math.round(Date.now() * 1000 - elapsedUs));
    this.#data.setBigUint64(this.#control + Control.WALL_OFFSET, offset, true);
    this.#data.setBigUint64(this.#control + Control.TELL_RESIDENT, BigInt(residentBytes()), true);
  }

  #set(at: number, value: number): void {
    this.#data.setUint32(this.#control + at, value, true);
  }

  #get(at: number): number {
    return this.#data.getUint32(this.#control + at, true);
  }

  #figure(at: number): number {
    return Number(this.#data.getBigUint64(this.#control + at, true));
  }

  /** Tells the time, in ms of `performance.now()`; what expired goes. */
  turn(nowMs: number): void {
    if (nowMs >= this.#wallSetMs) {
      this.#wallSetMs = nowMs + 1000;
      this.tellHost(nowMs);
    }
    this.dueMs = nowMs + this.core.storeTurn((nowMs * 1000) % 2 ** 32) / 1000;
  }

  /** What clients asked for that is done outside of the core, since the last call; undefined: nothing. */
  takeRequests(): StoreRequests | undefined {
    const asked = this.core.storeRequests();
    if (asked === 0) return undefined;
    return { save: (asked & 1) !== 0, shutdown: (asked & 6) !== 0, isSaved: (asked & 4) === 0 };
  }

  /** Says what came of a snapshot. */
  noteSaved(isSaved: boolean): void {
    this.core.snapshotSaved(isSaved ? 1 : 0, BigInt(Math.floor(Date.now() / 1000)));
  }

  /** The module's address of the output that `clientOutput` told of. */
  get outputAddress(): number {
    return this.#get(Control.OUTPUT_ADDRESS);
  }

  /** Keys of all databases. */
  get keys(): number {
    return this.#figure(Control.KEYS);
  }

  /** A client of our own, which need not say who it is. */
  trust(client: number): void {
    this.core.clientTrust(client);
  }

  /** Says where a client calls from, for CLIENT LIST and KILL; of a Unix socket there is no host. */
  namePeer(client: number, host: string, port: number): void {
    const name = host === '' ? 'unix:0' : host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
    this.core.clientPeer(client, this.input, encodeText(CopyReason.encode, this.bytes, this.input, name));
  }

  /** Whether a client's connection ends, at the latest when its output has left. */
  isOver(client: number): boolean {
    return this.core.clientState(client) !== 0;
  }

  /** Whether the client that was fed last waits for a key: what it sends is not taken until then. */
  get isWaiting(): boolean {
    return (this.#get(Control.FEED_STATE) & Control.FEED_BLOCKED) !== 0;
  }

  /** Whether a client's connection ends now. */
  isBroken(client: number): boolean {
    return (this.core.clientState(client) & Control.FEED_CLOSED) !== 0;
  }

  /** What was counted. */
  counts(): StoreCounts {
    return {
      usedMemory: this.#figure(Control.USED_MEMORY),
      peakMemory: this.#figure(Control.PEAK_MEMORY),
      keys: this.keys,
      clients: this.#figure(Control.CLIENTS),
      commands: this.#figure(Control.COMMANDS),
      hits: this.#figure(Control.HITS),
      misses: this.#figure(Control.MISSES),
      expired: this.#figure(Control.EXPIRED),
      evicted: this.#figure(Control.EVICTED),
      errorReplies: this.#figure(Control.ERROR_REPLIES),
      protocolErrors: this.#figure(Control.PROTOCOL_ERRORS),
      refusedForMemory: this.#figure(Control.REFUSED_FOR_MEMORY),
      outputLimitClosed: this.#figure(Control.OUTPUT_LIMIT_CLOSED),
      queryLimitClosed: this.#figure(Control.QUERY_LIMIT_CLOSED),
      authFailed: this.#figure(Control.AUTH_FAILED),
      inputBytes: this.#figure(Control.INPUT_BYTES),
      outputBytes: this.#figure(Control.OUTPUT_BYTES),
      coreCopiedBytes: this.#figure(Control.COPIED_BYTES),
    };
  }
}
