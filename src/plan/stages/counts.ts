// How often each thing happens to one message: calls, super-packets, packets, fragments, pages, acknowledgements. Counts may be fractions,
// because a stream of small messages shares packets. It knows nothing of time.

import type { Scenario } from '../scenario.js';
import { headerBytes, maximumSegment } from './ethernet.js';

/** Bytes of one fragment of a payload copied by the kernel: an order-3 allocation (net/core/sock.c, SKB_FRAG_PAGE_ORDER). */
const copiedFragmentBytes = 32_768;

export interface Counts {
  /** Payload bytes of the message. */
  bytes: number;
  /** IP and transport header bytes of a packet. */
  headers: number;
  /** Payload bytes of a full packet. */
  segment: number;
  calls: number;
  /** Packets on the wire. */
  packets: number;
  /** sk_buffs that go through the sending stack: super-packets, or packets without segmentation offload. */
  sendSkbs: number;
  /** sk_buffs that reach the driver: super-packets with TSO, packets otherwise. */
  driverSkbs: number;
  /** Payload fragments the driver maps. */
  mapped: number;
  /** Bytes of one fragment. */
  fragmentBytes: number;
  /** Payload bytes of one super-packet. */
  superBytes: number;
  /** Pages of 4 KiB (or of the page size) that are referenced instead of copied. */
  pages: number;
  /** Acknowledgements the receiver sends. */
  acks: number;
  /** sk_buffs that go up the receiving stack, after GRO. */
  receiveSkbs: number;
  /** Packets the driver takes from the NIC, after LRO. */
  driverPackets: number;
  /** Receive buffers filled. */
  buffers: number;
  reads: number;
}

/** Whether the way puts references to the payload into the super-packet instead of a copy. */
export function isReference(way: Scenario['way']): boolean {
  return way === 'sendfile' || way === 'zerocopy' || way === 'send_zc' || way === 'send_zc_fixed' || way === 'bypass';
}

/** Bytes of one payload fragment in a super-packet: what the copy path allocates, or the pages and pieces referenced. */
function fragmentBytesOf(scenario: Scenario): number {
  if (!isReference(scenario.way)) return copiedFragmentBytes;
  const piece = Math.max(1, Math.ceil(scenario.message / scenario.fragments));
  const page = scenario.source === 'file' && scenario.way === 'sendfile' ? 4096 : scenario.page;
  return Math.min(page, piece);
}

/**
 * Payload bytes of a full super-packet: gso_max_size, cut by MAX_SKB_FRAGS fragments, at a whole number of segments (tcp_mss_split_point).
 * The whole number makes throughput a sawtooth over the MTU: a super-packet that just held n segments holds n - 1 of slightly larger ones, so
 * that more of them are needed for the same bytes. That is how the kernel behaves; with few small fragments it costs most, and one MTU later
 * nothing. A larger MTU loses no more than this rounding (published.test.ts).
 */
function superBytesOf(scenario: Scenario): number {
  const header = headerBytes(scenario);
  const segment = Math.max(1, scenario.mtu - header);
  if (scenario.offload === 'none') return segment;
  const whole = Math.min(scenario.gsoMax - header - 14, scenario.maxFrags * fragmentBytesOf(scenario));
  // One UDP_SEGMENT call is one IP packet until it is cut: 64 KiB and UDP_MAX_SEGMENTS datagrams at most (include/linux/udp.h).
  const limit = scenario.protocol === 'udp' ? Math.min(whole, 65_535 - header, 64 * segment) : whole;
  return Math.max(segment, Math.floor(limit / segment) * segment);
}

/** Whether the NIC cuts super-packets: not inside a tunnel it does not know, nor when a cipher needs every packet first. */
export function nicSegments(scenario: Scenario): boolean {
  const { offload, tunnel, tunnelOffload } = scenario;
  return offload === 'tso' && tunnel !== 'wireguard' && (tunnel === 'none' || tunnelOffload);
}

/** The counts of one message of a scenario (socket paths). A TCP stream packs messages densely; a datagram never shares a packet.
 * `ackSegments`: packets GRO merges before the receiver acknowledges. */
export function countsOf(scenario: Scenario, ackSegments: number): Counts {
  const bytes = scenario.message;
  const headers = headerBytes(scenario);
  const segment = Math.max(1, maximumSegment(scenario.mtu, scenario));
  const superBytes = superBytesOf(scenario);
  const datagram = scenario.protocol !== 'tcp';
  const apart = datagram || scenario.nodelay;
  const whole = (value: number): number => (apart ? Math.ceil(value) : value);
  const packets = whole(bytes / segment);
  const supers = whole(bytes / superBytes);
  const offloaded = scenario.offload !== 'none';
  const fragmentBytes = fragmentBytesOf(scenario);
  const sendSkbs = offloaded ? supers : packets;
  const driverSkbs = nicSegments(scenario) ? supers : packets;
  const mapped = Math.max(bytes / fragmentBytes, driverSkbs);
  // UDP is merged only for a socket that asked for it (UDP_GRO); the NIC merges TCP only.
  const merges = scenario.protocol === 'udp' ? scenario.gro && scenario.udpGro : scenario.gro || scenario.lro;
  const receiveLimit = datagram ? Math.min(scenario.gsoMax, 65_535) : scenario.gsoMax;
  const receiveSuper = merges ? Math.max(segment, Math.floor((receiveLimit - headers) / segment) * segment) : segment;
  const receiveSkbs = whole(bytes / receiveSuper);
  return {
    bytes,
    headers,
    segment,
    calls: datagram ? sendSkbs : 1,
    packets,
    sendSkbs,
    driverSkbs,
    mapped,
    fragmentBytes,
    superBytes,
    pages: isReference(scenario.way) ? Math.max(bytes / 4096, scenario.fragments) : 0,
    acks:
      scenario.protocol !== 'tcp'
        ? 0
        : offloaded && merges
          ? Math.max(receiveSkbs, packets / ackSegments)
          : packets / 2,
    receiveSkbs,
    driverPackets: scenario.lro && !datagram ? whole(bytes / receiveSuper) : packets,
    buffers: Math.max(packets, bytes / scenario.rxBuffer),
    reads: datagram ? receiveSkbs : 1,
  };
}
