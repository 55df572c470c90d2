// The one table of the stack: settings given before `configure`, places that it answers with, and figures that it counts, as offsets into the
// control block. Nothing but numbers stands here, so that both compilers read this file: the core's, and that of plain TypeScript around it.

/**
 * Settings. Numbers of 32 bits in the order of the host, unless said; addresses in the order of the network.
 * `controlBlock` fills in what has a default (in brackets).
 */
export enum Setting {
  /** 6 bytes: the address of our network card. */
  mac = 0x00,
  /** Bytes of an IP packet on this link (1500); 576 to what a frame holds. IPv6 needs 1280. */
  mtu = 0x08,
  /** Frames of packets (4096), and the bytes of each (2048): 2048 or 4096. */
  frameCount = 0x0c,
  frameSize = 0x10,
  /** Entries of the rings (1024 each, fill and completion 2048): powers of two. */
  fillEntries = 0x14,
  completionEntries = 0x18,
  rxEntries = 0x1c,
  txEntries = 0x20,
  /** 4 bytes; 0: no IPv4. The gateway may be 0: only neighbours are reached. */
  ipv4 = 0x24,
  ipv4PrefixLength = 0x28,
  ipv4Gateway = 0x2c,
  /** 16 bytes each; 0: none. The link-local address stands beside the other one. */
  ipv6 = 0x30,
  ipv6LinkLocal = 0x40,
  ipv6Gateway = 0x50,
  ipv6PrefixLength = 0x60,
  /** 0: every checksum must be right; 1 (default): a half-made one, as veth hands over what a peer's kernel left to its card, is taken too, and counted. */
  trustPartial = 0x64,
  /** Addresses that the host's kernel has too, on the same card: 1 IPv4, 2 IPv6 (not the link-local one). It answers for them; we ask without them, so that
   * answers to us can be told from those to it. */
  shared = 0x68,
  /** 16 bytes that nobody else knows: keys of tables, sequence numbers, ports. */
  seed = 0x70,
  /** Neighbours that are remembered (256; power of two, at least 8). */
  neighbours = 0x80,
  /** Packets that are put together of pieces at a time (64; 1 to 256), each in a frame. */
  reassemblies = 0x84,
  /** Destinations whose path is known to be narrower than the link (256; power of two, at least 8). */
  paths = 0x8c,
  /** TCP sockets (4096), and UDP sockets (64), whose numbers follow those of TCP. */
  connections = 0x90,
  udpSockets = 0x94,
  /** Error messages of ICMP a second at most (100). */
  icmpErrorsPerSecond = 0x98,
  /** Packets that one turn takes in at most (256). */
  batch = 0x9c,
  /** Frames that stay for receiving: sending takes none when no more are free (an eighth of all: 0). */
  receiveReserve = 0xa0,
  /** TCP: frames of received data that one connection may hold (128), and frames that it may have for sending (128). */
  receiveFrames = 0xb0,
  sendFrames = 0xb4,
  /** How windows grow: 0 CUBIC (default), 1 NewReno. */
  congestion = 0xb8,
  /** Without an answer for so long a connection is given up (900,000), but not for a window that is shut, as long as the peer says so; without an application, and in FIN_WAIT_2 then: (60,000). TIME_WAIT (60,000). */
  userTimeoutMs = 0xbc,
  finWaitMs = 0xc0,
  timeWaitMs = 0xc4,
  /** Keepalive, where a socket wants it: idle before it (7,200,000), between probes (75,000), probes (9). */
  keepIdleMs = 0xc8,
  keepIntervalMs = 0xcc,
  keepProbes = 0xd0,
  /** How often a SYN is sent again (6), and the answer to one (5). */
  synTries = 0xd4,
  synAnswerTries = 0xd8,
  /** Acknowledgements a second, about, that answer what does not fit (1000). */
  challengesPerSecond = 0xdc,
  /** Connections that may say goodbye without an application (a quarter of all: 0). */
  orphans = 0xe0,
  /** When frames or sockets are short, the connection that holds most of what its peer did not take for so long is reset (30,000); a tenth of it when
   * there is nothing left at all. Nobody is reset while there is enough. */
  stallMs = 0xe4,
}

/** Where things are: addresses in the memory, and bytes. Written by `configure` and by calls that answer with more than a number. */
export enum Place {
  /** The setting that `configure` or the field that `attachRings` refused: its offset. */
  refused = 0xf8,
  umem = 0x100,
  umemBytes = 0x104,
  /** Room for each ring at whole pages: address and bytes, four times: fill, completion, rx, tx. */
  ringRooms = 0x108,
  /** Written from outside before `attachRings`, in the same order: addresses of producer, consumer, flags and descriptors, 16 bytes a ring. */
  rings = 0x130,
  /** Of `receive` and `udpReceive`: where the piece is. */
  pieceAddress = 0x170,
  /** Of `receive`: 1 when the next call has something to say at once, 0 when not before it is told of. */
  hasMore = 0x174,
  /** Of the rows of `deliverInto`: how many the stack has written, and, written by the application, how many it has taken; numbers that wrap. */
  rowsWritten = 0x178,
  rowsTaken = 0x17c,
  /** Of `udpReceive`: 16 bytes of the sender's address, and its port. */
  senderAddress = 0x180,
  senderPort = 0x190,
  /** Entries of what was heard of neighbours and of packets, to be told to the stacks of the card's other queues (heard.ts). */
  heard = 0x194,
}

