// What a device is to a session of vhost-user: its features, its configuration space, and its queues as they start and stop. Not here: the session
// (session.ts), the devices.

import type { MemoryTable } from './memory-table.js';
import type { Vring } from './vring.js';

/** What a device is to the session: its features, its configuration space, and its queues as they start and stop. */
export interface VhostDevice {
  /** Features of the device's own kind, as bits. */
  readonly features: bigint;
  /** Protocol features of the device's own kind, as bits. */
  readonly protocolFeatures: bigint;
  /** Queues that it has at most, and what GET_QUEUE_NUM says of them. */
  readonly queues: number;
  readonly queueNumber: number;
  /** Bytes of its configuration space, from `offset` on; undefined: there are none. */
  readConfig(offset: number, length: number): Uint8Array | undefined;
  /** Writes what may be written there. False: it may not. */
  writeConfig(offset: number, bytes: Uint8Array): boolean;
  /** The front end's choice of features. */
  negotiated(features: bigint): void;
  /** What was agreed on of the device's own kind, in words. */
  readonly agreedWords?: readonly string[];
  /** What a queue is called; default: by its number. */
  queueName?(index: number): string;
  /** The largest packet that the front end says its guest may send, without headers. False: it cannot be. For devices with the feature. */
  setMtu?(bytes: number): boolean;
  /** The guest is at another host now: the network is to hear its address, of 6 bytes (SEND_RARP). */
  announce?(mac: Uint8Array): void;
  /** A queue runs, or may be looked at again (it was enabled, kicked). */
  started(vring: Vring, memory: MemoryTable): void;
  /** A queue is to end: `done` when every request of it that is under way has ended. */
  stop(vring: Vring, done: () => void): void;
  /**
   * A queue has ended, of a guest that moves to another host while it runs: `done` when all that it was told is done can be seen from there.
   * @param done with why it cannot, as the end of a sentence
   */
  handOver?(done: (why?: string) => void): void;
  /** The front end has gone, and nothing of it is left. */
  left?(): void;
}
