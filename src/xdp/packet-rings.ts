// PacketRings: works the four rings of a socket of AF_XDP: packets that came are shown where they lie, packets to send are handed over, frames go round;
// each hand-over is held against the guard before it reaches a ring. The fill ring is filled before anything else is done, so that it never runs dry
// while there are frames. Not here: the socket (xdp-socket.ts), what is in a packet. A core in WebAssembly works the rings itself instead.

import { Errno } from '../kernel/errno.js';
import { ConsumerRing, ProducerRing } from '../ring/ring.js';
import { FrameGuard } from './frame-guard.js';
import type { XdpRingPlace, XdpSocket } from './xdp-socket.js';

/** In copy mode the kernel sends 32 packets a call (TX_BATCH_SIZE, net/xdp/xsk.c), and says that there are more. */
const packetsACall = 32;

/** What takes packets that came. */
export interface PacketTaker {
  /** Takes a packet: its place in the memory, in bytes. False: there is no room for it now; it is shown again by the next call. */
  packet(place: number, length: number): boolean;
}

const halves = ({ buffer }: XdpRingPlace): Int32Array => new Int32Array(buffer, 0);

/** See the file's head. Places are offsets in the socket's memory. Once that is closed every call throws an Error (CLEARWAY_STATE). */
export class PacketRings {
  readonly socket: XdpSocket;
  readonly guard: FrameGuard;
  readonly #fill: ProducerRing;
  readonly #completion: ConsumerRing;
  readonly #receive: ConsumerRing;
  readonly #transmit: ProducerRing;
  /** Each ring's memory in words of 32 bits, and the word of its first entry. */
  readonly #fillWords: Int32Array;
  readonly #fillAt: number;
  readonly #completionWords: Int32Array;
  readonly #completionAt: number;
  readonly #receiveWords: Int32Array;
  readonly #receiveAt: number;
  readonly #transmitWords: Int32Array;
  readonly #transmitAt: number;
  /** Frames that stay for what is sent, whatever comes. */
  readonly #keptToSend: number;
  /** The packet on top of the receive ring was taken from the kernel already, and nobody had room for it: its place. */
  #pending = -1;
  #pendingLength = 0;

