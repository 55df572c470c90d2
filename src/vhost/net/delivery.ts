// Delivery: brings a packet to a guest: by one copy, since it lies in memory of another owner, into the buffers that were posted for it. What its
// sender left unfinished stays so where the guest takes it; else checksums are completed and packets cut on the way, in the same copy.

import { CopyReason, countCopy } from '../../memory/copy.js';
import type { Spans } from '../../memory/spans.js';
import { InternetChecksum } from '../../wire/internet-checksum.js';
import type { DropReason, Frame } from './frame.js';
import { Gso, NetHeader, netHeaderBytes, type Offloads, takesGso } from './net-header.js';
import { PacketHeaders } from './packet-headers.js';

/** Where packets are delivered to: buffers of a guest, or memory that a device sends from. */
export interface DeliveryTarget {
  /** Where a packet is written to: room for its header, then for itself. */
  readonly spans: Spans;
  /** Makes room for a packet of so many bytes. @returns why there is none */
  reserve(packetBytes: number): DropReason | undefined;
  /** Gives the packet of so many bytes that was written behind the place of its header. */
  commit(header: NetHeader, packetBytes: number): void;
}

/** See the file's head. Used again and again. */
export class Delivery {
  readonly #headers = new PacketHeaders();
  readonly #sum = new InternetChecksum();
  readonly #whole = new NetHeader();

  /**
   * Gives a packet to a queue, or what else takes packets, whose owner takes what `offloads` says, and segments up to `mtu` without their Ethernet header.
   * @returns why it was dropped, or the rest of it
   */
  deliver(frame: Frame, queue: DeliveryTarget, offloads: Offloads, mtu: number): DropReason | undefined {
    const { header, spans, byteLength } = frame;
    if (header.gso !== Gso.none && !takesGso(offloads, header.gso)) return this.#cut(frame, queue, offloads, mtu);
    const why = queue.reserve(byteLength);
    if (why !== undefined) return why;
    queue.spans.copyFrom(CopyReason.guestPacket, netHeaderBytes, spans, 0, byteLength);
    if (offloads.checksum) {
      queue.commit(header, byteLength);
      return undefined;
    }
    if (header.needsChecksum) {
      this.#sum.clear();
      spans.stretches(header.checksumStart, byteLength - header.checksumStart, this.#sum.add);
      this.#putChecksum(queue, netHeaderBytes + header.checksumStart + header.checksumOffset);
    }
    this.#whole.clear();
    queue.commit(this.#whole, byteLength);
    return undefined;
  }

  /** Writes the checksum that was summed. 0 says in UDP that there is none, and is as good as 0xffff. */
  #putChecksum(queue: DeliveryTarget, place: number): void {
    const value = this.#sum.value || 0xffff;
    queue.spans.setByteAt(place, value >> 8);
    queue.spans.setByteAt(place + 1, value & 0xff);
  }

  /** Cuts a packet, each segment into buffers of its own. */
  #cut(frame: Frame, queue: DeliveryTarget, offloads: Offloads, mtu: number): DropReason | undefined {
    const headers = this.#headers;
    const whole = this.#whole;
    if (!headers.take(frame)) return 'headers';
    if (headers.mostNetworkBytes > mtu) return 'mtu';
    whole.clear();
    if (offloads.checksum) {
      whole.needsChecksum = true;
      whole.checksumStart = headers.transportAt;
      whole.checksumOffset = headers.checksumAt;
    }
    for (let segment = 0; segment < headers.segments; segment++) {
      const payload = headers.payloadOf(segment);
      const why = queue.reserve(headers.byteLength + payload);
      if (why !== undefined) return why;
      headers.make(segment);
      const { bytes, byteLength } = headers;
      queue.spans.setBytesAt(netHeaderBytes, bytes, byteLength);
      countCopy(CopyReason.guestPacket, byteLength);
      const from = headers.payloadAt(segment);
      queue.spans.copyFrom(CopyReason.guestPacket, netHeaderBytes + byteLength, frame.spans, from, payload);
      if (!offloads.checksum) {
        this.#sum.clear();
        this.#sum.add(bytes, headers.transportAt, byteLength - headers.transportAt);
        frame.spans.stretches(from, payload, this.#sum.add);
        this.#putChecksum(queue, netHeaderBytes + headers.transportAt + headers.checksumAt);
      }
      queue.commit(whole, byteLength + payload);
    }
    return undefined;
  }
}
