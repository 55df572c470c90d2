// Stack: one instance of our TCP/IP (dist/core/stack.wasm) with its memory: set up from plain options, its rings taken over, its figures read. Not here: the
// sockets on it (bypass-engine.ts), the device below (xdp-link.ts).

import { randomFillSync } from 'node:crypto';
import { Figure, Place, Setting } from '../core/control.js';
import { errnoName } from '../kernel/errno.js';
import { addressBytes, readAddressBytes } from '../kernel/socket.js';
import { little64 } from '../kernel/words.js';
import { CoreModule } from '../memory/core-module.js';
import { coded } from '../text/coded.js';
import { stackFigureNames } from './figures.js';
import { aroundPacketBytes, mostMtu } from './frame-room.js';
import type { StackAddress } from './stack-addresses.js';
import type { StackBaseExports, StackExports } from './stack-exports.js';
import { rowBytes, StackRows } from './stack-rows.js';
import type { TcpSettings } from './tcp-settings.js';

/** How a stack is set up. */
export interface StackOptions {
  /** The card's address: 6 bytes. */
  readonly mac: Uint8Array;
  /** At most one of IPv4, and one of IPv6 that is not link-local. */
  readonly addresses: readonly StackAddress[];
  /** Of IPv6 on the link alone, beside the other one. */
  readonly linkLocal?: string;
  /** Where packets for other networks go, one of each kind. */
  readonly gateways?: readonly string[];
  /** Bytes of an IP packet on the link. Default 1500. */
  readonly mtu?: number;
  /** Frames of packets. Default 16,384. */
  readonly frames?: number;
  /** TCP sockets. Default 16,384. */
  readonly sockets?: number;
  /** Settings of TCP, by their names in the core; those that are left out are its defaults. */
  readonly tcp?: Readonly<Partial<Record<keyof TcpSettings, number>>>;
}

/** The rings by their numbers in the control block. */
export const ringNames = ['fill', 'completion', 'receive', 'transmit'] as const;
export type RingName = (typeof ringNames)[number];

/** Where a ring's words are: addresses in the memory. */
export interface RingPlaces {
  readonly producer: number;
  readonly consumer: number;
  readonly flags: number;
  readonly descriptors: number;
}

const defaultFrames = 16_384;
const defaultSockets = 16_384;
const defaultMtu = 1500;
const ringEntries = { fill: 4096, completion: 4096, receive: 2048, transmit: 2048 } as const;
/** A socket's block and its place in tables; a frame's records; what tables of fixed size take. */
const socketBytes = 640;
const frameRecordBytes = 64;
const tableBytes = 4 * 1024 * 1024;
/** For one who is asked about: two addresses of 16 bytes with a port each. */
const peerBytes = 36;
const addressLength = 16;
const scratchBytes = 4096 + rowBytes;
/** Lists in that memory behind the arguments: sockets that were told of, and frames that go back. */
const listsAt = 512;
const listEntries = 384;
const mappedPrefix = 12;
/** What was heard of neighbours and of packets (core/heard.ts): words of 8 bytes of an entry, entries, and where they stand behind the lists. */
const heard = { words: 3, entries: 16, at: listsAt + 2 * listEntries * 4 } as const;
/** What came, row by row, behind all of these. */
const rowsAt = 4096;
/** Bits of the setting `shared`. */
const shared = { ip4: 1, ip6: 2 } as const;

const figureOffsets = stackFigureNames.map((name) => Figure[name]);

/** Frames of 2 KiB where the packets of the link fit into them. @throws RangeError for longer packets than a frame of 4 KiB takes */
function frameBytesFor(mtu: number): 2048 | 4096 {
  if (mtu <= 2048 - aroundPacketBytes) return 2048;
  if (mtu <= mostMtu) return 4096;
  throw coded(
    'CLEARWAY_BYPASS',
    new RangeError(
      `packets of ${mtu} bytes do not fit into a frame: set the device to at most ${mostMtu} (ip link set dev DEVICE mtu 1500)`,
    ),
  );
}

