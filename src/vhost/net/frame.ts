// Frame: a packet on its way through: its header, checked, and where its bytes are, in the memory of the guest that sent it or in our own. It
// is valid during the call that it is handed over in. Not here: who makes it (transmit-queue.ts), who gets it.

import { Spans } from '../../memory/spans.js';
import { ethernetBytes, Gso, NetHeader, type Offloads } from './net-header.js';

/** Pieces that a packet is in at most, with room for its header in what the kernel takes at once (IOV_MAX, 1,024). */
export const mostFramePieces = 1000;

/**
 * Why a packet went nowhere: nobody is there; no buffer was posted, or none so large; its headers are not what it says; it is not finished where
 * nobody agreed on that; the kernel would not have it, or has no room; its addresses lead nowhere; it is longer than the MTU.
 */
export type DropReason =
  | 'down'
  | 'no buffer'
  | 'buffer too small'
  | 'headers'
  | 'unfinished'
  | 'refused'
  | 'full'
  | 'address'
  | 'mtu';

/** What became of a packet: undefined where it was taken. `later`: it is told when the batch ends. */
export type Outcome = DropReason | 'later' | undefined;

/** Types of Ethernet that are a tag of 4 bytes, before the packet's own. */
const tagTypes: readonly number[] = [0x8100, 0x88a8];
const tagBytes = 4;
const mostTags = 2;

/** See the file's head. */
export class Frame {
  readonly header: NetHeader = new NetHeader();
  readonly spans: Spans = new Spans(mostFramePieces);

  /** Bytes of the packet, its Ethernet header included. */
  get byteLength(): number {
    return this.spans.byteLength;
  }

  /** Whether it is longer than the MTU with an Ethernet header, and not to be cut. */
  isLongerThan(mtu: number): boolean {
    return this.header.gso === Gso.none && isLonger(this.spans, 0, this.byteLength, mtu);
  }
}

/** Whether a packet of so many bytes, from a place of `spans` on, is longer than the MTU with an Ethernet header. */
export function isLonger(spans: Spans, place: number, byteLength: number, mtu: number): boolean {
  let over = byteLength - ethernetBytes - mtu;
  // Tags are a part of the header: they are looked at where it matters.
  for (let tag = 0; tag < mostTags && over > 0; tag++) {
    const at = place + ethernetBytes - 2 + tag * tagBytes;
    if (!tagTypes.includes(spans.byteAt(at) * 256 + spans.byteAt(at + 1))) break;
    over -= tagBytes;
  }
  return over > 0;
}

/** Where the packets of a device go, and where those for it come from. */
export interface NetPeer {
  /** What may be left unfinished in packets that are handed to it. */
  readonly accepts: Offloads;
  /** Takes a packet, whose bytes stay until {@link flush}. @param pair of queues that it came from */
  transmit(frame: Frame, pair: number): Outcome;
  /** A batch has ended: what was handed over is on its way, and may be told of. */
  flush(): void;
  /** The guest gave buffers to a pair's receive queue, or it has just started. */
  roomAgain(pair: number): void;
  /** The guest agreed on what packets for it may leave unfinished. */
  negotiated(offloads: Offloads): void;
  /** The guest has gone. */
  left(): void;
}
