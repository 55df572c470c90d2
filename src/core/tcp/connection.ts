// One TCP connection: the picture of its block in the table, 512 bytes. Each group of fields is written by the file that stands above it, and read by
// whoever must decide by it. Not here: what the fields do.

/** States (RFC 9293, section 3.3.2). A socket that is `free` belongs to nobody. */
export enum State {
  free = 0,
  listen = 1,
  synSent = 2,
  synReceived = 3,
  established = 4,
  finWait1 = 5,
  finWait2 = 6,
  closeWait = 7,
  closing = 8,
  lastAck = 9,
  timeWait = 10,
  /** Over, while the application has the number still. */
  closed = 11,
}

/** Of a FIN of ours: not wanted, behind all data and not sent, sent, or sent and to be sent again. */
export enum Fin {
  none = 0,
  wanted = 1,
  sent = 2,
  lost = 3,
}

/** How the sender takes losses: none known; repairing what SACK or duplicates told of (RFC 6675, 6582); after a timeout. */
export enum Recovery {
  open = 0,
  recovering = 1,
  loss = 2,
}

@unmanaged
/** The block. Numbers are as the host has them, unless said. */
export class Connection {
  // table.ts: who speaks with whom. Ports lie as in a segment that is received: the peer's first.
  local0: u64;
  local1: u64;
  // The two lines of a cache (64 bytes each) that begin here are all that a segment in order touches: that is where the table aligns blocks.
  remote0: u64;
  remote1: u64;
  ports: u32;
  /** The next in the same bucket. */
  chain: usize;
  number: u32;
  /** How often the block was given back: frames that are still with the application know by it that they are of an earlier connection. */
  generation: u32;
  // states.ts
  state: i32;
  // receiver.ts: what arrives.
  next: u32;
  /** The first sequence number that we did not offer to take. */
  edge: u32;
  /** What the last segment of ours acknowledged. */
  acknowledged: u32;
  // arrival.ts: what the peer has and takes.
  unacknowledged: u32;
  window: u32;
  windowSequence: u32;
  windowAck: u32;

  // From here to `armed`, whose lowest bit counts, all is 0 while nothing of ours is under way and nothing that came is out of order: expected.ts looks at it as numbers
  // of 64 bits. queue.ts: what waits to be sent or acknowledged; receiver.ts: pieces beyond a gap, in order.
  sendHead: usize;
  outHead: usize;
  /** The peer's FIN: that it was seen, where, and that all before it was taken in. */
  sawFin: bool;
  peerFinished: bool;
  ackNow: bool;
  probeOut: bool;
  // sender.ts, recovery.ts
  fin: i32;
  recovery: i32;
  // timers.ts
  armed: u32;
  // receiver.ts: what waits for the application.
  readHead: usize;
  readTail: usize;
  /** Frames of received data: waiting, beyond a gap, or with the application. */
  heldFrames: u32;
  /** The longest segment that came. */
  arrivalMss: u32;
  lastArrivalTick: u32;
  /** The edge in the last segment of ours. */
  toldEdge: u32;
  // states.ts, sockets.ts, handshake.ts, receiver.ts
  /** The application has the number. */
  attached: bool;
  toldReadable: bool;
  hasTimestamps: bool;
  /** Segments that are acknowledged at once, at the start. */
  quickAcks: u8;
  sendShift: u8;
  receiveShift: u8;
  hasSack: bool;
  /** The application takes all that comes in rows (rows.ts). */
  inRows: bool;
  /** Why it ended, -errno, until the application was told. */
  error: i32;
  ackAt: u32;

  // What an acknowledgement of ours, and a timestamp, touch beside them.
  sendSequence: u32;
  /** A range that came twice (RFC 2883). */
  doubledFrom: u32;
  doubledTo: u32;
  stampOffset: u32;
  recentStamp: u32;
  recentStampTick: u32;
  wheelAt: u32;
  wheelSlot: u32;

  // table.ts
  /** The next of the list that it is in: free ones, those a listener has ready, TIME_WAIT. */
  link: usize;
  linkBack: usize;

  // states.ts
  /** The listener that made it, until it was accepted. */
  listener: usize;
  /** The application was told of the peer's end. */
  toldEnd: bool;
  shutWrite: bool;
  /** Of a listener. */
  backlog: u32;
  halfOpen: u32;
  readyCount: u32;
  readyHead: usize;
  readyTail: usize;
  /** Stands in its listener's row of those to accept. */
  isReady: bool;

  // sockets.ts: what the application wants, and what it was told.
  noDelay: bool;
  keepAlive: bool;
  corked: bool;
  wantsRoom: bool;
  isConnecting: bool;

  // handshake.ts: what the two agreed on.
  /** Windows are scaled: offered by us, and by the peer where it spoke first. */
  offersShift: bool;
  tries: u8;
  peerMss: u16;
  initialSend: u32;
  initialReceive: u32;
  sentSynAt: u32;

  // receiver.ts: what arrives.
  outTail: usize;
  outCount: u32;
  /** Connections with pieces beyond a gap, the longest first. */
  gapNext: usize;
  gapBack: usize;
  /** Where pieces beyond a gap arrived last, the newest first. */
  recent0: u32;
  recent1: u32;
  recent2: u32;
  recentCount: u32;
  finAt: u32;

  // queue.ts, sender.ts: what is sent. From `sendHead` on it waits for its acknowledgement, from `sendNext` on it was never sent.
  sendNext: usize;
  sendTail: usize;
  /** Behind the last byte handed over. */
  queueEnd: u32;
  largestWindow: u32;
  lastSendTick: u32;
  /** Long segments vanished: shorter ones are tried. */
  isHumble: bool;
  mss: u32;
  /** The end of the last small segment that was sent (Nagle as Minshall has it). */
  smallEnd: u32;
  sendFrames: u32;
  lentFrames: u32;
  /** What was handed over up to here waited at this tick: whether the peer takes it, however slowly. */
  waitEnd: u32;
  waitTick: u32;
  inFlight: u32;
  lostBytes: u32;
  /** What stopped the sender last was the congestion window. */
  isLimited: bool;

  // recovery.ts
  recover: u32;
  duplicates: u32;
  sackedCount: u32;
  highSacked: u32;
  rackSentAt: u32;
  rackEnd: u32;
  rackRtt: u32;
  reorderSeen: bool;
  reorderSteps: u8;
  /** The acknowledgement is, also, of something that was sent more than once. */
  hasRepeated: bool;
  probeEnd: u32;
  prrDelivered: u32;
  prrOut: u32;
  prrFlight: u32;
  /** Bytes that this acknowledgement told of, by SACK or otherwise. */
  delivered: u32;
  sampleUs: u32;

  // rtt.ts
  smoothed: u32;
  variation: u32;
  timeout: u32;
  backoff: u32;
  leastRtt: u32;

  // congestion.ts
  congestionWindow: u32;
  threshold: u32;
  cubicMost: u32;
  cubicPrior: u32;
  cubicOrigin: u32;
  cubicK: u32;
  cubicEpoch: u32;
  cubicEstimate: u32;
  cubicShare: u32;
  inEpoch: bool;

  // timers.ts, wheel.ts
  retransmitAt: u32;
  retransmitKind: u32;
  lifeAt: u32;
  progressTick: u32;
  probes: u32;
  oddTick: u32;
  hasChallenged: bool;
  wheelNext: usize;
  wheelBack: usize;
}

/** Bytes of a block, and how far behind its start a line of the cache begins. */
export const connectionBytes: u32 = 512;
export const lineAt: u32 = 16;

/** The block at an address. */
export function at(address: usize): Connection {
  return changetype<Connection>(address);
}
