// Segments that nearly fit, out of a seed: on connections that stand, open and close, with numbers at and around the edges of what is expected, flags, windows
// and options of all sorts, fragments of them, storms of SYN, FIN and RST, and an application that reads, writes and closes. Run by hand for many:
// node dist/test/core/tcp-fuzz.js SEGMENTS SEED

import assert from 'node:assert/strict';
import { pathToFileURL } from 'node:url';
import { seededRandom } from '../support/seeded-random.js';
import { ARP, arp, ethernet, get16, IPV4, internetChecksum, ipv4, joined, pseudoHeader, put16 } from './packets.js';
import { Script } from './tcp-script.js';
import { get32, put32 } from './tcp-segment.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const US = '10.0.0.1';
const PEER = '10.0.0.2';
const PORT = 80;
const PEERS = 48;
const FIRST_PORT = 2000;
const FIN = 1;
const SYN = 2;
const RST = 4;
const PSH = 8;
const ACK = 16;
const URG = 32;
const TCP_AT = 34;
const HEADERS = 54;

/** What the other side of a port knows: the next number of its own that is expected, and the next of the stack's. */
interface Side {
  next: number;
  theirs: number;
}

/** What came of it. */
export interface FuzzOutcome {
  readonly figures: Record<string, number>;
  /** Frames that were with the stack, the application or waited, at most. */
  readonly mostHeld: number;
}

type Random = () => number;

function pick<T>(random: Random, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)]!;
}

/** A number at, around, or far from what is expected. */
function near(random: Random, expected: number): number {
  const kind = random();
  if (kind < 0.5) return expected;
  if (kind < 0.7) return expected + Math.floor(random() * 3000) - 1500;
  if (kind < 0.85) return expected + pick(random, [-1, 1, 65_535, -65_535, 131_072, 0x7fff_ffff, 0x8000_0000]);
  return Math.floor(random() * 0x1_0000_0000);
}

function flagsOf(random: Random): number {
  const kind = random();
  if (kind < 0.55) return ACK;
  if (kind < 0.7) return ACK | PSH;
  if (kind < 0.78) return ACK | FIN;
  if (kind < 0.88) return SYN;
  if (kind < 0.91) return SYN | ACK;
  if (kind < 0.94) return RST;
  if (kind < 0.96) return RST | ACK;
  return Math.floor(random() * 256) & (FIN | SYN | RST | PSH | ACK | URG);
}

function optionsOf(random: Random, side: Side): Uint8Array {
  const kind = random();
  if (kind < 0.5) return new Uint8Array(0);
  if (kind < 0.65) {
    const stamp = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0);
    return put32(put32(stamp, 4, near(random, 5000)), 8, Math.floor(random() * 0x1_0000_0000));
  }
  if (kind < 0.85) {
    const ranges = 1 + Math.floor(random() * 4);
    const sack = joined(Uint8Array.of(1, 1, 5, 2 + 8 * ranges), new Uint8Array(8 * ranges));
    for (let at = 4; at < sack.length; at += 4)
      put32(sack, at, near(random, side.theirs) - Math.floor(random() * 8000));
    return sack;
  }
  const shift = pick(random, [0, 7, 14, 15, 255]);
  if (kind < 0.95) return Uint8Array.of(2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, shift);
  return Uint8Array.from({ length: 4 * (1 + Math.floor(random() * 9)) }, () => Math.floor(random() * 256));
}

