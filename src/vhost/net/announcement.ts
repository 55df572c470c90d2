// Announcement: a packet in a guest's name, in memory of ours: a question of RARP (RFC 903) for its own address, to all. It says nothing but where that
// address is now, to switches on the way, after the guest has moved to this host and cannot say so itself.

import { Region } from '../../memory/region.js';
import { Frame } from './frame.js';
import { ethernetBytes } from './net-header.js';

/** The shortest packet of Ethernet, without its checksum. */
const packetBytes = 60;
const rarpType = 0x8035;
/** Ethernet's and IPv4's addresses, 6 and 4 bytes long, and the question. */
const question = [0, 1, 8, 0, 6, 4, 0, 3] as const;

/** See the file's head. */
export class Announcement {
  readonly frame: Frame = new Frame();
  readonly #memory = new Region(packetBytes);

  /** @param mac 6 bytes. */
  constructor(mac: Uint8Array) {
    const { bytes, data, address } = this.#memory;
    for (let at = 0; at < 6; at++) {
      bytes[at] = 0xff;
      // As its sender, and in the question as who asks, and for whom.
      for (const place of [6, ethernetBytes + 8, ethernetBytes + 18]) bytes[place + at] = mac[at]!;
    }
    data.setUint16(ethernetBytes - 2, rarpType);
    for (const [index, byte] of question.entries()) bytes[ethernetBytes + index] = byte;
    const whole = bytes as Uint8Array<ArrayBuffer>;
    const window = (at: number) => ({ data, bytes: whole, at });
    this.frame.spans.add(address, packetBytes, { address, window }, 0);
  }

  /** Gives its memory back. */
  close(): void {
    this.#memory.unmap();
  }
}
