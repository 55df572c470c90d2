// VsockDevice: streams between this process and a guest (virtio-vsock). Bytes to the guest are copied once, into the packet that it offered; bytes from it are lent where
// they lie in its memory, until they were sent. What a guest says is believed of its own streams alone. Not here: where streams go (stream-door.ts), packets.

import { Access, type Domain, Pieces } from '../memory/domain.js';
import { Chain } from '../virtio/chain.js';
import type { VirtioDevice } from '../virtio/mmio.js';
import type { DeviceQueue } from '../virtio/queue.js';
import { VsockOp, VsockPackets, vsockHeaderBytes } from './vsock-packets.js';

/** Who is told of a guest's streams, by our port of each. */
export interface StreamOwner {
  /** The guest took the stream. */
  accepted(port: number): void;
  /** The guest will not have it, or it is to end at once: nothing that was lent is to be sent any more. */
  refused(port: number): void;
  /** The guest is done with it: bytes that it lent before are to be sent first. @param isReset it asks for no more, so that what nobody takes now may be left out */
  over(port: number, isReset: boolean): void;
  /** Bytes at our addresses, lent until {@link VsockDevice.giveBack} of the token. False: nobody wants them. */
  lent(port: number, pieces: Pieces, token: number): boolean;
  /** There is room for bytes again that {@link VsockDevice.send} did not take. */
  writable(port: number): void;
  /** Bytes of a stream that have reached its reader so far: of one that reads they become more. */
  tookBytes(port: number): number;
}

/** What was counted. */
export interface VsockCounts {
  packetsIn: number;
  packetsOut: number;
  bytesIn: number;
  bytesOut: number;
  /** Packets of the guest that make no sense. */
  faults: number;
  /** Streams that were ended because what they were sent was not taken, and took the room of others. */
  slowReaders: number;
}

interface Stream {
  readonly port: number;
  readonly guestPort: number;
  /** Bytes and packets sent to the guest that it has not said to have taken; its room. */
  sent: number;
  guestTaken: number;
  guestRoom: number;
  packets: number;
  /** Bytes of the guest that were taken, and what it was told of them. */
  taken: number;
  told: number;
  /** Of these, what had reached its reader when it was found reading last, and when that was. */
  tookBytes: number;
  foundMs: number;
  isOpen: boolean;
}

/** Bytes of a stream that the guest may have under way: they stay in its own memory. */
const ownRoom = 1 << 20;
/** Packets to the guest that one stream may have that were not taken: a guest has to keep what it cannot take yet. */
const mostPackets = 8;
/** Packets without bytes that wait for room: a guest that gives none for so many is not heard, and gets no more streams. */
const mostUnsaid = 4096;
const nobody = new Uint8Array(0);
const tokensOfEpoch = 65_536;
/** Of the guest's descriptors, how many may be lent before those are asked for back that nobody has taken for so long, in ms; and how many may be then. */
const mostLent = 3 / 4;
const mostLentMs = 1000;
const wantedLent = 1 / 2;
/** How often it is looked for those at the most, in ms: a look at 1,024 packets took 60 us of 8 streams and 400 us of as many streams as packets, less than a hundredth of the thread then. */
const relieveMs = 50;
/** Bytes that a reader takes in {@link mostLentMs} at the least, which is a line of 32 kbit/s: one that takes a byte now and then would have the room of others for ever. */
const leastTaken = 4096;

/** See the file's head. */
export class VsockDevice implements VirtioDevice {
  readonly kind = 19;
  readonly features = 0n;
  readonly configuration = new Uint8Array(8);
  readonly queueSizes = [1024, 1024, 16];
  readonly counts: VsockCounts = { packetsIn: 0, packetsOut: 0, bytesIn: 0, bytesOut: 0, faults: 0, slowReaders: 0 };
  readonly #domain: Domain;
  readonly #owner: StreamOwner;
  readonly #wake: () => void;
  readonly #nowMs: () => number;
  readonly #packets: VsockPackets;
  readonly #pieces = new Pieces(64);
  #toGuest: DeviceQueue | undefined;
  #fromGuest: DeviceQueue | undefined;
  #toChain = new Chain(1);
  #fromChain = new Chain(1);
  /** Chains of the guest that are lent: by token. */
  #ids = new Uint16Array(0);
  #slots = new Uint16Array(0);
  /** Of what stream (0: not lent), how many descriptors, and since when. */
  #lentPorts = new Uint32Array(0);
  #lentPieces = new Uint16Array(0);
  #lentAtMs = new Float64Array(0);
  #lentSum = 0;
  #relievedMs = Number.NEGATIVE_INFINITY;
  #freeTokens: number[] = [];
  /** Counts starts: what was lent before the last one is nobody's any more. */
  #epoch = 0;
  readonly #streams = new Map<number, Stream>();
  /** What is to be said when there is room: operation and ports. */
  #unsaid: { operation: number; port: number; guestPort: number; flags: number }[] = [];
  #isDirty = false;
  readonly #waiting = new Set<number>();

