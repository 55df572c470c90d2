// What a TCP segment costs in the core: segments in order on many connections, out of a ring as AF_XDP's, through Ethernet, IPv4 and TCP to the application, which
// takes each and gives its frame back; acknowledgements go out as the stack decides. The packets are made and put into frames outside of what is timed.
// Not here: the floor in C (floor.c).

import { Place } from '../../src/core/control.js';
import { ethernet, get16, IPV4, internetChecksum, ipv4, joined, pseudoHeader, put16 } from '../../test/core/packets.js';
import { TcpHost } from '../../test/core/tcp-host.js';

const us = '10.0.0.1';
const ourMac = '02:00:00:00:00:01';
const peerMac = '02:00:00:00:00:02';
const port = 80;
const ack = 0x10;
const syn = 0x02;
const listEntries = 256;
/** As the floor has them: frames in all, and those that the kernel has to receive into. The more of them go round, the more memory is between two uses of one. */
const frames = 4096;
const framesToReceive = 1024;
/** A turn takes 256 segments. */
const turnUs = 256;

interface Peer {
  readonly host: string;
  /** The packet that it sends again and again, with another sequence number each time. */
  packet: Uint8Array<ArrayBufferLike>;
  readonly port: number;
  sequence: number;
  acknowledgement: number;
}

function segment(peer: Peer, flags: number, payload: Uint8Array): Uint8Array<ArrayBufferLike> {
  const header = new Uint8Array(20);
  const data = new DataView(header.buffer);
  data.setUint16(0, peer.port);
  data.setUint16(2, port);
  data.setUint32(4, peer.sequence >>> 0);
  data.setUint32(8, peer.acknowledgement >>> 0);
  data.setUint16(12, (5 << 12) | flags);
  data.setUint16(14, 0xffff);
  const pseudo = pseudoHeader(peer.host, us, 6, 20 + payload.length);
  put16(header, 16, internetChecksum(pseudo, header, payload));
  return ethernet(ourMac, peerMac, IPV4, ipv4(peer.host, us, { protocol: 6 }, joined(header, payload)));
}

const sequenceAt = 38;
const checksumAt = 50;

/** Moves a packet's sequence number on, and its checksum with it (RFC 1624). */
function moveOn(packet: Uint8Array, bytes: number): void {
  const data = new DataView(packet.buffer, packet.byteOffset);
  const before = data.getUint32(sequenceAt);
  const after = (before + bytes) >>> 0;
  let sum = (data.getUint16(checksumAt) ^ 0xffff) + ((before >>> 16) ^ 0xffff) + ((before & 0xffff) ^ 0xffff);
  sum += (after >>> 16) + (after & 0xffff);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  data.setUint32(sequenceAt, after);
  data.setUint16(checksumAt, sum ^ 0xffff);
}

/** See the file's head. */
export class SegmentLoad {
  readonly #host: TcpHost;
  readonly #peers: Peer[] = [];
  readonly #payload: Uint8Array;
  /** Lists in the stack's memory: sockets, and addresses of pieces; and where `receive` says what it gave. */
  readonly #sockets: Uint32Array;
  readonly #pieces: Uint32Array;
  readonly #placed: Uint32Array;
  #nowUs = 1_000_000;
  /** The stack's part of the last run; the rest is the application's, with its calls. */
  stackShare = 0;

