// What a store is started with, as the command and the threads pass it on. Not here: how it is written on the command line (cli/kv.ts).

/** What goes when memory is full: the names that Redis gave them. */
export const evictionPolicies = [
  'noeviction',
  'allkeys-lru',
  'volatile-lru',
  'allkeys-random',
  'volatile-random',
  'volatile-ttl',
  'allkeys-lfu',
  'volatile-lfu',
] as const;

export type EvictionPolicy = (typeof evictionPolicies)[number];

/** Settings of a store. */
export interface StoreOptions {
  /** Most bytes for keys, values and what is kept of clients. */
  readonly maxMemory: number;
  readonly policy: EvictionPolicy;
  /** What AUTH has to give; undefined: nothing. */
  readonly password: string | undefined;
  /** The port that INFO tells of; 0: none. */
  readonly port: number;
  readonly maxClients: number;
  /** Seconds after which a silent client is closed; 0: never. */
  readonly timeoutSeconds: number;
  /** Where the store is restored from, and saved to; undefined: nowhere. */
  readonly snapshot: string | undefined;
}
