// The store on connections: bytes of requests go to the core where they lie, or by one counted copy into its memory; replies leave from the core's own
// blocks by reference. Not here: the store itself (src/core/kv), listening (kv-service.ts).

import { CopyReason, copyBytes } from '../memory/copy.js';
import type { Connection, Protocol } from '../transport/connection.js';
import type { Lender } from '../transport/output.js';
import type { Store, StoreRequests } from './store.js';

/** What a connection remembers. */
export interface KvState {
  /** The core's number of the client; -1: none. */
  client: number;
  /** Bytes of the reply that is being sent. */
  sending: number;
  /** The core said that this client's connection ends when its replies have left. */
  isEnding: boolean;
  /** The client waits for a key (BLPOP): what it sends behind that waits as well. */
  isWaiting: boolean;
}

/** See the file's head. */
export class KvProtocol implements Protocol<KvState>, Lender {
  readonly #store: Store;
  readonly #asked: (requests: StoreRequests) => void;
  /** Connections by the core's numbers of their clients. */
  readonly #byClient: (Connection<KvState> | undefined)[] = [];
  #turn = -1;
  #isLooking = false;

  /** @param asked hears what is done outside of the core, such as SAVE and SHUTDOWN */
  constructor(store: Store, asked: (requests: StoreRequests) => void) {
    this.#store = store;
    this.#asked = asked;
  }

  createState(): KvState {
    return { client: -1, sending: 0, isEnding: false, isWaiting: false };
  }

  opened(connection: Connection<KvState>): void {
    const { state } = connection;
    state.sending = 0;
    state.isEnding = false;
    state.isWaiting = false;
    state.client = this.#store.core.clientOpen();
    if (state.client < 0) {
      connection.abort();
      return;
    }
    this.#byClient[state.client] = connection;
    try {
      const { host, port } = connection.owner.loop.engine.peerAddress(connection.fd);
      this.#store.namePeer(state.client, host, port);
    } catch {
      // It is gone already.
    }
  }

  /** The core is told the time once a turn. */
  #tellTime(connection: Connection<KvState>): void {
    const { turns, nowMs } = connection.owner.loop;
    if (turns === this.#turn) return;
    this.#turn = turns;
    this.#store.turn(nowMs);
  }

  received(connection: Connection<KvState>, bytes: Uint8Array, start: number, end: number): number {
    const { state } = connection;
    const store = this.#store;
    if (state.isWaiting) return this.#leave(connection, start, end);
    this.#tellTime(connection);
    let at = start;
    while (at < end && !state.isEnding && !state.isWaiting) {
      const length = Math.min(end - at, store.inputBytes);
      copyBytes(CopyReason.storeRequest, store.bytes, store.input, bytes, at, length);
      const taken = store.core.clientFeed(state.client, store.input, length);
      at += taken;
      if (store.isWaiting) this.#wait(connection);
      this.#answerRequests();
      if (!this.#reply(connection) || taken === 0) break;
    }
    this.lookAround();
    if (state.isWaiting) this.#leave(connection, at, end);
    return (state.isEnding ? end : at) - start;
  }

  /** Takes nothing. A little that is ahead of a client that waits is kept, and its end is seen; much is left in the socket. */
  #leave(connection: Connection<KvState>, start: number, end: number): number {
    if (end - start > this.#store.inputBytes) connection.busy = true;
    return 0;
  }

  /** A client waits for a key. When it gives up may be sooner than the store was to be called. */
  #wait({ state, owner }: Connection<KvState>): void {
    state.isWaiting = true;
    this.#store.turn(owner.loop.nowMs);
  }

  /** Sends what the core has for a client. False: it is on its way, and more may be taken only afterwards. */
  #reply(connection: Connection<KvState>): boolean {
    const { state } = connection;
    const store = this.#store;
    while (state.sending === 0 && !connection.closing && state.client >= 0) {
      const length = store.core.clientOutput(state.client);
      if (length === 0) break;
      state.sending = length;
      connection.sendSegment(store.address + store.outputAddress, length, this, state.client);
      connection.flush();
    }
    if (state.sending > 0) return false;
    if (!connection.closing && store.isOver(state.client)) {
      state.isEnding = true;
      connection.finish();
    }
    return !connection.closing;
  }

  /** A reply left, or never will. */
  release(client: number): void {
    const connection = this.#byClient[client];
    if (connection === undefined) return;
    const { sending } = connection.state;
    connection.state.sending = 0;
    this.#store.core.clientSent(client, sending);
  }

  #answerRequests(): void {
    const requests = this.#store.takeRequests();
    if (requests !== undefined) this.#asked(requests);
  }

  /**
   * Looks at clients that something happened to while others were served, or by time alone: they got something (PUBLISH), or are to be closed (CLIENT KILL,
   * a reader that does not read, silence).
   */
  lookAround(): void {
    // What one of them sent ahead may concern others in turn: the loop that is under way comes to them.
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { core } = this.#store;
    for (let client = core.nextClientEvent(); client >= 0; client = core.nextClientEvent()) {
      const connection = this.#byClient[client];
      if (connection === undefined) continue;
      // One that does not read is not waited for.
      if (this.#store.isBroken(client) && this.#store.core.clientOutput(client) > 0) connection.abort();
      else if (this.#reply(connection) && connection.state.isWaiting) this.#goOn(connection);
    }
    this.#isLooking = false;
  }

  /** A client that waited for a key may do so no more: what it sent ahead is taken. */
  #goOn(connection: Connection<KvState>): void {
    connection.state.isWaiting = false;
    connection.busy = false;
    connection.resume();
  }

  drained(connection: Connection<KvState>): void {
    if (!this.#reply(connection)) return;
    if (connection.state.isWaiting) this.#goOn(connection);
    else connection.resume();
  }

  ended(connection: Connection<KvState>): void {
    connection.finish();
  }

  expired(connection: Connection<KvState>): void {
    connection.finish();
  }

  closed(connection: Connection<KvState>): void {
    const { state } = connection;
    if (state.client < 0) return;
    this.#byClient[state.client] = undefined;
    this.#store.core.clientClose(state.client);
    state.client = -1;
  }
}
