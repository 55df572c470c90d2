// A TCP connection as a guest of a test opens it: enough of RFC 9293 for a link that loses nothing and keeps the order. It says of each packet that
// came whether it was cut and whether its checksum was done, which is what the test is about.

import assert from 'node:assert/strict';
import { headerOf, type NetGuest, type Received, wholeHeader } from './net-guest.js';
import { type Ends, type Parsed, parse, Tcp, tcp } from './net-packets.js';

/** See the file's head. */
export class GuestTcp {
  /** The longest packet that came, of how many; and how many had their checksum undone. */
  longest = 0;
  packets = 0;
  undone = 0;
  readonly #guest: NetGuest;
  readonly #ends: Ends;
  /** Packets of ours are to be cut, their checksums undone. */
  readonly #hasOffloads: boolean;
  #sequence = 1_000_000;
  #expected = 0;

  constructor(guest: NetGuest, ends: Ends, hasOffloads: boolean) {
    this.#guest = guest;
    this.#ends = ends;
    this.#hasOffloads = hasOffloads;
  }

  async #send(flags: number, payload: Uint8Array = new Uint8Array(0), options?: Uint8Array): Promise<void> {
    const fields = { sequence: this.#sequence, acknowledge: this.#expected, flags, ...(options && { options }) };
    const packet = tcp(this.#ends, fields, payload, this.#hasOffloads);
    const mustBeCut = payload.length > 1460;
    const header = {
      flags: 1,
      gso: mustBeCut ? 1 : 0,
      headerLength: mustBeCut ? 54 : 0,
      gsoSize: mustBeCut ? 1460 : 0,
      checksumStart: 34,
      checksumOffset: 16,
    };
    await this.#guest.send(headerOf(this.#hasOffloads ? header : wholeHeader), packet);
    this.#sequence = (this.#sequence + payload.length + ((flags & (Tcp.syn | Tcp.fin)) === 0 ? 0 : 1)) >>> 0;
  }

  /** The next segment of the connection. */
  async #next(): Promise<Parsed> {
    for (let count = 0; count < 50; count++) {
      const received = await this.#guest.receive();
      const parsed = parse(received.packet);
      if (parsed.protocol !== 6 || parsed.toPort !== this.#ends.fromPort) continue;
      this.#look(received, parsed);
      return parsed;
    }
    throw new Error('no segment came');
  }

  #look({ header, packet }: Received, parsed: Parsed): void {
    this.packets++;
    this.longest = Math.max(this.longest, packet.length);
    assert.ok(parsed.isIpRight, 'the checksum of IPv4');
    if ((header.flags & 1) !== 0) {
      this.undone++;
      assert.ok(parsed.isPartial, 'the checksum is that of the pseudo header');
      assert.deepEqual([header.checksumStart, header.checksumOffset], [34, 16]);
    } else assert.ok(parsed.isRight, 'the checksum of TCP');
    assert.equal(header.gso !== 0, packet.length > 1514, 'a packet longer than the link says that it is to be cut');
  }

  /** Opens the connection. */
  async open(): Promise<void> {
    // MSS 1,460, and a window that counts in 128 bytes.
    await this.#send(Tcp.syn, undefined, Uint8Array.from([2, 4, 1460 >> 8, 1460 & 0xff, 1, 3, 3, 7]));
    const answer = await this.#next();
    assert.equal(answer.flags, Tcp.syn | Tcp.ack);
    this.#expected = (answer.sequence + 1) >>> 0;
    await this.#send(Tcp.ack);
  }

  /** Sends bytes in one packet, whatever its length. */
  async send(bytes: Uint8Array): Promise<void> {
    await this.#send(Tcp.ack | Tcp.psh, bytes);
  }

  /** Takes so many bytes, and acknowledges them as they come. */
  async take(length: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let have = 0; have < length; ) {
      const { payload, sequence, flags } = await this.#next();
      assert.equal(flags & Tcp.rst, 0, 'the connection was refused');
      // A kernel whose guest is slow to answer sends again: that is no loss.
      const ahead = (sequence - this.#expected) | 0;
      if (payload.length === 0 || ahead < 0) continue;
      assert.equal(ahead, 0, 'nothing is lost');
      this.#expected = (this.#expected + payload.length) >>> 0;
      parts.push(payload);
      have += payload.length;
      await this.#send(Tcp.ack);
    }
    return Buffer.concat(parts);
  }
}
