// What a connection stands between: the protocol above it, with what that may rely on, and the owner that keeps account.
// Not here: the connection itself (connection.ts).

import type { BacklogAccount } from './backlog.js';
import type { Connection } from './connection.js';
import type { FileCounts } from './file-counts.js';
import type { Loop } from './loop.js';

/** What speaks over a connection. One object serves every connection of a listener; per-connection state is `S`. */
export interface Protocol<S> {
  /**
   * An answer of one piece is sent by a call of its own as soon as it is queued, whatever the engine: nobody waits for the rest of the turn, and its bytes come back
   * at once. Otherwise it leaves as the engine sends best.
   */
  readonly sendsAtOnce?: boolean;
  /** Makes the state of a connection object; it is used again for later connections. */
  createState(): S;
  /** A connection was accepted. */
  opened(connection: Connection<S>): void;
  /** Bytes to look at, from `start` to `end`. Returns how many were taken; the rest comes again with more behind it. */
  received(connection: Connection<S>, bytes: Uint8Array, start: number, end: number): number;
  /**
   * The peer will send no more. Called in order: when every byte it sent was offered and no answer is under way
   * ({@link Connection.inputEnded} says so at once). The peer may still read.
   */
  ended(connection: Connection<S>): void;
  /** Everything that was to be sent is in the kernel's hands. Never called from within `received`. */
  drained(connection: Connection<S>): void;
  /** A time limit that the protocol set with {@link Connection.deadlineMs} passed. */
  expired(connection: Connection<S>): void;
  /** A file could not be read while it was sent, by this errno: its connection ends with that. */
  fileFailed?(errno: number): void;
  /** The connection is gone; its state will be used again. */
  closed(connection: Connection<S>): void;
}

/** What a connection's owner keeps account of. */
export interface ConnectionOwner<S> extends BacklogAccount {
  readonly loop: Loop;
  readonly protocol: Protocol<S>;
  /** Bytes a peer may send ahead while an answer is under way. */
  readonly backlogLimit: number;
  /** What is counted of the connections' files. */
  readonly counts: FileCounts;
  /** A connection was closed. */
  released(connection: Connection<S>): void;
}