  /** Fills the fill ring. @param keptToSend frames that are not used to receive, so that there is always one to send from */
  constructor(socket: XdpSocket, keptToSend: number) {
    socket.checkOpen();
    const { fill, completion, receive, transmit } = socket.rings;
    this.socket = socket;
    this.guard = new FrameGuard(socket.frames, socket.frameBytes);
    this.#keptToSend = keptToSend;
    const consumer = (ring: XdpRingPlace) =>
      new ConsumerRing(halves(ring), ring.consumer / 4, ring.producer / 4, ring.entries);
    const producer = (ring: XdpRingPlace) =>
      new ProducerRing(halves(ring), ring.consumer / 4, ring.producer / 4, ring.entries);
    this.#fill = producer(fill);
    this.#completion = consumer(completion);
    this.#receive = consumer(receive);
    this.#transmit = producer(transmit);
    [this.#fillWords, this.#fillAt] = [halves(fill), fill.descriptors / 4];
    [this.#completionWords, this.#completionAt] = [halves(completion), completion.descriptors / 4];
    [this.#receiveWords, this.#receiveAt] = [halves(receive), receive.descriptors / 4];
    [this.#transmitWords, this.#transmitAt] = [halves(transmit), transmit.descriptors / 4];
    this.refill();
  }

  /** Gives the kernel frames to receive into, as many as there is room for. */
  refill(): void {
    this.socket.checkOpen();
    const { guard } = this;
    const ring = this.#fill;
    let count = Math.min(ring.free(ring.entries), guard.unused - Math.max(0, this.#keptToSend - guard.sending));
    if (count <= 0) return;
    for (; count > 0; count--) {
      const at = this.#fillAt + (ring.tail & ring.mask) * 2;
      this.#fillWords[at] = guard.takeToReceive();
      this.#fillWords[at + 1] = 0;
      ring.tail = (ring.tail + 1) | 0;
    }
    ring.publish();
    this.socket.wakeReceive();
  }

  /** Whether packets have come that were not taken. */
  get hasReceived(): boolean {
    this.socket.checkOpen();
    return this.#pending >= 0 || this.#receive.available() !== 0;
  }

  /**
   * Shows up to `most` packets that came to `taker`, whose frames are the kernel's again once it has taken them. Returns how many were taken; fewer than
   * `most` with {@link hasReceived}: there was no room for one.
   */
  receive(taker: PacketTaker, most: number): number {
    this.socket.checkOpen();
    this.#collect();
    this.refill();
    const ring = this.#receive;
    let taken = 0;
    // More than the ring has, as a count that was spoiled would say, is not looked at in one call either.
    let left = Math.min(ring.available() >>> 0, ring.entries);
    while (taken < most && this.socket.isOpen && (left > 0 || this.#pending >= 0)) {
      if (this.#pending < 0) {
        left--;
        if (!this.#next()) continue;
      }
      if (!taker.packet(this.#pending, this.#pendingLength)) break;
      this.guard.giveBack(this.#pending);
      this.#pending = -1;
      taken++;
    }
    if (taken > 0 && this.socket.isOpen) this.refill();
    return taken;
  }

  /** Takes the next packet out of the ring. False: it makes no sense, which was counted. */
  #next(): boolean {
    const ring = this.#receive;
    const words = this.#receiveWords;
    const at = this.#receiveAt + (ring.head & ring.mask) * 4;
    const length = words[at + 2]!;
    const place = this.guard.received(words[at]!, words[at + 1]!, length);
    ring.head = (ring.head + 1) | 0;
    ring.release();
    if (place < 0) return false;
    this.#pending = place;
    this.#pendingLength = length;
    return true;
  }

  /** Takes a frame to write a packet into, which {@link send} or `guard.giveBack` ends. Returns its place, or -1: none is there now. */
  take(): number {
    this.socket.checkOpen();
    const { guard } = this;
    if (guard.unused === 0 || this.#isFull) this.#collect();
    if (this.#isFull) {
      this.flush();
      this.#collect();
    }
    return this.#isFull ? -1 : guard.take();
  }

  /** What was sent has to find room in the completion ring, and a packet in the transmit ring. */
  get #isFull(): boolean {
    return this.guard.sending >= this.#completion.entries || this.#transmit.free() === 0;
  }

  /** Hands a packet over, which leaves with {@link flush}. False: a fault, counted by the guard, or the ring is full; the frame stays the caller's. */
  send(place: number, length: number): boolean {
    this.socket.checkOpen();
    if (this.#isFull || !this.guard.handToSend(place, length)) return false;
    const ring = this.#transmit;
    const words = this.#transmitWords;
    const at = this.#transmitAt + (ring.tail & ring.mask) * 4;
    words[at] = place;
    words[at + 1] = 0;
    words[at + 2] = length;
    words[at + 3] = 0;
    ring.tail = (ring.tail + 1) | 0;
    return true;
  }

  /** Sends what was handed over. What the kernel does not take now leaves with a later call. */
  flush(): void {
    this.socket.checkOpen();
    const ring = this.#transmit;
    ring.publish();
    for (let calls = ring.entries / packetsACall; calls >= 0; calls--) {
      if (ring.free(ring.entries) === ring.entries) return;
      const result = this.socket.wakeTransmit();
      if (result !== -Errno.EAGAIN) return;
      this.#collect();
    }
  }

  /** Whether packets were handed over that the kernel has not taken yet. */
  get isSending(): boolean {
    this.socket.checkOpen();
    return this.#transmit.free(this.#transmit.entries) !== this.#transmit.entries;
  }

  /** Takes back frames that were sent. */
  #collect(): void {
    const ring = this.#completion;
    const count = Math.min(ring.available() >>> 0, ring.entries);
    if (count === 0) return;
    const words = this.#completionWords;
    for (let done = 0; done < count; done++) {
      const at = this.#completionAt + ((ring.head + done) & ring.mask) * 2;
      this.guard.sent(words[at]!, words[at + 1]!);
    }
    ring.head = (ring.head + count) | 0;
    ring.release();
  }
}