/** Where a stack is laid out, beside what else is in its module: addresses in its memory. */
export interface StackPlace<Exports> {
  readonly module: CoreModule<Exports>;
  readonly from: number;
  readonly to: number;
}

/** Bytes of memory that a stack takes. @throws RangeError for packets that fit into no frame */
export function stackBytes({
  frames = defaultFrames,
  sockets = defaultSockets,
  mtu = defaultMtu,
}: Pick<StackOptions, 'frames' | 'sockets' | 'mtu'>): number {
  const ringBytes = Object.values(ringEntries).reduce((sum, entries) => sum + entries * 16 + 8192, 0);
  return (
    frames * (frameBytesFor(mtu) + frameRecordBytes) + sockets * socketBytes + ringBytes + tableBytes + scratchBytes
  );
}

function placeOf(options: StackOptions): StackPlace<StackExports> {
  const module = new CoreModule<StackExports>('stack', stackBytes(options));
  return { module, from: 0, to: module.bytes.length };
}

/** What is the same of the stack in every module: settings, rings, figures. */
export class StackBase<Exports extends StackBaseExports = StackBaseExports> {
  readonly module: CoreModule<Exports>;
  readonly core: Exports;
  readonly frameBytes: 2048 | 4096;
  readonly frames: number;
  /** Bytes of an IP packet on the link. */
  readonly mtu: number;
  readonly entries = ringEntries;
  readonly #control: number;
  /** Memory for the arguments of a call. */
  protected readonly scratch: number;

  /** Lays it out; {@link attach} makes it run. @throws Error with the setting that was refused, RangeError */
  constructor(options: StackOptions, { module, from, to }: StackPlace<Exports>) {
    const { frames = defaultFrames, sockets = defaultSockets, mtu = defaultMtu } = options;
    this.frameBytes = frameBytesFor(mtu);
    this.frames = frames;
    this.mtu = mtu;
    this.module = module;
    this.core = this.module.core;
    this.#control = this.core.controlBlock();
    this.scratch = to - scratchBytes;
    this.#set('mtu', mtu);
    this.#set('frameCount', frames);
    this.#set('frameSize', this.frameBytes);
    this.#set('connections', sockets);
    this.#set('fillEntries', ringEntries.fill);
    this.#set('completionEntries', ringEntries.completion);
    this.#set('rxEntries', ringEntries.receive);
    this.#set('txEntries', ringEntries.transmit);
    randomFillSync(this.module.bytes, this.#control + Setting.seed, addressLength);
    this.#write(Setting.mac, options.mac);
    for (const address of options.addresses) this.#setAddress(address);
    if (options.linkLocal !== undefined)
      this.#write(Setting.ipv6LinkLocal, addressBytes({ host: options.linkLocal, port: 0 }));
    for (const gateway of options.gateways ?? []) this.#setGateway(gateway);
    const isShared = (isSix: boolean): boolean =>
      options.addresses.some((address) => address.isShared === true && address.host.includes(':') === isSix);
    this.#set('shared', (isShared(false) ? shared.ip4 : 0) | (isShared(true) ? shared.ip6 : 0));
    for (const [name, value] of Object.entries(options.tcp ?? {})) this.#set(name as keyof TcpSettings, value);
    this.#check(this.core.configure(from, this.scratch), 'it cannot be laid out');
  }

  #set(name: keyof typeof Setting, value: number): void {
    this.module.data.setUint32(this.#control + Setting[name], value, true);
  }

  #write(offset: number, bytes: Uint8Array): void {
    for (const [index, byte] of bytes.entries()) this.module.bytes[this.#control + offset + index] = byte;
  }

  #setAddress({ host, prefixLength }: StackAddress): void {
    const bytes = addressBytes({ host, port: 0 });
    if (host.includes(':')) {
      this.#write(Setting.ipv6, bytes);
      this.#set('ipv6PrefixLength', prefixLength);
    } else {
      this.#write(Setting.ipv4, bytes.subarray(mappedPrefix));
      this.#set('ipv4PrefixLength', prefixLength);
    }
  }

