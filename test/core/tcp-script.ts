// Scripts in the spirit of packetdrill, in virtual time: a peer that is the test itself puts segments on the wire, and says which ones must come back. A
// segment is written as `S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,wscale 7,stamp 5 0,sack 11:21>`: flags (S F R P and `.` for ACK), numbers relative to
// the first ones, and of what is expected only what must be so.

import assert from 'node:assert/strict';
import type { Setting } from '../../src/core/control.js';
import { ARP, arp, ethernet, get16, IPV4, icmp, ipv4, joined, put16 } from './packets.js';
import { TcpHost } from './tcp-host.js';
import { get32, put32, readOptions, readSegment, writeSegment } from './tcp-segment.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const US = '10.0.0.1';
const PEER = '10.0.0.2';
const ENDS = { fromMac: PEER_MAC, toMac: OUR_MAC, from: PEER, to: US } as const;

/** A segment as it is written or was sent. */
export interface Segment {
  flags: string;
  from: number;
  length: number;
  ack?: number;
  win?: number;
  mss?: number;
  wscale?: number;
  sackOK?: boolean;
  stamp?: readonly [number, number];
  sack?: readonly (readonly [number, number])[];
  /** Options as bytes, instead of those above. */
  raw?: Uint8Array;
}

function parse(text: string): Segment {
  const match = /^([FSRP.U-]+) (\d+):(\d+)\((\d+)\)(?: ack (\d+))?(?: win (\d+))?(?: <(.*)>)?$/.exec(text);
  if (match === null) throw new Error(`no segment: ${text}`);
  const segment: Segment = { flags: match[1]!, from: Number(match[2]), length: Number(match[4]) };
  assert.equal(Number(match[3]) - segment.from, segment.length, text);
  if (match[5] !== undefined) segment.ack = Number(match[5]);
  if (match[6] !== undefined) segment.win = Number(match[6]);
  for (const option of match[7]?.split(',') ?? []) {
    const [name, ...values] = option.split(' ');
    if (name === 'mss') segment.mss = Number(values[0]);
    else if (name === 'wscale') segment.wscale = Number(values[0]);
    else if (name === 'sackOK') segment.sackOK = true;
    else if (name === 'stamp') segment.stamp = [Number(values[0]), Number(values[1])];
    else if (name === 'sack') segment.sack = values.map((range) => range.split(':').map(Number) as [number, number]);
    else if (name !== '') throw new Error(`no option: ${option}`);
  }
  return segment;
}

/** See the file's head. */
export class Script {
  readonly host: TcpHost;
  nowUs = 1_000_000;
  /** The first number of the peer. */
  peerFirst = 0xffff_f000;
  ourPort = 80;
  peerPort = 40_000;
  readonly #sent: Segment[] = [];
  /** The stack's first numbers, once a segment told them, by the peer's port. */
  readonly #ourFirst = new Map<number, number>();
  #lastPacket: Uint8Array = new Uint8Array(0);

  constructor(settings: Partial<Record<keyof typeof Setting, number>> = {}, seed = 5) {
    this.host = new TcpHost({
      mac: OUR_MAC,
      ipv4: `${US}/24`,
      seed,
      settings: { frameCount: 512, ...settings },
      pages: 80,
    });
    this.turn();
  }

  /** The stack's first number toward the peer's port of now; undefined: no segment has told it. */
  get ourFirst(): number | undefined {
    return this.#ourFirst.get(this.peerPort);
  }

  /** One turn at this time. */
  turn(): void {
    for (let again = 0; again < 8; again++) {
      this.host.core.turn(this.nowUs >>> 0);
      for (const packet of this.host.takeSent()) this.#take(packet);
    }
  }

  /** Lets time go by, with a turn whenever the stack wants one. */
  pass(us: number): void {
    const until = this.nowUs + us;
    for (let turns = 0; turns < 100_000; turns++) {
      const next = this.nowUs + (this.host.core.nextDeadlineUs() >>> 0);
      if (next >= until) break;
      this.nowUs = next;
      this.turn();
      if (this.host.core.nextDeadlineUs() === 0) this.nowUs++;
    }
    this.nowUs = Math.max(until, this.nowUs);
    this.turn();
  }

