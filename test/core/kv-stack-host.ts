// The store over its own TCP/IP (dist/core/kv-stack.wasm) in a memory of its own, and clients of it on a stack at the other end of a wire, in virtual time.

import assert from 'node:assert/strict';
import * as control from '../../src/core/kv/control.js';
import { commandBytes } from './kv-store.js';
import { Host, type HostExports, type HostOptions } from './stack-host.js';
import { TcpHost } from './tcp-host.js';
import { endOf, Wire, type WireOptions } from './wire.js';

/** What the module exports beside what every host does. */
interface KvStackExports extends HostExports {
  listen(address: number, port: number, backlog: number): number;
  linkCount(): number;
  readonly filledBytes: WebAssembly.Global<'i64'>;
  stopListening(): void;
  endClients(isAtOnce: number): void;
  storeControl(): number;
  storeRequests(): number;
  snapshotSaved(isSaved: number, at: bigint): void;
}

export { control };

/** What `turn` says where clients asked for something. */
const ASKED = 8;
const PORT = 6379;
const SERVER = '10.0.0.2';
/** Where the clocks of stores begin, in microseconds since 1970. */
const WALL_OFFSET = 1_700_000_000_000_000n;

/** The store's side. */
export class KvStackHost extends Host<KvStackExports> {
  readonly block: number;

  /** @param store settings of the store, by their offsets */
  constructor(options: HostOptions = {}, store: Readonly<Record<number, number>> = {}) {
    super({
      pages: 1024,
      ...options,
      module: 'kv-stack',
      mac: '02:00:00:00:00:02',
      ipv4: `${SERVER}/24`,
      prepare(core, data) {
        const block = (core as KvStackExports).storeControl();
        for (let index = 0; index < 16; index++) data.setUint8(block + control.SEED + index, index * 17);
        data.setUint32(block + control.MAX_ARGUMENTS, 4096, true);
        for (const [at, value] of Object.entries(store)) data.setUint32(block + Number(at), value, true);
        data.setBigUint64(block + control.WALL_OFFSET, WALL_OFFSET, true);
      },
    });
    this.block = this.core.storeControl();
    const listener = this.core.listen(0, PORT, 1024);
    if (listener < 0) throw new Error(`listen: ${listener}`);
  }

  /** A figure or setting of the store's of 8 bytes. */
  stored(at: number): number {
    return Number(this.data.getBigUint64(this.block + at, true));
  }

  /** Changes a setting of 4 bytes. */
  set(at: number, value: number): void {
    this.data.setUint32(this.block + at, value, true);
  }
}

/** A client on the other stack: it sends what it is given as the stack takes it, and keeps what comes. */
export class StackClient {
  readonly host: TcpHost;
  readonly socket: number;
  /** Whether it reads what it gets. */
  reads = true;
  /** Bytes that a segment of it has at most. */
  segment = Number.POSITIVE_INFINITY;
  /** How it ended: 0 by the other side's end, or -errno; undefined: it has not. */
  over: number | undefined;
  isClosed = false;
  #parts: Buffer[] = [];
  #length = 0;
  #toSend: Buffer[] = [];
  #shutsDown = false;

  constructor(host: TcpHost, server = SERVER) {
    this.host = host;
    this.socket = host.core.connect(0, host.addressAt(server), PORT);
    if (this.socket < 0) throw new Error(`connect: ${this.socket}`);
    host.core.setOption(this.socket, 1, 1);
  }

  /** Bytes that came and were not taken. */
  get length(): number {
    return this.#length;
  }

  /** Bytes that were not handed over yet. */
  get unsent(): number {
    return this.#toSend.reduce((sum, { length }) => sum + length, 0);
  }

  send(bytes: Buffer): void {
    if (bytes.length > 0) this.#toSend.push(bytes);
  }

  command(...words: readonly (string | number | Buffer)[]): void {
    this.send(commandBytes(...words));
  }

  /** Ends its direction when all was sent. */
  shutDown(): void {
    this.#shutsDown = true;
  }

  /** Takes what came. */
  take(): Buffer {
    const all = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#length = 0;
    return all;
  }

  close(): void {
    if (!this.isClosed) this.host.core.close(this.socket);
    this.isClosed = true;
  }

