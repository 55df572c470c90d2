// The other side of one connection of a script: its numbers and the stack's as the script counts them (from the first ones on), segments of the script put
// on the wire, and what the stack sent held to what the script expects.

import { ethernet, get16, IPV4, icmp, ipv4, joined, put16 } from '../packets.js';
import { type Ends, get32, put32, readOptions, type WireSegment, writeSegment } from '../tcp-segment.js';
import type { ScriptIcmp, ScriptSegment } from './syntax.js';

const PEER_FIRST = 0x7fff_f000;
/** What a frame of the stack's takes: longer ones come cut, as a card hands them over that did not put them together. */
const MOST_PAYLOAD = 1460;
const CODES: Readonly<Record<string, number>> = {
  net_unreachable: 0,
  host_unreachable: 1,
  protocol_unreachable: 2,
  port_unreachable: 3,
  frag_needed: 4,
};

/** What is not of this connection, or not as it must be. */
export class Mismatch extends Error {}

/** What the script asks of a kernel and this stack, or this application, does not have. */
export class Unsupported extends Error {}

/** A segment of the stack's, and when it was sent. */
export interface SentSegment {
  readonly us: number;
  readonly segment: WireSegment;
  /** The packet of IP. */
  readonly packet: Uint8Array;
}

/** See the file's head. */
export class Peer {
  readonly ends: Ends;
  readonly peerPort: number;
  ourPort: number;
  /** A longer one came cut into segments of the wire: the stack may have acknowledged them one by one. */
  hasCut = false;
  #hasSpoken = false;
  #synFrom = 0;
  #ourFirst: number | undefined;
  /** What the script calls a timestamp of the stack's, and what it is. */
  readonly #stamps = new Map<number, number>();
  #lastPacket: Uint8Array = new Uint8Array(0);

  constructor(ends: Ends, ourPort: number, peerPort: number) {
    this.ends = ends;
    this.ourPort = ourPort;
    this.peerPort = peerPort;
  }

