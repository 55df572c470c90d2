// Scripts in the spirit of packetdrill, in virtual time: a peer that is the test itself puts segments on the wire, and says which ones must come back. A
// segment is written as `S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK,wscale 7,stamp 5 0,sack 11:21>`: flags (S F R P and `.` for ACK), numbers relative to
// the first ones, and of what is expected only what must be so.

import assert from 'node:assert/strict';
import type { Setting } from '../../src/core/control.js';
import { ARP, arp, ethernet, get16, IPV4, icmp, internetChecksum, ipv4, joined, put16 } from './packets.js';
import { ipv4Of } from './stack-host.js';
import { TcpHost } from './tcp-host.js';

const OUR_MAC = '02:00:00:00:00:01';
const PEER_MAC = '02:00:00:00:00:02';
const US = '10.0.0.1';
const PEER = '10.0.0.2';
const FLAGS = 'FSRP.U';

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

function put32(bytes: Uint8Array, at: number, value: number): Uint8Array {
  new DataView(bytes.buffer).setUint32(at, value >>> 0);
  return bytes;
}

/** See the file's head. */
export class Script {
  readonly host: TcpHost;
  nowUs = 1_000_000;
  /** The first numbers of the peer, and of the stack once a segment told it. */
  peerFirst = 0xffff_f000;
  ourFirst: number | undefined;
  ourPort = 80;
  peerPort = 40_000;
  readonly #sent: Segment[] = [];
  #lastPacket: Uint8Array = new Uint8Array(0);

  constructor(settings: Partial<Record<keyof typeof Setting, number>> = {}) {
    this.host = new TcpHost({
      mac: OUR_MAC,
      ipv4: `${US}/24`,
      seed: 5,
      settings: { frameCount: 512, ...settings },
      pages: 80,
    });
    this.turn();
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

  /** A connection that the peer made: its number. */
  accepted(options = 'mss 1460,sackOK,wscale 7', backlog = 8): number {
    const listener = this.host.listen(this.ourPort, backlog);
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
    const head = new Uint8Array(20);
    const all = joined(head, ...options);
    put16(put16(all, 0, this.peerPort), 2, this.ourPort);
    put32(all, 4, this.peerFirst + segment.from);
    const hasAck = segment.flags.includes('.') || segment.ack !== undefined;
    if (hasAck) put32(all, 8, (this.ourFirst ?? 0) + (segment.ack ?? 0));
    all[12] = (all.length / 4) << 4;
    all[13] = [...segment.flags].reduce((sum, flag) => sum | (flag === '-' ? 0 : 1 << FLAGS.indexOf(flag)), 0);
    put16(all, 14, segment.win ?? 30_000);
    const payload = Uint8Array.from({ length: segment.length }, (_, index) => (segment.from + index) & 0xff);
    const whole = joined(all, payload);
    const pseudo = joined(ipv4Of(PEER), ipv4Of(US), put16(Uint8Array.of(0, 6, 0, 0), 2, whole.length));
    put16(whole, 16, internetChecksum(pseudo, whole));
    return ethernet(OUR_MAC, PEER_MAC, IPV4, ipv4(PEER, US, { protocol: 6 }, whole));
  }

  #take(packet: Uint8Array): void {
    const isQuestion = get16(packet, 12) === ARP && packet[21] === 1;
    if (isQuestion) this.host.deliver(ethernet(OUR_MAC, PEER_MAC, ARP, arp(2, PEER_MAC, PEER, OUR_MAC, US)));
    if (get16(packet, 12) !== IPV4 || packet[23] !== 6) return;
    this.#lastPacket = packet;
    const at = 14 + (packet[14]! & 15) * 4;
    const data = new DataView(packet.buffer, packet.byteOffset);
    const flags = [...FLAGS].filter((_, index) => ((packet[at + 13]! >> index) & 1) !== 0);
    const headerBytes = (packet[at + 12]! >> 4) * 4;
    this.ourPort = get16(packet, at);
    if (flags.includes('S')) this.ourFirst = data.getUint32(at + 4);
    const order = (flag: string): number => 'SFRPU.'.indexOf(flag);
    const segment: Segment = {
      flags: flags.sort((one, other) => order(one) - order(other)).join('') || '-',
      from: (data.getUint32(at + 4) - (this.ourFirst ?? 0)) >>> 0,
      length: get16(packet, 16) - (at - 14) - headerBytes,
      ack: flags.includes('.') ? (data.getUint32(at + 8) - this.peerFirst) >>> 0 : 0,
      win: get16(packet, at + 14),
    };
    for (let option = at + 20; option < at + headerBytes; ) {
      const kind = packet[option]!;
      if (kind === 0) break;
      if (kind === 1) {
        option++;
        continue;
      }
      const length = packet[option + 1]!;
      if (kind === 2) segment.mss = get16(packet, option + 2);
      else if (kind === 3) segment.wscale = packet[option + 2]!;
      else if (kind === 4) segment.sackOK = true;
      else if (kind === 8) segment.stamp = [data.getUint32(option + 2), data.getUint32(option + 6)];
      else if (kind === 5) {
        segment.sack = Array.from({ length: (length - 2) / 8 }, (_, index) => [
          (data.getUint32(option + 2 + index * 8) - this.peerFirst) >>> 0,
          (data.getUint32(option + 6 + index * 8) - this.peerFirst) >>> 0,
        ]);
      }
      option += length;
    }
    this.#sent.push(segment);
  }
}