  /** @param guestCid from 3 on. @param wake the guest has something to look at. @param nowMs a clock that does not go back */
  constructor(
    domain: Domain,
    guestCid: number,
    owner: StreamOwner,
    wake: () => void,
    nowMs: () => number = () => performance.now(),
  ) {
    this.#domain = domain;
    this.#owner = owner;
    this.#wake = wake;
    this.#nowMs = nowMs;
    this.#packets = new VsockPackets(domain, guestCid);
    new DataView(this.configuration.buffer).setBigUint64(0, BigInt(guestCid), true);
  }

  start(queues: readonly (DeviceQueue | undefined)[]): void {
    const [toGuest, fromGuest] = queues;
    this.#toGuest = toGuest;
    this.#fromGuest = fromGuest;
    this.#epoch++;
    if (toGuest !== undefined) this.#toChain = new Chain(toGuest.size);
    if (fromGuest !== undefined) {
      this.#fromChain = new Chain(fromGuest.size);
      this.#ids = new Uint16Array(fromGuest.size);
      this.#slots = new Uint16Array(fromGuest.size);
      this.#lentPorts = new Uint32Array(fromGuest.size);
      this.#lentPieces = new Uint16Array(fromGuest.size);
      this.#lentAtMs = new Float64Array(fromGuest.size);
      this.#lentSum = 0;
      this.#freeTokens = Array.from({ length: fromGuest.size }, (_, index) => index);
      fromGuest.suppressKicks();
    }
    toGuest?.suppressKicks();
  }

  stop(): void {
    this.#toGuest = this.#fromGuest = undefined;
    this.#unsaid = [];
    this.#waiting.clear();
    // What was lent is the guest's again: it is not to be sent any more.
    const ports = new Set([...this.#streams.keys(), ...this.#lentPorts.filter((port) => port !== 0)]);
    this.#streams.clear();
    this.#lentPorts.fill(0);
    for (const port of ports) this.#owner.refused(port);
  }

  notified(): void {
    // It looks at every turn.
  }

  /** Whether there is somebody to speak to. */
  get isStarted(): boolean {
    return this.#toGuest !== undefined;
  }

  /** Begins a stream to a port of the guest, or says at once that it is refused. @param port our own, that no other stream has */
  open(port: number, guestPort: number): void {
    if (this.#unsaid.length >= mostUnsaid) {
      this.#owner.refused(port);
      return;
    }
    const stream: Stream = {
      ...{ port, guestPort, sent: 0, guestTaken: 0, guestRoom: 0, packets: 0, taken: 0, told: 0, tookBytes: 0 },
      ...{ foundMs: Number.NEGATIVE_INFINITY, isOpen: false },
    };
    this.#streams.set(port, stream);
    this.#say(VsockOp.request, port, guestPort);
  }

  /** Sends bytes to the guest. Returns how many were taken; of the others {@link StreamOwner.writable} tells. */
  send(port: number, bytes: Uint8Array, start: number, end: number): number {
    const stream = this.#streams.get(port);
    if (stream === undefined) return end - start;
    let at = start;
    while (at < end) {
      const room = stream.guestRoom - (stream.sent - stream.guestTaken);
      if (!stream.isOpen || room <= 0 || stream.packets >= mostPackets || !this.#takeRoom()) {
        this.#waiting.add(port);
        break;
      }
      const most = this.#toChain.writableBytes - vsockHeaderBytes;
      const length = Math.min(end - at, room, most);
      this.#fill(VsockOp.data, stream.port, stream.guestPort, 0, stream, length);
      if (!this.#put(bytes, at)) {
        this.#waiting.add(port);
        break;
      }
      stream.sent += length;
      stream.packets++;
      this.counts.bytesIn += length;
      at += length;
    }
    return at - start;
  }

  /** Our side of a stream is over: nothing more comes, or (reset) nothing more is wanted either. */
  close(port: number, isReset: boolean): void {
    const stream = this.#streams.get(port);
    if (stream === undefined) return;
    if (isReset) {
      this.#streams.delete(port);
      this.#waiting.delete(port);
    }
    this.#say(isReset ? VsockOp.reset : VsockOp.shutdown, port, stream.guestPort, isReset ? 0 : 2);
  }

  #fill(
    operation: number,
    port: number,
    guestPort: number,
    flags: number,
    stream: Stream | undefined,
    length: number,
  ): void {
    const { header } = this.#packets;
    header.sourcePort = port;
    header.targetPort = guestPort;
    header.length = length;
    header.operation = operation;
    header.flags = flags;
    header.room = ownRoom;
    header.taken = (stream?.taken ?? 0) >>> 0;
    if (stream !== undefined) stream.told = stream.taken;
  }

  /** Takes a packet that the guest offers to receive into. What has no room for a header is given back empty. */
  #takeRoom(): boolean {
    const queue = this.#toGuest;
    while (queue?.take(this.#toChain) === true) {
      if (this.#toChain.fault === undefined && this.#toChain.writableBytes > vsockHeaderBytes) return true;
      this.#refuse(queue, this.#toChain);
    }
    return false;
  }

  #refuse(queue: DeviceQueue, { id, slots }: Chain): void {
    this.counts.faults++;
    queue.give(id, slots, 0);
    this.#becomeDirty();
  }

  /** Writes the packet into what was taken. */
  #put(bytes: Uint8Array, start: number): boolean {
    const queue = this.#toGuest!;
    const { id, slots } = this.#toChain;
    if (!this.#packets.write(this.#toChain, bytes, start)) {
      this.#refuse(queue, this.#toChain);
      return false;
    }
    queue.give(id, slots, vsockHeaderBytes + this.#packets.header.length);
    this.counts.packetsIn++;
    this.#becomeDirty();
    return true;
  }

  #becomeDirty(): void {
    this.#isDirty = true;
    this.#wake();
  }

