// The points at which a message is seen on its way, and the record a program leaves at each of them.
// Not here: the programs (send-programs.ts, packet-programs.ts, receive-programs.ts), or how records become a journey (path.ts).

/** What is known of a point: where it is attached, and what reaching it means. */
export interface Point {
  /** The tracepoint, or on the function tier the function. */
  readonly at: string;
  /** The end of a sentence: the time up to here was spent until ... */
  readonly words: string;
  /** Seen only where function entries may be watched. */
  readonly functionsOnly?: true;
}

/** Every point, in the order of a message's way. The order is the number in the records. */
export const points = {
  entered: { at: 'sys_enter', words: 'the sender calls' },
  queued: { at: 'tcp_sendmsg_locked', words: 'the socket is locked, its bytes are about to be taken' },
  transmit: { at: '__tcp_transmit_skb', words: 'TCP sends the segment', functionsOnly: true },
  internet: { at: '__ip_queue_xmit, ip6_xmit', words: 'IP routes the packet', functionsOnly: true },
  deviceQueue: { at: 'net_dev_queue', words: 'the packet is given to the device layer' },
  sentAgain: { at: 'net_dev_queue', words: 'it was lost, and the one that arrived is given to the device layer' },
  qdiscIn: { at: 'qdisc_enqueue', words: 'it waits in the queueing discipline' },
  qdiscOut: { at: 'qdisc_dequeue', words: 'it leaves the queueing discipline' },
  driver: { at: 'net_dev_start_xmit', words: 'the driver is called' },
  driverDone: { at: 'net_dev_xmit', words: 'the driver has taken it' },
  arrived: { at: 'napi_gro_receive_entry', words: "a device's receive poll has it" },
  receive: { at: 'netif_receive_skb', words: 'the receiving stack has it' },
  ipReceive: { at: 'ip_rcv_core, ip6_rcv_core', words: 'IP looks at it', functionsOnly: true },
  segment: { at: 'tcp_v4_rcv, tcp_v6_rcv', words: 'TCP looks for its socket', functionsOnly: true },
  tcpReceive: { at: 'tcp_probe', words: 'TCP processes it for its connection' },
  tcpQueued: { at: 'tcp_queue_rcv', words: 'it stands in the receive queue', functionsOnly: true },
  ready: { at: 'sk_data_ready', words: 'the socket says it can be read' },
  waking: { at: 'sched_waking', words: 'the reader is being woken' },
  wakeup: { at: 'sched_wakeup', words: 'the reader is on a run queue' },
  running: { at: 'sched_switch', words: 'the reader runs' },
  called: { at: 'sys_enter', words: 'the reader calls' },
  copy: { at: 'skb_copy_datagram_iovec', words: 'the copy to the reader begins' },
  received: { at: 'sock_recv_length', words: 'the receive is done' },
  returned: { at: 'sys_exit', words: 'the call returns to the reader' },
  // Beside the way to the reader:
  sent: { at: 'sock_send_length', words: 'all bytes were taken' },
  sendReturned: { at: 'sys_exit', words: 'the call returns to the sender' },
  retransmitted: { at: 'tcp_retransmit_skb', words: 'TCP sends a segment again' },
  released: { at: 'consume_skb', words: 'the device has given the buffer back' },
  dropped: { at: 'kfree_skb', words: 'a buffer was dropped' },
  acknowledged: { at: 'tcp_probe', words: 'the peer acknowledged the last byte' },
} as const satisfies Record<string, Point>;

export type PointName = keyof typeof points;

/** The names of {@link points}, by their number in records. */
export const pointNames = Object.keys(points) as readonly PointName[];

/** The number of a point in records. */
export function pointNumber(name: PointName): number {
  return pointNames.indexOf(name);
}

/**
 * What a program leaves at a point, little-endian. `start` and `end` are sequence numbers of the bytes it is about; `value`
 * depends on the point (result, length, woken task); `flow` is the key of the connection and direction.
 */
export const recordOffset = {
  timeNs: 0,
  journey: 8,
  point: 16,
  interfaceIndex: 20,
  start: 24,
  end: 28,
  value: 32,
  thread: 40,
  process: 44,
  enteredNs: 48,
  buffer: 56,
  name: 64,
  flow: 80,
  call: 120,
  namespace: 124,
  headers: 128,
} as const;
/** A record without the packet's headers, and what they add. */
export const recordBytes = 128;
export const headerBytes = 120;

/** A connection's direction as packets show it; IPv4 addresses as IPv6 ones (::ffff:a.b.c.d). Ports in network order. */
export const flowOffset = { source: 0, destination: 16, sourcePort: 32, destinationPort: 34 } as const;
export const flowBytes = 40;

/** 64-bit words of the map `journey_totals`: then one for each point, records that found no room. */
export const totalsOffset = { seen: 0, begun: 8, busy: 16, nextJourney: 24, lost: 64 } as const;
export const totalsBytes = totalsOffset.lost + 8 * pointNames.length;