  /** A segment of the script's as frames, in the order in which they arrive. @param mss to which longer ones are cut */
  frames(wanted: ScriptSegment, mss: number): Uint8Array[] {
    // The first SYN says what the others are counted from, and stands there itself.
    if (wanted.flags.includes('S') && !this.#hasSpoken) this.#synFrom = wanted.from;
    if (wanted.flags.includes('S')) this.#hasSpoken = true;
    const sequence = PEER_FIRST + wanted.from - (wanted.flags.includes('S') ? this.#synFrom : 0);
    const most = Math.min(mss, MOST_PAYLOAD);
    this.hasCut = wanted.length > most;
    const frames: Uint8Array[] = [];
    for (let at = 0; at === 0 || at < wanted.length; at += most) {
      const length = Math.min(most, wanted.length - at);
      const isLast = at + length >= wanted.length;
      const hasAck = wanted.flags.includes('.') || wanted.ack !== undefined;
      frames.push(
        writeSegment(this.ends, {
          ports: [this.peerPort, this.ourPort],
          sequence: sequence + at,
          acknowledgement: hasAck ? (this.#ourFirst ?? 0) + (wanted.ack ?? 0) : 0,
          flags: isLast ? wanted.flags : wanted.flags.replace(/[FP]/g, ''),
          window: wanted.window ?? 0,
          urgent: wanted.urgent ?? 0,
          options: this.#optionBytes(wanted.options ?? []),
          payload: Uint8Array.from({ length }, (_, index) => (wanted.from + at + index) & 0xff),
        }),
      );
    }
    return frames;
  }

  /** A router's message about what the stack sent. */
  icmpFrame(told: ScriptIcmp): Uint8Array {
    const quoted = this.#lastPacket.slice(0, 28);
    put32(quoted, 24, (this.#ourFirst ?? 0) + told.from);
    const code = CODES[told.code];
    if (told.type !== 'unreachable' || code === undefined) throw new Mismatch(`icmp ${told.type} ${told.code}`);
    const message = icmp(3, code, told.mtu ?? 0, quoted);
    const { from, to, fromMac, toMac } = this.ends;
    return ethernet(toMac, fromMac, IPV4, ipv4(from, to, { protocol: 1 }, message));
  }

  /**
   * Holds what was sent to what is expected. One long segment of the script may be several on the wire, which end where it ends: how many were used.
   * 0: more must come. @throws Mismatch
   */
  match(wanted: ScriptSegment, sent: readonly SentSegment[]): number {
    let from = wanted.from;
    const end = wanted.from + wanted.length;
    for (let used = 0; used < sent.length; used++) {
      const { segment, packet } = sent[used]!;
      this.#lastPacket = packet;
      if (segment.flags.includes('S')) this.#ourFirst = (segment.sequence - wanted.from) >>> 0;
      this.ourPort = segment.ports[0];
      const seen = this.describe(segment);
      const isLast = from + segment.payload.length === end;
      if (this.#isEarlierAck(wanted, segment)) continue;
      const flags = (text: string): string => text.replace('P', '');
      const wantedFlags = isLast ? flags(wanted.flags) : flags(wanted.flags).replace('F', '');
      const sequence = (segment.sequence - (this.#ourFirst ?? 0)) >>> 0;
      if (flags(segment.flags) !== wantedFlags || sequence !== from >>> 0 || from + segment.payload.length > end)
        throw new Mismatch(`sent ${seen}`);
      this.#compare(wanted, segment, seen);
      from += segment.payload.length;
      if (isLast) return used + 1;
    }
    return 0;
  }

  /** A segment of the stack's, as a script would have it. */
  describe(segment: WireSegment): string {
    const from = (segment.sequence - (this.#ourFirst ?? segment.sequence)) >>> 0;
    const { length } = segment.payload;
    const ack = segment.flags.includes('.') ? ` ack ${(segment.acknowledgement - PEER_FIRST) >>> 0}` : '';
    const options = readOptions(segment.options).map(({ kind, value }) => this.#optionText(kind, value));
    const shown = options.length === 0 ? '' : ` <${options.join(',')}>`;
    return `${segment.flags} ${from}:${from + length}(${length})${ack} win ${segment.window}${shown}`;
  }

  /** Acknowledgements of the parts of what the script sent as one. */
  #isEarlierAck(wanted: ScriptSegment, segment: WireSegment): boolean {
    if (!this.hasCut || wanted.ack === undefined || segment.flags !== '.' || segment.payload.length > 0) return false;
    return (((PEER_FIRST + wanted.ack - segment.acknowledgement) >>> 0) & 0x7fff_ffff) !== 0;
  }

  #compare(wanted: ScriptSegment, segment: WireSegment, seen: string): void {
    const ack = segment.flags.includes('.') ? (segment.acknowledgement - PEER_FIRST) >>> 0 : 0;
    if (wanted.ack !== undefined && ack !== wanted.ack) throw new Mismatch(`sent ${seen}`);
    if (wanted.window !== undefined && segment.window !== wanted.window) throw new Mismatch(`sent ${seen}`);
    if (wanted.options === undefined) return;
    const texts = readOptions(segment.options);
    // Fast open and what fills it up are an offer that a stack need not make.
    if (texts.length !== wanted.options.length) throw new Mismatch(`sent ${seen}`);
    for (const [index, { kind, value }] of texts.entries()) {
      const text = wanted.options[index]!;
      const stamp = /^TS val (\d+) ecr (\d+)$/.exec(text);
      if (stamp !== null && kind === 8) {
        // The clock is the stack's own; what it echoes is not.
        this.#stamps.set(Number(stamp[1]), get32(value, 0));
        if (get32(value, 4) !== Number(stamp[2])) throw new Mismatch(`sent ${seen}`);
      } else if (this.#optionText(kind, value) !== text.replace(/\s+/g, ' ')) throw new Mismatch(`sent ${seen}`);
    }
  }

  #optionText(kind: number, value: Uint8Array): string {
    if (kind === 1) return 'nop';
    if (kind === 2) return `mss ${get16(value, 0)}`;
    if (kind === 3) return `wscale ${value[0]}`;
    if (kind === 4) return 'sackOK';
    if (kind === 8) return `TS val ${get32(value, 0)} ecr ${get32(value, 4)}`;
    if (kind !== 5) return `option ${kind}`;
    const place = (at: number): number => (get32(value, at) - PEER_FIRST) >>> 0;
    const ranges = Array.from(
      { length: value.length / 8 },
      (_, index) => `${place(index * 8)}:${place(index * 8 + 4)}`,
    );
    return `sack ${ranges.join(' ')}`;
  }

  /** What the stack's timestamp is that the script calls so: told by a segment, or as far from the first one as the script has it. */
  #stampOf(called: number): number {
    const known = this.#stamps.get(called);
    if (known !== undefined) return known;
    const [first] = this.#stamps;
    return first === undefined ? called : first[1] + called - first[0];
  }

  #optionBytes(texts: readonly string[]): Uint8Array {
    const options = texts.map((text) => {
      const [name, ...values] = text.split(/\s+/);
      if (name === 'nop') return Uint8Array.of(1);
      if (name === 'eol') return Uint8Array.of(0);
      if (name === 'mss') return put16(Uint8Array.of(2, 4, 0, 0), 2, Number(values[0]));
      if (name === 'wscale') return Uint8Array.of(3, 3, Number(values[0]));
      if (name === 'sackOK') return Uint8Array.of(4, 2);
      if (name === 'TS') {
        const stamp = Uint8Array.of(8, 10, 0, 0, 0, 0, 0, 0, 0, 0);
        return put32(put32(stamp, 2, Number(values[1])), 6, this.#stampOf(Number(values[3])));
      }
      if (name === 'sack') return this.#sackBytes(values);
      throw new Unsupported(`the option ${name}`);
    });
    const bytes = joined(...options);
    return joined(bytes, new Uint8Array(-bytes.length & 3));
  }

  #sackBytes(ranges: readonly string[]): Uint8Array {
    const bytes = joined(Uint8Array.of(5, 2 + 8 * ranges.length), new Uint8Array(8 * ranges.length));
    for (const [index, range] of ranges.entries()) {
      const [from, to] = range.split(':').map(Number);
      put32(bytes, 2 + index * 8, (this.#ourFirst ?? 0) + from!);
      put32(bytes, 6 + index * 8, (this.#ourFirst ?? 0) + to!);
    }
    return bytes;
  }
}
