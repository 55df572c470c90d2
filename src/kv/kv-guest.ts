// The store as a guest: which image, how much memory, and its settings as words of a command line (src/core/images/kv.ts reads them). Not here: the machine (vmm/).

import { fileURLToPath } from 'node:url';
import { formatBytes } from '../text/units.js';
import type { StoreOptions } from './kv-options.js';
import { policyNumbers } from './store.js';

/** What a monitor is given. */
export interface KvGuest {
  readonly image: string;
  readonly memoryBytes: number;
  /** The port of the guest that clients' streams go to. */
  readonly port: number;
  /** @param port what INFO says of it. */
  commandLine(port: number): string;
}

/** Most data that a guest of 2 GiB of linear memory has room for beside its tables. */
const mostMemory = 1536 * 1024 ** 2;
const mostClients = 60_000;
const mebibyte = 1024 ** 2;
/** The image, packets, clients and tables, and what slabs cost beside their objects. */
const overhead = (maxMemory: number, maxClients: number): number =>
  32 * mebibyte + Math.ceil(maxMemory / 8) + maxClients * 1408;

/** A guest for a store, or why there can be none, as a sentence. */
export function kvGuest(store: StoreOptions): KvGuest | string {
  const { maxMemory, maxClients, password, policy, timeoutSeconds } = store;
  if (store.snapshot !== undefined)
    return '--snapshot needs a file, and a guest has none: leave out --vm or --snapshot';
  if (maxMemory > mostMemory) return `with --vm, --maxmemory is at most ${formatBytes(mostMemory)}`;
  if (maxClients > mostClients) return `with --vm, --maxclients is at most ${mostClients}`;
  if (password !== undefined && !/^[!-~]+$/.test(password))
    return 'with --vm, a password has no spaces and only letters of ASCII';
  const memoryBytes = Math.ceil((maxMemory + overhead(maxMemory, maxClients)) / (2 * mebibyte)) * 2 * mebibyte;
  const words = [
    `maxmemory=${maxMemory}`,
    `policy=${policyNumbers[policy]}`,
    `maxclients=${maxClients}`,
    `timeout=${timeoutSeconds}`,
    ...(password === undefined ? [] : [`password=${password}`]),
  ];
  return {
    image: fileURLToPath(new URL('../../image/kv.elf', import.meta.url)),
    memoryBytes,
    port: 6379,
    commandLine: (port) => [...words, `port=${port}`].join(' '),
  };
}
