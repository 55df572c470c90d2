// Two stacks of our TCP/IP joined by a wire in memory, each under an engine: what the kernel's side of AF_XDP's rings does in copy mode is done here. Packets pass
// whenever one of them works its rings; nothing waits. For tests alone.

import { BypassEngine, type StackLink } from '../../src/bypass/bypass-engine.js';
import { type RingName, type RingPlaces, ringNames, Stack } from '../../src/bypass/stack.js';
import type { Engine } from '../../src/engine/engine.js';

/** XDP_PACKET_HEADROOM. */
const headroom = 256;
const flagsAt = 8;
const descriptorsAt = 64;
const needsWakeup = 1;

/** The kernel's side of a stack's rings. */
class RingSide {
  readonly #stack: Stack;
  readonly #places: Readonly<Record<RingName, RingPlaces>>;

  constructor(stack: Stack) {
    this.#stack = stack;
    const places = ringNames.map((name) => {
      const { at } = stack.ringRoom(name);
      stack.module.data.setUint32(at + flagsAt, needsWakeup, true);
      return [name, { producer: at, consumer: at + 4, flags: at + flagsAt, descriptors: at + descriptorsAt }] as const;
    });
    this.#places = Object.fromEntries(places) as Record<RingName, RingPlaces>;
    stack.attach(this.#places);
  }

  #waiting(name: RingName): number {
    const { producer, consumer } = this.#places[name];
    const { data } = this.#stack.module;
    return (data.getUint32(producer, true) - data.getUint32(consumer, true)) >>> 0;
  }

  /** The place of a ring's next entry; the count that says so goes up by one. */
  #step(name: RingName, isProducer: boolean): number {
    const { producer, consumer, descriptors } = this.#places[name];
    const { data } = this.#stack.module;
    const at = isProducer ? producer : consumer;
    const count = data.getUint32(at, true);
    data.setUint32(at, count + 1, true);
    const bytes = name === 'fill' || name === 'completion' ? 8 : 16;
    return descriptors + ((count & (this.#stack.entries[name] - 1)) >>> 0) * bytes;
  }

  /** The packets that wait to be sent; they count as sent. */
  take(): Uint8Array[] {
    const { data, bytes } = this.#stack.module;
    const packets: Uint8Array[] = [];
    while (this.#waiting('transmit') > 0) {
      const at = this.#step('transmit', false);
      const place = data.getUint32(at, true);
      const start = this.#stack.place('umem') + place;
      packets.push(bytes.slice(start, start + data.getUint32(at + 8, true)));
      data.setBigUint64(this.#step('completion', true), BigInt(place), true);
    }
    return packets;
  }

  /** A packet arrives; it is lost where there is no frame for it. */
  give(packet: Uint8Array): void {
    const { data, bytes } = this.#stack.module;
    if (this.#waiting('fill') === 0 || this.#waiting('receive') >= this.#stack.entries.receive) return;
    const place = data.getUint32(this.#step('fill', false), true) + headroom;
    bytes.set(packet, this.#stack.place('umem') + place);
    const at = this.#step('receive', true);
    data.setBigUint64(at, BigInt(place), true);
    data.setUint32(at + 8, packet.length, true);
    data.setUint32(at + 12, 0, true);
  }
}

/** What a test says of both stacks. */
export interface JoinOptions {
  readonly frames?: number;
  readonly pollUs?: number;
  /** Whether a packet, by its number, passes. Default: all do. */
  readonly passes?: (number: number, packet: Uint8Array) => boolean;
}

/** Addresses of the two: `near` is the engine under test, `far` the peers'. */
export const nearHost = '10.9.0.1';
export const farHost = '10.9.0.2';

/** See the file's head. */
export class JoinedStacks {
  readonly near: BypassEngine;
  readonly farStack: Stack;
  readonly #nearSide: RingSide;
  readonly #farSide: RingSide;
  readonly #passes: (number: number, packet: Uint8Array) => boolean;
  #packets = 0;
  #isPassing = false;

  constructor(inner: Engine, options: JoinOptions = {}) {
    const stackOf = (host: string, last: number): Stack =>
      new Stack({
        mac: Uint8Array.of(2, 0, 0, 0, 0, last),
        addresses: [{ host, prefixLength: 24 }],
        frames: options.frames ?? 2048,
        sockets: 1024,
      });
    const nearStack = stackOf(nearHost, 1);
    this.farStack = stackOf(farHost, 2);
    this.#nearSide = new RingSide(nearStack);
    this.#farSide = new RingSide(this.farStack);
    this.#passes = options.passes ?? (() => true);
    const link: StackLink = { descriptor: -1, worked: () => this.#pass(), close: () => {} };
    this.near = new BypassEngine(nearStack, inner, link, { pollUs: options.pollUs ?? 0 });
    this.#meet();
  }

  /** A connection of the far stack's to the near one, made as a kernel makes it: the number of its socket there. */
  dial(port: number): number {
    const { core } = this.farStack;
    const socket = this.farStack.connect(farHost, nearHost, port);
    for (let turns = 0; turns < 4 && core.sendRoom(socket) === 0; turns++) {
      this.#pass();
      this.near.stack.core.turn((performance.now() * 1000) >>> 0);
      this.#pass();
    }
    return socket;
  }

  /** Each asks for the other's address once, so that nothing waits for that later. */
  #meet(): void {
    const { core } = this.farStack;
    const socket = this.farStack.connect(farHost, nearHost, 9);
    for (let turns = 0; turns < 8; turns++) {
      this.near.stack.core.turn((performance.now() * 1000) >>> 0);
      this.#pass();
    }
    core.close(socket);
  }

  /** Packets pass in both directions, and the far stack takes its turn. */
  #pass(): void {
    if (this.#isPassing) return;
    this.#isPassing = true;
    this.#move(this.#nearSide, this.#farSide);
    this.turnFar();
    this.#move(this.#farSide, this.#nearSide);
    this.#isPassing = false;
  }

  #move(from: RingSide, to: RingSide): void {
    for (const packet of from.take()) if (this.#passes(this.#packets++, packet)) to.give(packet);
  }

  /** A turn of the far stack. */
  turnFar(): void {
    this.farStack.core.turn((performance.now() * 1000) >>> 0);
  }
}