  /** @param frameBytes of each Ethernet frame. @param module of the core. @throws Error where a connection does not come to be */
  constructor(frameBytes: number, connections: number, module = 'stack') {
    this.#payload = Uint8Array.from({ length: frameBytes - 54 }, (_, index) => (index * 31) & 0xff);
    this.#host = new TcpHost({
      module,
      ipv4: `${us}/16`,
      pages: 512,
      settings: { frameCount: frames, fillEntries: framesToReceive, trustPartial: 0, neighbours: 1024 },
    });
    const { core, bytes, control } = this.#host;
    // Behind all that the stack lays out.
    const lists = bytes.length - 3 * listEntries * 4;
    this.#sockets = new Uint32Array(bytes.buffer, lists, listEntries);
    this.#pieces = new Uint32Array(bytes.buffer, lists + listEntries * 4, listEntries);
    this.#placed = new Uint32Array(bytes.buffer, control + Place.pieceAddress, 2);
    const listener = this.#host.listen(port, connections);
    core.turn(this.#nowUs);
    for (let index = 0; index < connections; index++) {
      const peer: Peer = {
        host: `10.0.${1 + (index >> 7)}.${1 + (index & 127)}`,
        port: 20_000 + index * 13,
        sequence: 1000 + index,
        acknowledgement: 0,
        packet: new Uint8Array(0),
      };
      this.#peers.push(peer);
      this.#learn(peer.host);
      this.#host.deliver(segment(peer, syn, new Uint8Array(0)));
      const answer = this.#turnUntilSent(peer.port);
      peer.sequence++;
      peer.acknowledgement = new DataView(answer.buffer, answer.byteOffset).getUint32(38) + 1;
      this.#host.deliver(segment(peer, ack, new Uint8Array(0)));
      core.turn(this.#nowUs);
      if (core.accept(listener) < 0) throw new Error(`connection ${index} was not made`);
      peer.packet = segment(peer, ack, this.#payload);
    }
    this.#forgetEvents();
  }

  /** The stack asks who has the address; the peer's answer. */
  #learn(host: string): void {
    const address = host.split('.').map(Number);
    const request = Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, ...address, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1);
    this.#host.deliver(ethernet(ourMac, peerMac, 0x0806, request));
    this.#host.core.turn(this.#nowUs);
    this.#host.takeSent();
    this.#host.complete();
  }

  /** The answer to a SYN; questions for the neighbour's address are answered on the way. */
  #turnUntilSent(peerPort: number): Uint8Array {
    for (let tries = 0; tries < 8; tries++) {
      this.#turn(10);
      for (const packet of this.#host.takeSent()) {
        if (get16(packet, 12) === IPV4 && get16(packet, 36) === peerPort) return packet;
        if (get16(packet, 12) === 0x0806) this.#answer(packet);
      }
    }
    throw new Error('no answer to a SYN');
  }

  #answer(question: Uint8Array): void {
    const [from, of] = [question.slice(28, 32), question.slice(38, 42)];
    const reply = Uint8Array.of(0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, ...of, 2, 0, 0, 0, 0, 1, ...from);
    this.#host.deliver(ethernet(ourMac, peerMac, 0x0806, reply));
  }

  #turn(laterUs: number): void {
    this.#nowUs += laterUs;
    this.#host.core.turn(this.#nowUs);
  }

  #forgetEvents(): void {
    while (this.#host.core.nextEvent() !== 0n) {}
  }

  /** The application, as `bypass/` has it: sockets that were told of, their pieces, and all frames back at once. Returns how many there were. */
  #takeAll(): number {
    const { core } = this.#host;
    const [sockets, pieces, placed] = [this.#sockets, this.#pieces, this.#placed];
    let taken = 0;
    for (let many = core.nextSockets(sockets.byteOffset, listEntries); many > 0; ) {
      let frames = 0;
      for (let index = 0; index < many; index++) {
        const socket = sockets[index]!;
        do {
          if (core.receive(socket) <= 0) break;
          pieces[frames++] = placed[0]!;
          if (frames === listEntries) {
            core.recycleMany(pieces.byteOffset, frames);
            taken += frames;
            frames = 0;
          }
        } while (placed[1] !== 0);
      }
      core.recycleMany(pieces.byteOffset, frames);
      taken += frames;
      many = core.nextSockets(sockets.byteOffset, listEntries);
    }
    return taken;
  }

  /**
   * Puts so many segments into the ring, and lets the stack and the application take them in turns, as a million segments a second come: what they have to be
   * answered, and when, is part of it. @returns nanoseconds of CPU a segment
   */
  run(segments: number): number {
    const host = this.#host;
    for (let index = 0; index < segments; index++) {
      const peer = this.#peers[index % this.#peers.length]!;
      if (!host.deliver(peer.packet)) throw new Error('no frame for a segment');
      moveOn(peer.packet, this.#payload.length);
    }
    const before = process.cpuUsage();
    const began = performance.now();
    let taken = 0;
    let inStack = 0;
    for (let turns = 0; taken < segments; turns++) {
      if (turns > segments) throw new Error(`${segments - taken} of ${segments} segments did not arrive`);
      const from = performance.now();
      this.#turn(turnUs);
      inStack += performance.now() - from;
      taken += this.#takeAll();
    }
    this.stackShare = inStack / (performance.now() - began);
    const { user, system } = process.cpuUsage(before);
    host.takeSent();
    return ((user + system) * 1000) / segments;
  }

  /** Segments of ours so far. */
  get acknowledgements(): number {
    return this.#host.figure('tcpSegmentsSent');
  }
}