/** Figures: numbers of 64 bits that only rise. */
export enum Figure {
  turns = 0x200,
  receivedPackets = 0x208,
  receivedBytes = 0x210,
  sentPackets = 0x218,
  sentBytes = 0x220,
  /** Faults of the kernel's side: descriptors outside of the UMEM, of frames that it does not have, longer than a frame, and indices that cannot be. */
  faultOutside = 0x228,
  faultOwner = 0x230,
  faultLength = 0x238,
  faultRing = 0x240,
  /** Faults of the application: what it returned is outside, or is not lent to it. */
  faultRecycleOutside = 0x248,
  faultRecycleOwner = 0x250,
  /** Faults of our own: a frame that was moved by whom it does not belong to; must stay 0. */
  faultStack = 0x258,
  /** A frame was wanted and none was free; a packet was to be sent and the ring was full. */
  framesShort = 0x260,
  txFull = 0x268,
  /** Refused frames: too short, for another address, of a protocol that is not spoken. */
  ethernetShort = 0x270,
  ethernetForeign = 0x278,
  ethernetType = 0x280,
  arpRefused = 0x288,
  arpRequests = 0x290,
  arpReplies = 0x298,
  /** Claims of a neighbour that contradict what is known, or that nobody asked for. */
  neighbourConflicts = 0x2a0,
  neighbourUnasked = 0x2a8,
  neighbourFailed = 0x2b0,
  neighbourDropped = 0x2b8,
  neighbourEvicted = 0x2c0,
  noRoute = 0x2c8,
  ipMalformed = 0x2d0,
  ipChecksum = 0x2d8,
  ipForeign = 0x2e0,
  ipSource = 0x2e8,
  ipOptions = 0x2f0,
  ipProtocol = 0x2f8,
  /** Checksums of TCP, UDP and ICMP: wrong ones, and half-made ones that were taken. */
  transportChecksum = 0x300,
  transportPartial = 0x308,
  icmpReceived = 0x310,
  icmpRefused = 0x318,
  icmpEchoes = 0x320,
  /** Messages about packets that are none of ours, or not under way. */
  icmpUnbelieved = 0x328,
  /** Ways that turned out narrower than the link; and claims of that which change nothing, or cannot be. */
  pathNarrowed = 0x330,
  pathRefused = 0x338,
  /** Extension headers that are not walked over. */
  ipExtension = 0x340,
  /** Questions of neighbour discovery that we asked, and those that we answered. */
  neighbourRequests = 0x348,
  neighbourAnswers = 0x350,
  /** Messages of ICMP about packets that we could not deliver; and those that were not sent, because of the limit. */
  icmpErrorsSent = 0x358,
  icmpErrorsHeld = 0x360,
  /** Datagrams: taken, sent, for a port that is closed, and for a socket that does not read. */
  udpReceived = 0x368,
  udpSent = 0x370,
  udpClosed = 0x378,
  udpDropped = 0x380,
  /** Pieces of packets; refused ones (tiny, odd, too large, of a packet that was refused); packets that became whole, and those that were given up because
   * pieces overlapped, time was over, or too many were under way. */
  pieces = 0x388,
  piecesRefused = 0x390,
  piecesJoined = 0x398,
  piecesOverlap = 0x3a0,
  piecesTimedOut = 0x3a8,
  piecesEvicted = 0x3b0,
  /** Another card on the link uses an address of ours, or is about to; reports of groups that we sent (RFC 3810). */
  addressConflicts = 0x3b8,
  groupReports = 0x3c0,
  /** What stacks of other queues of the card heard of neighbours, and told us. */
  neighbourTold = 0x3c8,
  /** What ICMP said of a packet of ours, to another queue of the card: it was told, and is looked at as if it had come to this one. */
  icmpTold = 0x3d0,
  /** TCP: segments in and out, and of them what was sent again. */
  tcpSegmentsReceived = 0x400,
  tcpSegmentsSent = 0x408,
  tcpRetransmitted = 0x410,
  tcpTimeouts = 0x418,
  tcpRecoveries = 0x420,
  /** Connections that came to be, and resets. */
  tcpOpened = 0x428,
  tcpResetsSent = 0x430,
  tcpResetsReceived = 0x438,
  /** Refused: headers that are not whole, segments outside of the window, of another time (PAWS), acknowledgements that cannot be. */
  tcpMalformed = 0x440,
  tcpOutside = 0x448,
  tcpOldStamps = 0x450,
  tcpAcksRefused = 0x458,
  /** Answers to what does not fit: sent, and kept back by the limit. */
  tcpChallenges = 0x460,
  tcpChallengesKept = 0x468,
  /** Cookies in place of half-open connections: sent, brought back, and refused. A connection was made, and its listener had no room. */
  tcpCookiesSent = 0x470,
  tcpCookiesTaken = 0x478,
  tcpCookiesRefused = 0x480,
  tcpBacklogFull = 0x488,
  /** Received data for which there was no frame, or that was given up for others; small pieces that were copied together. */
  tcpDropped = 0x490,
  tcpJoined = 0x498,
  /** TIME_WAIT cut short for a new connection; goodbyes that were too many; paths on which long segments vanish. */
  tcpWaitsCut = 0x4a0,
  tcpOrphansReset = 0x4a8,
  tcpHumbled = 0x4b0,
  /** Connections that were reset because their peers took nothing, while others had no frame or no socket. */
  tcpStalled = 0x4b8,
  /** Segments that were what was expected, and went the short way. */
  tcpExpected = 0x4c0,
}

/** In whose hands a frame is. A frame that waits belongs to the stack, and comes back when its neighbour is known, or not found. */
export enum Owner {
  free = 0,
  fill = 1,
  stack = 2,
  application = 3,
  transmit = 4,
  waiting = 5,
}

/** What happened to a socket: bits of an event. */
export enum SocketEvent {
  readable = 1,
  writable = 2,
  accepted = 4,
  closed = 8,
}

/** Bytes of the control block. */
export const controlBytes = 0x800;
