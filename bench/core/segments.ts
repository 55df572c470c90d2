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
/** Rows of what came, and where in one is what (src/core/tcp/rows.ts). */
const rowEntries = 512;
const rowWords = 4;
const Row = { socket: 0, address: 2, length: 3 } as const;
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
  /** The rows in the stack's memory, and how many were written and taken. */
  readonly #rows: Int32Array;
  readonly #rowWords: Int32Array;
  /** Bytes of each connection that the application has taken; they wrap. */
  readonly #taken: Int32Array;
  #nowUs = 1_000_000;

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
    const rows = bytes.length - rowEntries * rowWords * 4;
    this.#rows = new Int32Array(bytes.buffer, rows, rowEntries * rowWords);
    this.#rowWords = new Int32Array(bytes.buffer, control + Place.rowsWritten, 2);
    this.#taken = new Int32Array(connections + 2);
    if (core.deliverInto(rows, rowEntries) !== 0) throw new Error('no rows');
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
      const socket = core.accept(listener);
      if (socket < 0 || core.deliver(socket, 1) !== 0) throw new Error(`connection ${index} was not made`);
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

  /** The application, as `bypass/` has it: rows of what came, each taken where it lies, whose frames go back with the next turn. Returns how many there were. */
  #takeAll(): number {
    const [rows, words, taken] = [this.#rows, this.#rowWords, this.#taken];
    const written = words[0]!;
    const from = words[1]!;
    for (let row = from; row !== written; row = (row + 1) | 0) {
      const at = (row & (rowEntries - 1)) * rowWords;
      // The frame of a row without an address is in nobody's hands: there is none here.
      if (rows[at + Row.address] === 0) throw new Error('a row without an address');
      taken[rows[at + Row.socket]!]! += rows[at + Row.length]!;
    }
    words[1] = written;
    return (written - from) | 0;
  }

  /**
   * Puts so many segments into the ring, and lets the stack and the application take them in turns, as a million segments a second come: what they have to be
   * answered, and when, is part of it. @returns nanoseconds a segment, by the clock on the wall, as the floor's: one of the processor's time costs a microsecond or two
   */
  run(segments: number): number {
    this.#fill(segments);
    const before = performance.now();
    let taken = 0;
    for (let turns = 0; taken < segments; turns++) {
      if (turns > segments) throw new Error(`${segments - taken} of ${segments} segments did not arrive`);
      this.#turn(turnUs);
      taken += this.#takeAll();
    }
    const spent = performance.now() - before;
    this.#host.takeSent();
    return (spent * 1e6) / segments;
  }

  /** As {@link run}, and tells the module's part of it alone: looking at a clock around each turn costs what no run is to be charged with. */
  runOfModule(segments: number): number {
    this.#fill(segments);
    let inModule = 0;
    for (let taken = 0, turns = 0; taken < segments && turns <= segments; turns++) {
      const from = performance.now();
      this.#turn(turnUs);
      inModule += performance.now() - from;
      taken += this.#takeAll();
    }
    this.#host.takeSent();
    return (inModule * 1e6) / segments;
  }

  #fill(segments: number): void {
    for (let index = 0; index < segments; index++) {
      const peer = this.#peers[index % this.#peers.length]!;
      if (!this.#host.deliver(peer.packet)) throw new Error('no frame for a segment');
      moveOn(peer.packet, this.#payload.length);
    }
  }

  /** Segments of ours so far. */
  get acknowledgements(): number {
    return this.#host.figure('tcpSegmentsSent');
  }
}
