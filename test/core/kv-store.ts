// The store (dist/core/store.wasm) in a memory of its own, in virtual time, for tests: bytes in, bytes out.

import * as control from '../../src/core/kv/control.js';
import { loadCore } from './load-core.js';

interface StoreExports {
  storeControl(): number;
  storeConfigure(from: number, to: number): number;
  storeTurn(nowUs: number): number;
  clientOpen(): number;
  clientClose(client: number): number;
  clientFeed(client: number, address: number, length: number): number;
  clientOutput(client: number): number;
  clientOutputBytes(client: number): number;
  clientPieces(client: number, into: number, most: number): number;
  clientSent(client: number, bytes: number): number;
  clientState(client: number): number;
  clientPeer(client: number, text: number, length: number): void;
  nextClientEvent(): number;
}

export { control };

/** Where input is written for the store to read: the last MiB of the memory, whose end it can reach exactly. */
const INPUT_BYTES = 1 << 20;

/** Bytes of commands: each an array of words. */
export function commandBytes(...words: readonly (string | number | Buffer)[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`*${words.length}\r\n`)];
  for (const word of words) {
    const bytes = typeof word === 'object' ? word : Buffer.from(String(word), 'latin1');
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** A store that a test has for itself. */
export class TestStore {
  readonly core: StoreExports;
  readonly bytes: Buffer;
  readonly data: DataView;
  readonly block: number;
  /** Microseconds of the clock. */
  now = 0;
  readonly #end: number;

  constructor(settings: Readonly<Record<number, number>> = {}, pages = 512) {
    const { core, bytes, data } = loadCore<StoreExports>('store', pages);
    this.core = core;
    this.bytes = Buffer.from(bytes.buffer);
    this.data = data;
    this.block = core.storeControl();
    this.#end = pages * 65_536;
    for (let index = 0; index < 16; index++) bytes[this.block + control.SEED + index] = index * 17;
    data.setUint32(this.block + control.MAX_CLIENTS, 100, true);
    data.setUint32(this.block + control.MAX_ARGUMENTS, 4096, true);
    for (const [at, value] of Object.entries(settings)) data.setUint32(this.block + Number(at), value, true);
    data.setBigUint64(this.block + control.WALL_OFFSET, 1_700_000_000_000_000n, true);
    const status = core.storeConfigure(0x4_0000, this.#end - INPUT_BYTES);
    if (status !== 0) throw new Error(`storeConfigure: ${status}`);
    core.storeTurn(0);
  }

  /** A figure or setting of 8 bytes. */
  figure(at: number): number {
    return Number(this.data.getBigUint64(this.block + at, true));
  }

  /** Lets time pass, and the work be done that is due. */
  pass(ms: number): void {
    this.now += ms * 1000;
    for (let turns = 0; turns < 10_000 && this.core.storeTurn(this.now % 0x1_0000_0000) === 0; turns++);
  }

  /** Feeds bytes as one piece that ends where the memory ends, and returns how many were taken. */
  feed(client: number, input: Uint8Array): number {
    const at = this.#end - input.length;
    this.bytes.set(input, at);
    const taken = this.core.clientFeed(client, at, input.length);
    // What was borrowed is somebody else's afterwards.
    this.bytes.fill(0xee, at, this.#end);
    return taken;
  }

  /** Bits of FEED_STATE after `feed`. */
  get feedState(): number {
    return this.data.getUint32(this.block + control.FEED_STATE, true);
  }

  /** Takes all output of a client. */
  output(client: number): Buffer {
    const parts: Buffer[] = [];
    for (let length = this.core.clientOutput(client); length > 0; length = this.core.clientOutput(client)) {
      const at = this.data.getUint32(this.block + control.OUTPUT_ADDRESS, true);
      parts.push(Buffer.from(this.bytes.subarray(at, at + length)));
      this.core.clientSent(client, length);
    }
    return Buffer.concat(parts);
  }

  /** Feeds bytes of any number in pieces, and returns what came out. */
  exchange(client: number, input: Buffer, piece = INPUT_BYTES): Buffer {
    const parts: Buffer[] = [];
    for (let from = 0; from < input.length; ) {
      const part = input.subarray(from, Math.min(input.length, from + piece));
      const taken = this.feed(client, part);
      parts.push(this.output(client));
      from += taken;
      if (taken < part.length && (this.feedState & control.FEED_FULL) === 0) break;
    }
    return Buffer.concat(parts);
  }

  /** One command, and its reply as text. */
  run(client: number, ...words: readonly (string | number | Buffer)[]): string {
    return this.exchange(client, commandBytes(...words)).toString('latin1');
  }
}