class Fuzz {
  readonly #script = new Script({
    connections: 64,
    frameCount: 1024,
    sendFrames: 24,
    finWaitMs: 2000,
    timeWaitMs: 500,
  });
  readonly #random: Random;
  readonly #listener: number;
  readonly #sides: Side[] = Array.from({ length: PEERS }, () => ({ next: 1, theirs: 0 }));
  readonly #sockets = new Map<number, number>();
  /** A packet of each length that is used, its headers made once: only TCP's fields change. */
  readonly #scratch: Uint8Array;
  #nowUs = 2_000_000;
  mostHeld = 0;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.#listener = this.#script.host.listen(PORT, 8);
    this.#scratch = ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, US, { protocol: 6 }, new Uint8Array(20)));
  }

  run(segments: number): void {
    for (let sent = 0; sent < segments; sent += 64) {
      for (let index = 0; index < 64; index++) this.#deliver();
      this.#turn();
      this.#apply();
    }
  }

  /** All goes quiet, nothing is left behind, and a connection is served as ever. */
  settle(): Record<string, number> {
    const { host } = this.#script;
    for (const socket of this.#sockets.values()) host.core.abort(socket);
    for (let second = 0; second < 300; second++) {
      this.#nowUs += 1_000_000;
      this.#turn();
      for (let made = host.core.accept(this.#listener); made >= 0; made = host.core.accept(this.#listener)) {
        host.core.abort(made);
      }
    }
    this.#turn();
    this.#script.nowUs = this.#nowUs;
    this.#script.assertNoLeak();
    const figures = host.figures();
    this.#script.peerPort = 60_000;
    const socket = this.#script.acceptedBy(this.#listener);
    this.#script.send('P. 1:101(100) ack 1');
    assert.equal(host.core.receive(socket), 100);
    return figures;
  }

  #deliver(): void {
    const random = this.#random;
    const which = Math.floor(random() * PEERS);
    const side = this.#sides[which]!;
    const flags = flagsOf(random);
    const options = optionsOf(random, side);
    const length = random() < 0.5 ? 0 : Math.floor(random() ** 3 * 1400);
    const bytes = 20 + options.length + length;
    const packet = new Uint8Array(TCP_AT + bytes);
    packet.set(this.#scratch.subarray(0, HEADERS));
    packet.set(options, HEADERS);
    put16(packet, 16, 20 + bytes);
    put16(packet, 24, 0);
    put16(packet, 24, internetChecksum(packet.subarray(14, 34)));
    put16(put16(packet, TCP_AT, FIRST_PORT + which), TCP_AT + 2, PORT);
    const sequence = near(random, side.next) >>> 0;
    put32(put32(packet, TCP_AT + 4, sequence), TCP_AT + 8, near(random, side.theirs));
    packet[TCP_AT + 12] = random() < 0.01 ? Math.floor(random() * 256) : ((20 + options.length) / 4) << 4;
    packet[TCP_AT + 13] = flags;
    put16(packet, TCP_AT + 14, pick(random, [0, 1, 100, 1000, 20_000, 65_535]));
    put16(packet, TCP_AT + 18, Math.floor(random() * 0x1_0000));
    // Half-made, as a veth has it.
    put16(packet, TCP_AT + 16, internetChecksum(pseudoHeader(PEER, US, 6, bytes)) ^ 0xffff);
    if (flags === SYN) side.next = (sequence + 1) >>> 0;
    this.#script.host.deliver(packet);
  }

  #turn(): void {
    const { host } = this.#script;
    this.#nowUs += 100 + Math.floor(this.#random() ** 8 * 1_000_000);
    for (let again = 0; again < 4; again++) {
      host.core.turn(this.#nowUs >>> 0);
      for (const packet of host.takeSent()) this.#look(packet);
    }
    const { stack, application, waiting } = host.owners();
    this.mostHeld = Math.max(this.mostHeld, stack + application + waiting);
  }

  /** What the stack says is where the other side goes on. */
  #look(packet: Uint8Array): void {
    if (get16(packet, 12) === ARP) {
      if (packet[21] === 1)
        this.#script.host.deliver(ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, US)));
      return;
    }
    const side = this.#sides[get16(packet, TCP_AT + 2) - FIRST_PORT];
    if (side === undefined || (packet[TCP_AT + 13]! & RST) !== 0) return;
    const flags = packet[TCP_AT + 13]!;
    if ((flags & ACK) !== 0) side.next = get32(packet, TCP_AT + 8);
    const payload = get16(packet, 16) - 20 - (packet[TCP_AT + 12]! >> 4) * 4;
    side.theirs = (get32(packet, TCP_AT + 4) + payload + (flags & FIN) + ((flags & SYN) >> 1)) >>> 0;
  }

  #apply(): void {
    const { host } = this.#script;
    for (let made = host.core.accept(this.#listener); made >= 0; made = host.core.accept(this.#listener))
      this.#sockets.set(made, made);
    for (const socket of [...this.#sockets.keys()]) this.#use(socket);
    host.events();
  }

  #use(socket: number): void {
    const { core } = this.#script.host;
    const random = this.#random;
    for (let length = core.receive(socket); ; length = core.receive(socket)) {
      if (length > 0) core.recycle(this.#script.host.place('pieceAddress'));
      else {
        if (length !== -11) this.#end(socket);
        break;
      }
      if (random() < 0.02) return;
    }
    if (!this.#sockets.has(socket)) return;
    if (random() < 0.3)
      this.#script.host.sendPiece(socket, 0, 0, 1 + Math.floor(random() * 1400), random() < 0.2 ? 1 : 0);
    const kind = random();
    if (kind < 0.003) core.shutdown(socket);
    else if (kind < 0.006) this.#end(socket);
    else if (kind < 0.007) {
      this.#sockets.delete(socket);
      core.abort(socket);
    } else if (kind < 0.01) core.setOption(socket, random() < 0.5 ? 1 : 2, random() < 0.5 ? 1 : 0);
  }

  #end(socket: number): void {
    this.#sockets.delete(socket);
    this.#script.host.core.close(socket);
  }
}

/** Runs so many segments. @throws where something traps, leaks, or is served no more */
export function fuzz(segments: number, seed: number): FuzzOutcome {
  const run = new Fuzz(seed);
  run.run(segments);
  const figures = run.settle();
  return { figures, mostHeld: run.mostHeld };
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { figures, mostHeld } = fuzz(Number(process.argv[2] ?? 1_000_000), Number(process.argv[3] ?? 1));
  console.log(`at most ${mostHeld} frames were held`, figures);
}
