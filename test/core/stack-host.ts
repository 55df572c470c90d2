// One instance of the stack with a kernel of the test's own around it: it works the four rings as AF_XDP does in copy mode.

import type { StackExports as ShippedExports } from '../../src/bypass/stack-exports.js';
import { Figure, Owner, Place, Setting } from '../../src/core/control.js';
import { loadCore } from './load-core.js';

/** What every module exports that is at the end of a wire (src/core/README.md). */
export interface HostExports {
  controlBlock(): number;
  configure(from: number, to: number): number;
  attachRings(): number;
  turn(nowUs: number): number;
  nextDeadlineUs(): number;
  framesOwnedBy(owner: number): number;
}

/** What dist/core/stack.wasm exports. */
export interface StackExports extends HostExports, ShippedExports {
  nextEvent(): bigint;
}

/** What a test says of a host; the rest are the stack's defaults. */
export interface HostOptions {
  /** The module, when it is not `stack`. */
  readonly module?: string;
  readonly mac?: string;
  /** As `10.0.0.1/24`. */
  readonly ipv4?: string;
  readonly ipv4Gateway?: string;
  /** As `fd00::1/64`, all eight groups or with one `::`. */
  readonly ipv6?: string;
  readonly ipv6LinkLocal?: string;
  readonly ipv6Gateway?: string;
  readonly seed?: number;
  /** Other settings by name. */
  readonly settings?: Partial<Record<keyof typeof Setting, number>>;
  /** Memory in pages of 64 KiB. */
  readonly pages?: number;
  /** Settings of what else is in the module are written here, before it is laid out. */
  readonly prepare?: (core: HostExports, data: DataView) => void;
}

// AF_XDP leaves this much room in front of a received packet (XDP_PACKET_HEADROOM).
const HEADROOM = 256;
/** In the control block, behind all figures. */
const SCRATCH = 0x7e0;
const PRODUCER = 0;
const CONSUMER = 64;
const FLAGS = 128;
const DESCRIPTORS = 256;

/** One ring as the kernel's side sees it. */
class KernelRing {
  readonly #data: DataView;
  readonly #at: number;
  readonly #entries: number;
  readonly #entryBytes: number;
  /** Of the entry that was consumed last. */
  length = 0;

  constructor(data: DataView, at: number, entries: number, entryBytes: number) {
    this.#data = data;
    this.#at = at;
    this.#entries = entries;
    this.#entryBytes = entryBytes;
  }

  get waiting(): number {
    return (this.#producer - this.#consumer) >>> 0;
  }

  get isFull(): boolean {
    return this.waiting >= this.#entries;
  }

  /** Takes the next entry that the stack wrote. Returns its place; of a packet, `length` says how long it is. */
  consume(): number {
    const at = this.#entryAt(this.#consumer);
    const place = this.#data.getUint32(at, true);
    if (this.#data.getUint32(at + 4, true) !== 0) throw new Error('a place of more than 32 bits');
    if (this.#entryBytes === 16) this.length = this.#data.getUint32(at + 8, true);
    this.#data.setUint32(this.#at + CONSUMER, this.#consumer + 1, true);
    return place;
  }

  produce(place: number, length: number): void {
    const at = this.#entryAt(this.#producer);
    this.#data.setUint32(at, place, true);
    this.#data.setUint32(at + 4, place / 0x1_0000_0000, true);
    if (this.#entryBytes === 16) {
      this.#data.setUint32(at + 8, length, true);
      this.#data.setUint32(at + 12, 0, true);
    }
    this.#data.setUint32(this.#at + PRODUCER, this.#producer + 1, true);
  }

  #entryAt(index: number): number {
    return this.#at + DESCRIPTORS + ((index & (this.#entries - 1)) >>> 0) * this.#entryBytes;
  }

  get #producer(): number {
    return this.#data.getUint32(this.#at + PRODUCER, true);
  }

  get #consumer(): number {
    return this.#data.getUint32(this.#at + CONSUMER, true);
  }
}

/** A host: the stack's module, its memory, and the kernel's side of its rings. */
export class Host<Exports extends HostExports = StackExports> {
  readonly core: Exports;
  readonly bytes: Uint8Array;
  readonly data: DataView;
  /** Address of the control block. */
  readonly control: number;
  readonly fill: KernelRing;
  readonly completion: KernelRing;
  readonly rx: KernelRing;
  readonly tx: KernelRing;
  /** Packets for which there was no frame, or that did not fit in one. */
  dropped = 0;
  /** Packets that were sent and whose completion is kept back, when `holdsCompletions`. */
  holdsCompletions = false;
  readonly #uncompleted: number[] = [];
  readonly #umem: number;
  readonly #frameSize: number;