  #setGateway(host: string): void {
    const bytes = addressBytes({ host, port: 0 });
    if (host.includes(':')) this.#write(Setting.ipv6Gateway, bytes);
    else this.#write(Setting.ipv4Gateway, bytes.subarray(mappedPrefix));
  }

  #check(result: number, what: string): void {
    if (result >= 0) return;
    const offset = this.place('refused');
    const setting = Setting[offset] ?? Place[offset] ?? `at ${offset}`;
    throw new Error(`our TCP/IP: ${what}: ${errnoName(-result)}, ${setting}`);
  }

  /** A place that the stack wrote into its control block. */
  place(name: keyof typeof Place): number {
    return this.module.data.getUint32(this.#control + Place[name], true);
  }

  /** Room for a ring, in whole pages: address and bytes. */
  ringRoom(name: RingName): { readonly at: number; readonly bytes: number } {
    const room = this.#control + Place.ringRooms + ringNames.indexOf(name) * 8;
    const { data } = this.module;
    return { at: data.getUint32(room, true), bytes: data.getUint32(room + 4, true) };
  }

  /** Takes the rings over, and gives the kernel frames to receive into. @throws Error for a place that cannot be */
  attach(rings: Readonly<Record<RingName, RingPlaces>>): void {
    for (const [index, name] of ringNames.entries()) {
      const at = this.#control + Place.rings + index * 16;
      const { producer, consumer, flags, descriptors } = rings[name];
      for (const [word, place] of [producer, consumer, flags, descriptors].entries())
        this.module.data.setUint32(at + word * 4, place, true);
    }
    this.#check(this.core.attachRings(), 'its rings cannot be used');
  }

  /** A listening socket: its number, or -errno. */
  listen(host: string, port: number, backlog: number): number {
    return this.core.listen(this.putAddress(this.scratch, host), port, backlog);
  }

  /** Writes an address as a call takes it. Returns where. */
  protected putAddress(at: number, host: string): number {
    const bytes = addressBytes({ host, port: 0 });
    for (let index = 0; index < addressLength; index++) this.module.bytes[at + index] = bytes[index]!;
    return at;
  }

  /** Whether it is known to whom packets for a host are handed on the link. It is asked for where not; undefined: there is no way. */
  isWayKnown(host: string): boolean | undefined {
    const known = this.core.isWayKnown(this.putAddress(this.scratch, host));
    return known < 0 ? undefined : known === 1;
  }

  /** A figure of the stack's. */
  figure(name: keyof typeof Figure): number {
    return Number(this.module.data.getBigUint64(this.#control + Figure[name], true));
  }

  /** Writes all figures, in the order of {@link stackFigureNames}. They are exact up to 2^53. */
  readFigures(into: Float64Array): void {
    const { data } = this.module;
    for (let index = 0; index < figureOffsets.length; index++) {
      const at = this.#control + figureOffsets[index]!;
      into[index] = little64(data, at);
    }
  }
}

/** See the file's head. */
export class Stack extends StackBase<StackExports> {
  /** Numbers of sockets, as {@link takeNews} found them. */
  readonly news: Uint32Array;
  readonly #returned: Uint32Array;
  #returnedCount = 0;
  /** What `receive` says beside the length: where the piece is, and whether there is more. */
  readonly #received: Uint32Array;
  /** Where the address of a datagram's sender stands. */
  readonly #sender: number;
  /** What came for sockets that are read without end. */
  readonly rows: StackRows;

  /** @throws Error with the setting that was refused, RangeError */
  constructor(options: StackOptions) {
    super(options, placeOf(options));
    const { buffer } = this.module.bytes;
    this.news = new Uint32Array(buffer, this.scratch + listsAt, listEntries);
    this.#returned = new Uint32Array(buffer, this.scratch + listsAt + listEntries * 4, listEntries);
    const control = this.core.controlBlock();
    this.#received = new Uint32Array(buffer, control + Place.pieceAddress, 2);
    this.#sender = control + Place.senderAddress;
    this.rows = new StackRows(this.core, buffer, this.scratch + rowsAt);
  }

  /** Takes note of sockets to which something happened: their numbers are the first of {@link news}. @returns how many, 0 when there are no more */
  takeNews(): number {
    return this.core.nextSockets(this.news.byteOffset, listEntries);
  }

  /** Where the piece is that was received last. */
  get pieceAddress(): number {
    return this.#received[0]!;
  }

  /** Whether more waits behind it; where not, the socket is told of again when something comes. */
  get hasMore(): boolean {
    return this.#received[1] !== 0;
  }

  /** A received frame goes back with others, at the next turn at the latest. */
  giveBack(frame: number): void {
    if (this.rows.giveBack(frame)) return;
    this.#returned[this.#returnedCount++] = frame;
    if (this.#returnedCount === listEntries) this.flushReturned();
  }

  /** Gives those frames back. */
  flushReturned(): void {
    if (this.#returnedCount > 0) this.core.recycleMany(this.#returned.byteOffset, this.#returnedCount);
    this.#returnedCount = 0;
  }

  /** Takes what was heard of neighbours and of packets since the last time. */
  takeHeard(): readonly bigint[] {
    const words = this.place('heard') * heard.words;
    const at = this.core.takeHeard();
    return Array.from({ length: words }, (_, index) => this.module.data.getBigUint64(at + index * 8, true));
  }

  /** Hears what the stack of another queue has heard, as if it had come to this one. @param words as {@link takeHeard} gives them */
  hearNeighbours(words: readonly bigint[]): void {
    const entries = Math.min(Math.floor(words.length / heard.words), heard.entries);
    const at = this.scratch + heard.at;
    for (let index = 0; index < entries * heard.words; index++)
      this.module.data.setBigUint64(at + index * 8, words[index]!, true);
    this.core.hearAlso(at, entries);
  }

  /** Begins a connection: its number, or -errno. @param from an address of the stack's */
  connect(from: string, host: string, port: number): number {
    const local = this.putAddress(this.scratch, from);
    return this.core.connect(local, this.putAddress(this.scratch + addressLength, host), port);
  }

  /** Our own end of a socket; undefined: it is no more. */
  own(socket: number): { readonly host: string; readonly port: number } | undefined {
    const at = this.scratch + peerBytes;
    if (this.core.peerOf(socket, at) < 0) return undefined;
    const { data } = this.module;
    const own = at + addressLength + 2;
    return { host: readAddressBytes(data, own), port: data.getUint16(own + addressLength, true) };
  }

  /** Who is at the other end of a socket; undefined: nobody any more. */
  peer(socket: number): { readonly host: string; readonly port: number } | undefined {
    const at = this.scratch + peerBytes;
    if (this.core.peerOf(socket, at) < 0) return undefined;
    const { data } = this.module;
    return { host: readAddressBytes(data, at), port: data.getUint16(at + addressLength, true) };
  }

  /** A socket for datagrams to a port of one of the stack's addresses, or of all (`::`): its number, or -errno. @param port 0: one that is free */
  openDatagrams(host: string, port: number): number {
    return this.core.udpOpen(this.putAddress(this.scratch, host), port);
  }

  /** Who sent the datagram that was received last. */
  get sender(): { readonly host: string; readonly port: number } {
    return { host: readAddressBytes(this.module.data, this.#sender), port: this.place('senderPort') };
  }

  /** Sends a datagram that lies in a frame of the application's. Returns 0 or -errno, as udpSend (src/core/README.md). */
  sendDatagram(socket: number, at: number, length: number, host: string, port: number): number {
    return this.core.udpSend(socket, at, length, this.putAddress(this.scratch, host), port);
  }

  /** Sends the datagram that was received last, or as many bytes in its place, back to where it came from, in its own frame. Returns as {@link sendDatagram}. */
  answerDatagram(socket: number, length: number): number {
    return this.core.udpSend(socket, this.pieceAddress, length, this.#sender, this.place('senderPort'));
  }
}
