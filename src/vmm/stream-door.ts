// StreamDoor: connections of this host's sockets, each joined to a stream of a guest. What a client sends is copied once, into the guest's memory; what the guest answers is
// sent from where it lies there. Not here: the device (vsock-device.ts), listening (vm-service.ts).

import type { Pieces } from '../memory/domain.js';
import type { Connection, Protocol } from '../transport/connection.js';
import type { Lender } from '../transport/output.js';
import type { StreamOwner, VsockDevice } from './vsock-device.js';

/** What a connection remembers: its port towards the guest; 0: none. */
export interface DoorState {
  port: number;
  /** The guest is done: the connection ends when what it lent was sent. */
  isEnding: boolean;
}

/** See the file's head. */
export class StreamDoor implements Protocol<DoorState>, StreamOwner, Lender {
  readonly sendsAtOnce = true;
  /** Set before the first connection. */
  device: VsockDevice | undefined;
  readonly #guestPort: number;
  readonly #connections = new Map<number, Connection<DoorState>>();
  /** Pieces of each lent packet that were not sent yet. */
  readonly #unsent = new Map<number, number>();
  #nextPort = 1024;

  /** @param guestPort where the guest listens */
  constructor(guestPort: number) {
    this.#guestPort = guestPort;
  }

  createState(): DoorState {
    return { port: 0, isEnding: false };
  }

  opened(connection: Connection<DoorState>): void {
    const { state } = connection;
    state.isEnding = false;
    if (this.device?.isStarted !== true) {
      state.port = 0;
      connection.abort();
      return;
    }
    do this.#nextPort = this.#nextPort >= 0xffff_fffe ? 1024 : this.#nextPort + 1;
    while (this.#connections.has(this.#nextPort));
    state.port = this.#nextPort;
    this.#connections.set(state.port, connection);
    this.device.open(state.port, this.#guestPort);
  }

  received(connection: Connection<DoorState>, bytes: Uint8Array, start: number, end: number): number {
    const { port, isEnding } = connection.state;
    if (port === 0 || isEnding) return end - start;
    const taken = this.device!.send(port, bytes, start, end);
    // Until there is room the client is read no further than a backlog, and its end waits behind that.
    connection.busy = taken < end - start;
    return taken;
  }

  ended(connection: Connection<DoorState>): void {
    const { port } = connection.state;
    if (port !== 0) this.device!.close(port, false);
  }

  /** There is room for what waits. */
  #resume(connection: Connection<DoorState> | undefined): void {
    if (connection === undefined) return;
    connection.busy = false;
    connection.resume();
  }

  drained(connection: Connection<DoorState>): void {
    if (!connection.state.isEnding && !connection.busy) connection.resume();
  }

  expired(connection: Connection<DoorState>): void {
    connection.finish();
  }

  closed(connection: Connection<DoorState>): void {
    const { port } = connection.state;
    if (port === 0) return;
    connection.state.port = 0;
    this.#connections.delete(port);
    this.device!.close(port, true);
  }

  accepted(port: number): void {
    this.#resume(this.#connections.get(port));
  }

  /** The guest will not have it, or it is to end at once. */
  refused(port: number): void {
    this.#connections.get(port)?.abort();
  }

  /** The guest is done with a stream: of one that it has sent away, what the client does not take is not waited for. */
  over(port: number, isReset: boolean): void {
    const connection = this.#connections.get(port);
    if (connection === undefined || connection.state.isEnding) return;
    if (isReset && connection.sending) {
      connection.abort();
      return;
    }
    connection.state.isEnding = true;
    connection.finish();
  }

  writable(port: number): void {
    this.#resume(this.#connections.get(port));
  }

  /** What the peer acknowledged: what a socket takes comes in leaps as large as its buffer, between which a reader would be taken for none. */
  tookBytes(port: number): number {
    const connection = this.#connections.get(port);
    if (connection === undefined) return 0;
    return connection.sentBytes - connection.owner.loop.engine.unacknowledged(connection.fd);
  }

  lent(port: number, pieces: Pieces, token: number): boolean {
    const connection = this.#connections.get(port);
    if (connection === undefined || connection.closing || pieces.count === 0) return false;
    this.#unsent.set(token, pieces.count);
    const { addresses, lengths, count } = pieces;
    // What is lent may come back at once, and the pieces be used for another.
    const [froms, bytes] = [addresses.slice(0, count), lengths.slice(0, count)];
    for (let index = 0; index < count; index++) connection.sendSegment(froms[index]!, bytes[index]!, this, token);
    connection.flush();
    return true;
  }

  /** A piece was sent, or never will be. */
  release(token: number): void {
    const left = this.#unsent.get(token)! - 1;
    if (left > 0) {
      this.#unsent.set(token, left);
      return;
    }
    this.#unsent.delete(token);
    this.device!.giveBack(token);
  }
}