  /** Says something without bytes, now or when there is room. */
  #say(operation: number, port: number, guestPort: number, flags = 0): void {
    this.#unsaid.push({ operation, port, guestPort, flags });
    this.#sayAll();
  }

  #sayAll(): void {
    let said = 0;
    for (const { operation, port, guestPort, flags } of this.#unsaid) {
      if (!this.#takeRoom()) break;
      said++;
      this.#fill(operation, port, guestPort, flags, this.#streams.get(port), 0);
      if (!this.#put(nobody, 0)) break;
    }
    if (said > 0) this.#unsaid.splice(0, said);
  }

  /** Shows the guest what it was given. True: it wants to be told. */
  publish(): boolean {
    if (!this.#isDirty) return false;
    this.#isDirty = false;
    const isWanted = this.#toGuest?.publish() === true;
    return this.#fromGuest?.publish() === true || isWanted;
  }

  /** Whether there is room for what a packet may lend, and for what has to be answered. No accessor: V8 calls its runtime for one of those that is private. */
  #isHeard(): boolean {
    return this.#freeTokens.length > 0 && this.#unsaid.length < mostUnsaid;
  }

  /** Whether so much is lent that {@link turn} has to be called from time to time, whatever the guest does: one that waits for room does nothing. */
  get isShort(): boolean {
    return this.#fromGuest !== undefined && this.#lentSum > this.#fromGuest.size * mostLent;
  }

  /** Looks at what the guest did: its packets, room for ours. */
  turn(): void {
    const queue = this.#fromGuest;
    if (queue === undefined) return;
    if (this.#unsaid.length > 0) this.#sayAll();
    if (this.isShort) this.#relieve(queue.size);
    const chain = this.#fromChain;
    for (let looks = 0; looks < queue.size && this.#isHeard() && queue.take(chain); looks++) {
      if (!this.#packets.read(chain)) this.#refuse(queue, chain);
      else if (!this.#hear(chain)) {
        queue.give(chain.id, chain.slots, 0);
        this.#becomeDirty();
      }
    }
    if (this.#waiting.size === 0) return;
    for (const port of [...this.#waiting]) {
      this.#waiting.delete(port);
      this.#owner.writable(port);
    }
  }

  /** What a packet says. True: its chain is kept. */
  #hear(chain: Chain): boolean {
    const { sourcePort, targetPort, operation, flags, length, room, taken } = this.#packets.header;
    this.counts.packetsOut++;
    const stream = this.#streams.get(targetPort);
    if (stream === undefined || stream.guestPort !== sourcePort) {
      if (operation !== VsockOp.reset) this.#say(VsockOp.reset, targetPort, sourcePort);
      return false;
    }
    this.#noteCredit(stream, room, taken);
    if (operation === VsockOp.data) return this.#lend(stream, chain, length);
    if (operation === VsockOp.response) {
      stream.isOpen = true;
      this.#owner.accepted(targetPort);
    } else if (operation === VsockOp.reset) {
      this.#streams.delete(targetPort);
      this.#waiting.delete(targetPort);
      if (stream.isOpen) this.#owner.over(targetPort, true);
      else this.#owner.refused(targetPort);
    } else if (operation === VsockOp.shutdown) {
      // Whoever sends no more here ends the conversation.
      if ((flags & 2) !== 0) this.#owner.over(targetPort, false);
    } else if (operation === VsockOp.creditRequest) this.#say(VsockOp.credit, targetPort, sourcePort);
    else if (operation !== VsockOp.credit) this.counts.faults++;
    return false;
  }

  #noteCredit(stream: Stream, room: number, taken: number): void {
    // What it says to have taken is 32 bits of a count that goes on.
    const more = (taken - (stream.guestTaken >>> 0)) >>> 0;
    if (more > stream.sent - stream.guestTaken) {
      this.counts.faults++;
      return;
    }
    stream.guestTaken += more;
    stream.guestRoom = room;
    if (stream.guestTaken === stream.sent) stream.packets = 0;
  }

  #lend(stream: Stream, chain: Chain, length: number): boolean {
    const pieces = this.#pieces;
    pieces.clear();
    const isThere = chain.stretches(0, chain.readable, vsockHeaderBytes, length, (high, low, bytes) =>
      this.#domain.translate(high, low, bytes, Access.read, pieces),
    );
    if (!isThere) {
      this.counts.faults++;
      // Whoever reads it must not take what follows for what is missing.
      this.#streams.delete(stream.port);
      this.#waiting.delete(stream.port);
      this.#say(VsockOp.reset, stream.port, stream.guestPort);
      this.#owner.refused(stream.port);
      return false;
    }
    this.counts.bytesOut += length;
    stream.taken += length;
    if (stream.taken - stream.told > ownRoom / 2) this.#say(VsockOp.credit, stream.port, stream.guestPort);
    const token = this.#freeTokens.pop()!;
    this.#ids[token] = chain.id;
    this.#slots[token] = chain.slots;
    this.#lentPorts[token] = stream.port;
    this.#lentPieces[token] = chain.count;
    this.#lentAtMs[token] = this.#nowMs();
    this.#lentSum += chain.count;
    if (this.#owner.lent(stream.port, pieces, token + this.#epoch * tokensOfEpoch)) return true;
    this.#takeToken(token);
    return false;
  }

  /** It is not lent any more. */
  #takeToken(token: number): void {
    this.#lentSum -= this.#lentPieces[token]!;
    this.#lentPorts[token] = 0;
    this.#freeTokens.push(token);
  }

  /** Bytes that their readers do not take have the room of all: the streams that have had it for longest end, until there is some. What those have that have ended is on its way back, and counts as free. */
  #relieve(size: number): void {
    const nowMs = this.#nowMs();
    if (nowMs < this.#relievedMs + relieveMs) return;
    this.#relievedMs = nowMs;
    const beforeMs = nowMs - mostLentMs;
    const [ports, atMs] = [this.#lentPorts, this.#lentAtMs];
    let left = this.#lentSum;
    const old: number[] = [];
    for (const [token, port] of ports.entries()) {
      if (port === 0) continue;
      if (!this.#streams.has(port)) left -= this.#lentPieces[token]!;
      else if (atMs[token]! < beforeMs) old.push(token);
    }
    old.sort((one, other) => atMs[one]! - atMs[other]!);
    for (const token of old) {
      if (left <= size * wantedLent) return;
      const port = ports[token]!;
      const stream = this.#streams.get(port);
      if (stream === undefined) continue;
      if (stream.foundMs >= beforeMs || this.#isReading(stream, nowMs)) {
        // As fast as it can: all that it has is looked at again when that is long ago.
        atMs[token] = stream.foundMs;
        continue;
      }
      left -= this.#piecesOf(port);
      this.counts.slowReaders++;
      this.#streams.delete(port);
      this.#waiting.delete(port);
      this.#say(VsockOp.reset, port, stream.guestPort);
      this.#owner.refused(port);
    }
  }

  /** Descriptors that a stream has. */
  #piecesOf(port: number): number {
    let sum = 0;
    for (const [token, each] of this.#lentPorts.entries()) if (each === port) sum += this.#lentPieces[token]!;
    return sum;
  }

  #isReading(stream: Stream, nowMs: number): boolean {
    const took = this.#owner.tookBytes(stream.port);
    if (took - stream.tookBytes < leastTaken) return false;
    stream.tookBytes = took;
    stream.foundMs = nowMs;
    return true;
  }

  /** Bytes that were lent are not needed any more. */
  giveBack(token: number): void {
    if (this.#fromGuest === undefined || Math.floor(token / tokensOfEpoch) !== this.#epoch) return;
    const index = token % tokensOfEpoch;
    this.#fromGuest.give(this.#ids[index]!, this.#slots[index]!, 0);
    this.#takeToken(index);
    this.#becomeDirty();
  }
}