  constructor(options: HostOptions = {}) {
    const loaded = loadCore<Exports>(options.module ?? 'stack', options.pages ?? 256);
    this.core = loaded.core;
    this.bytes = loaded.bytes;
    this.data = loaded.data;
    this.control = this.core.controlBlock();
    this.#writeSettings(options);
    options.prepare?.(this.core, this.data);
    const configured = this.core.configure(0, 0);
    if (configured !== 0) throw new Error(`configure: ${configured}, setting ${this.place('refused').toString(16)}`);
    const rings = (['fillEntries', 'completionEntries', 'rxEntries', 'txEntries'] as const).map((name, index) => {
      const room = this.data.getUint32(this.control + Place.ringRooms + index * 8, true);
      const places = this.control + Place.rings + index * 16;
      for (const [slot, offset] of [PRODUCER, CONSUMER, FLAGS, DESCRIPTORS].entries()) {
        this.data.setUint32(places + slot * 4, room + offset, true);
      }
      this.data.setUint32(room + FLAGS, 1, true);
      return new KernelRing(this.data, room, this.setting(name), index < 2 ? 8 : 16);
    });
    [this.fill, this.completion, this.rx, this.tx] = rings as [KernelRing, KernelRing, KernelRing, KernelRing];
    this.#umem = this.place('umem');
    this.#frameSize = this.setting('frameSize');
    const attached = this.core.attachRings();
    if (attached !== 0) throw new Error(`attachRings: ${attached}, field ${this.place('refused').toString(16)}`);
  }

  /** Writes an address of either kind where the stack can read it. Returns where. */
  addressAt(text: string): number {
    const at = this.control + SCRATCH;
    this.bytes.set(
      text.includes(':') ? ipv6Of(text) : Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...ipv4Of(text)),
      at,
    );
    return at;
  }

  setting(name: keyof typeof Setting): number {
    return this.data.getUint32(this.control + Setting[name], true);
  }

  place(name: keyof typeof Place): number {
    return this.data.getUint32(this.control + Place[name], true);
  }

  figure(name: keyof typeof Figure): number {
    return Number(this.data.getBigUint64(this.control + Figure[name], true));
  }

  /** All figures that are not 0. */
  figures(): Record<string, number> {
    const names = Object.keys(Figure).filter((name) => Number.isNaN(Number(name))) as (keyof typeof Figure)[];
    return Object.fromEntries(names.map((name) => [name, this.figure(name)]).filter(([, value]) => value !== 0));
  }

  /** The kernel receives a packet: false when it had no frame for it. */
  deliver(packet: Uint8Array): boolean {
    if (this.fill.waiting === 0 || this.rx.isFull || HEADROOM + packet.length > this.#frameSize) {
      this.dropped++;
      return false;
    }
    const place = this.fill.consume() + HEADROOM;
    this.bytes.set(packet, this.#umem + place);
    this.rx.produce(place, packet.length);
    return true;
  }

  /** The kernel sends what waits, and says so, unless completions are held back. Returns copies of the packets. */
  takeSent(): Uint8Array[] {
    const sent: Uint8Array[] = [];
    while (this.tx.waiting > 0) {
      const place = this.tx.consume();
      const at = this.#umem + place;
      sent.push(this.bytes.slice(at, at + this.tx.length));
      this.#uncompleted.push(place);
    }
    if (!this.holdsCompletions) this.complete();
    return sent;
  }

  /** Says of all packets that were sent that they were. */
  complete(): void {
    for (const place of this.#uncompleted.splice(0)) this.completion.produce(place, 0);
  }

  /** How many frames each one has: what must be as before when nothing is under way. */
  owners(): Record<keyof typeof Owner, number> {
    const names = Object.keys(Owner).filter((name) => Number.isNaN(Number(name))) as (keyof typeof Owner)[];
    const entries = names.map((name) => [name, this.core.framesOwnedBy(Owner[name])]);
    return Object.fromEntries(entries) as Record<keyof typeof Owner, number>;
  }

  #writeSettings(options: HostOptions): void {
    const put = (name: keyof typeof Setting, value: number): void =>
      this.data.setUint32(this.control + Setting[name], value, true);
    this.bytes.set(macOf(options.mac ?? '02:00:00:00:00:01'), this.control + Setting.mac);
    const [address, prefix] = (options.ipv4 ?? '10.0.0.1/24').split('/');
    this.bytes.set(ipv4Of(address!), this.control + Setting.ipv4);
    put('ipv4PrefixLength', Number(prefix ?? 32));
    if (options.ipv4Gateway !== undefined)
      this.bytes.set(ipv4Of(options.ipv4Gateway), this.control + Setting.ipv4Gateway);
    const [address6, prefix6] = (options.ipv6 ?? '').split('/');
    for (const [name, text] of [
      ['ipv6', address6],
      ['ipv6LinkLocal', options.ipv6LinkLocal],
      ['ipv6Gateway', options.ipv6Gateway],
    ] as const) {
      if (text !== undefined && text !== '') this.bytes.set(ipv6Of(text), this.control + Setting[name]);
    }
    put('ipv6PrefixLength', Number(prefix6 ?? 0));
    for (let index = 0; index < 16; index += 4) {
      this.data.setUint32(
        this.control + Setting.seed + index,
        Math.imul((options.seed ?? 1) + index, 0x9e3779b1),
        true,
      );
    }
    for (const [name, value] of Object.entries(options.settings ?? {})) put(name as keyof typeof Setting, value);
  }
}

/** `02:00:00:00:00:01` as bytes. */
export function macOf(text: string): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16));
}

/** `10.0.0.1` as bytes. */
export function ipv4Of(text: string): Uint8Array {
  return Uint8Array.from(text.split('.'), Number);
}

/** `fd00::1` as bytes. */
export function ipv6Of(text: string): Uint8Array {
  const [head = '', tail] = text.split('::');
  const groups = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  const first = groups(head);
  const last = groups(tail ?? '');
  const middle = new Array<number>(tail === undefined ? 0 : 8 - first.length - last.length).fill(0);
  return Uint8Array.from([...first, ...middle, ...last].flatMap((group) => [group >>> 8, group & 0xff]));
}