  /** The peer sends a segment. */
  send(text: string, changes: Partial<Segment> = {}): void {
    this.host.deliver(this.#packet({ ...parse(text), ...changes }));
    this.turn();
  }

  /** The next segments of the stack are these, and there are no others. */
  expect(...texts: readonly string[]): void {
    const sent = this.#sent.splice(0);
    const told = sent.map((segment) => JSON.stringify(segment)).join('\n');
    assert.equal(
      sent.length,
      texts.length,
      `${texts.length} segments are expected (${texts.join('; ')}), not\n${told}`,
    );
    for (const [index, text] of texts.entries()) {
      const wanted = parse(text);
      const { flags, from, length } = sent[index]!;
      const seen: Record<string, unknown> = { flags, from, length };
      for (const name of Object.keys(wanted) as (keyof Segment)[]) seen[name] = sent[index]![name];
      assert.deepEqual(seen, { ...wanted }, `${text}, not\n${told}`);
    }
  }

  /** What the stack sent since it was looked at last. */
  takeSent(): Segment[] {
    return this.#sent.splice(0);
  }

  /** A connection that the peer made to a listener of its own, from its port of now: its number. */
  accepted(options = 'mss 1460,sackOK,wscale 7', backlog = 8): number {
    return this.acceptedBy(this.host.listen(this.ourPort, backlog), options);
  }

  /** The same, to a listener that is there. */
  acceptedBy(listener: number, options = 'mss 1460,sackOK,wscale 7'): number {
    this.takeSent();
    this.send(`S 0:0(0) win 65535 <${options}>`);
    assert.equal(this.takeSent()[0]?.flags, 'S.');
    this.send('. 1:1(0) ack 1');
    const socket = this.host.core.accept(listener);
    assert.ok(socket >= 0);
    this.takeSent();
    this.host.events();
    return socket;
  }

  /** A router says that the last packet of the stack was too big for its way (RFC 1191). */
  tooBig(mtu: number): void {
    const message = icmp(3, 4, mtu, this.#lastPacket.subarray(14, 14 + 28));
    this.host.deliver(ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4('10.0.0.9', US, { protocol: 1 }, message)));
    this.turn();
  }

  /** No frame is with the stack, the application or the ring. */
  assertNoLeak(): void {
    const { stack, application, transmit, waiting } = this.host.owners();
    assert.deepEqual({ stack, application, transmit, waiting }, { stack: 0, application: 0, transmit: 0, waiting: 0 });
    assert.equal(this.host.figure('faultStack'), 0);
  }

  #packet(segment: Segment): Uint8Array {
    const options: Uint8Array[] = [];
    if (segment.raw !== undefined) options.push(segment.raw);
    else {
      if (segment.mss !== undefined) options.push(put16(Uint8Array.of(2, 4, 0, 0), 2, segment.mss));
      if (segment.sackOK === true) options.push(Uint8Array.of(1, 1, 4, 2));
      if (segment.wscale !== undefined) options.push(Uint8Array.of(1, 3, 3, segment.wscale));
      if (segment.stamp !== undefined) {
        const stamp = Uint8Array.of(1, 1, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0);
        options.push(put32(put32(stamp, 4, segment.stamp[0]), 8, segment.stamp[1]));
      }
      if (segment.sack !== undefined) {
        options.push(Uint8Array.of(1, 1, 5, 2 + 8 * segment.sack.length));
        for (const [from, to] of segment.sack) {
          const first = this.ourFirst ?? 0;
          options.push(put32(put32(new Uint8Array(8), 0, first + from), 4, first + to));
        }
      }
    }
    const hasAck = segment.flags.includes('.') || segment.ack !== undefined;
    return writeSegment(ENDS, {
      ports: [this.peerPort, this.ourPort],
      sequence: this.peerFirst + segment.from,
      acknowledgement: hasAck ? (this.ourFirst ?? 0) + (segment.ack ?? 0) : 0,
      flags: segment.flags,
      window: segment.win ?? 30_000,
      options: joined(...options),
      payload: Uint8Array.from({ length: segment.length }, (_, index) => (segment.from + index) & 0xff),
    });
  }

  #take(packet: Uint8Array): void {
    const isQuestion = get16(packet, 12) === ARP && packet[21] === 1;
    if (isQuestion) this.host.deliver(ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, US)));
    const sent = readSegment(packet);
    if (sent === undefined) return;
    this.#lastPacket = packet;
    this.ourPort = sent.ports[0];
    if (sent.flags.includes('S')) this.#ourFirst.set(sent.ports[1], sent.sequence);
    const segment: Segment = {
      flags: sent.flags,
      from: (sent.sequence - (this.#ourFirst.get(sent.ports[1]) ?? 0)) >>> 0,
      length: sent.payload.length,
      ack: sent.flags.includes('.') ? (sent.acknowledgement - this.peerFirst) >>> 0 : 0,
      win: sent.window,
    };
    for (const { kind, value } of readOptions(sent.options)) {
      if (kind === 2) segment.mss = get16(value, 0);
      else if (kind === 3) segment.wscale = value[0]!;
      else if (kind === 4) segment.sackOK = true;
      else if (kind === 8) segment.stamp = [get32(value, 0), get32(value, 4)];
      else if (kind === 5) {
        segment.sack = Array.from({ length: value.length / 8 }, (_, index) => [
          (get32(value, index * 8) - this.peerFirst) >>> 0,
          (get32(value, index * 8 + 4) - this.peerFirst) >>> 0,
        ]);
      }
    }
    this.#sent.push(segment);
  }
}