  abort(): void {
    if (!this.isClosed) this.host.core.abort(this.socket);
    this.isClosed = true;
  }

  /** Once a turn. */
  work(): void {
    if (this.isClosed) return;
    this.#sendSome();
    while (this.reads && this.over === undefined) {
      const length = this.host.core.receive(this.socket);
      if (length === -11 || length === -107) break;
      if (length <= 0) {
        this.over = length;
        break;
      }
      const at = this.host.place('pieceAddress');
      this.#parts.push(Buffer.from(this.host.bytes.slice(at, at + length)));
      this.#length += length;
      this.host.core.recycle(at);
    }
  }

  #sendSome(): void {
    const { core, bytes } = this.host;
    while (this.#toSend.length > 0) {
      const at = core.frameForSend(this.socket);
      if (at === 0) return;
      const [first] = this.#toSend;
      const length = Math.min(first!.length, core.sendBytes(this.socket), this.segment);
      bytes.set(first!.subarray(0, length), at);
      if (core.sendFrame(this.socket, at, length, 0) < 0) return;
      if (length === first!.length) this.#toSend.shift();
      else this.#toSend[0] = first!.subarray(length);
    }
    if (this.#shutsDown && core.shutdown(this.socket) === 0) this.#shutsDown = false;
  }
}

/** A store and a host of clients on a wire. */
export class KvNet {
  readonly server: KvStackHost;
  readonly peer: TcpHost;
  readonly wire: Wire;
  readonly clients: StackClient[] = [];
  /** Called after each turn of the store. */
  turned: () => void = () => {};
  /** Answers what clients asked for; undefined: nobody looks. */
  asked: ((bits: number) => void) | undefined = () => {};

  constructor(
    options: HostOptions = {},
    store: Readonly<Record<number, number>> = {},
    wire: WireOptions = {},
    peer: HostOptions = {},
  ) {
    this.server = new KvStackHost(options, store);
    this.peer = new TcpHost({ ...peer, mac: '02:00:00:00:00:01', ipv4: '10.0.0.1/24' });
    this.wire = new Wire(
      {
        ...endOf(this.peer),
        turn: (nowUs) => {
          this.peer.core.turn(nowUs >>> 0);
          this.peer.events();
          for (const client of this.clients) client.work();
          // What they sent leaves now.
          this.peer.core.turn(nowUs >>> 0);
        },
      },
      endOf(this.server, (turned) => {
        this.turned();
        if ((turned & ASKED) !== 0) this.asked?.(this.server.core.storeRequests());
      }),
      wire,
    );
  }

  connect(): StackClient {
    const client = new StackClient(this.peer);
    this.clients.push(client);
    return client;
  }

  /** Goes on until something is so. @throws where it is not, after so many ms of virtual time */
  until(what: string, isSo: () => boolean, ms = 60_000): void {
    this.wire.run(this.wire.nowUs + ms * 1000, isSo);
    if (!isSo()) throw new Error(`not in ${ms} ms: ${what}`);
  }

  /** Lets time pass. */
  pass(ms: number): void {
    this.wire.run(this.wire.nowUs + ms * 1000);
  }

  /** Sends bytes, and waits for as many bytes of replies as are wanted. */
  ask(client: StackClient, bytes: Buffer, wanted: number): Buffer {
    client.send(bytes);
    this.until(`${wanted} bytes, not ${client.length}`, () => client.length >= wanted || client.over !== undefined);
    return client.take();
  }

  /** One command, and what comes first of its reply. */
  run(client: StackClient, ...words: readonly (string | number | Buffer)[]): string {
    client.command(...words);
    this.until('a reply', () => client.length > 0 || client.over !== undefined);
    return client.take().toString('latin1');
  }

  /** Closes all clients, and holds what is left of them on the store's side to what there is without any. */
  end(): void {
    for (const client of this.clients) client.close();
    this.until('all are gone', () => this.server.stored(control.CLIENTS) === 0, 200_000);
    this.pass(200_000);
    const { stack, application, transmit, waiting } = this.server.owners();
    assert.deepEqual({ stack, application, transmit, waiting }, { stack: 0, application: 0, transmit: 0, waiting: 0 });
    assert.equal(this.server.figure('faultStack'), 0);
    assert.ok(this.server.core.linkCount() <= 1, 'the listener');
  }
}
