// Sockets: families, types, options, message flags (include/uapi/linux/{socket,in,in6,tcp,udp,tls,errqueue}.h, asm-generic/socket.h).
// Data only, named as the kernel names it: IORING_OP_SEND is IORING_OP.SEND. Bit 31 is given unsigned. Not every constant of
// those headers, only what the code uses or soon will. headers.test.ts holds every value to the kernel's own headers.

/** Address families. */
export const AF = {
  UNSPEC: 0,
  UNIX: 1,
  INET: 2,
  INET6: 10,
  NETLINK: 16,
  PACKET: 17,
  VSOCK: 40,
  XDP: 44,
  ALG: 38,
} as const;

/** Socket types, and the flags beside them. */
export const SOCK = {
  STREAM: 1,
  DGRAM: 2,
  RAW: 3,
  SEQPACKET: 5,
  NONBLOCK: 0x800,
  CLOEXEC: 0x80000,
} as const;

/** Levels of setsockopt. */
export const SOL = {
  SOCKET: 1,
  IP: 0,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  RAW: 255,
  PACKET: 263,
  NETLINK: 270,
  TLS: 282,
  XDP: 283,
} as const;

/** Options of SOL.SOCKET. */
export const SO = {
  DEBUG: 1,
  REUSEADDR: 2,
  TYPE: 3,
  ERROR: 4,
  DONTROUTE: 5,
  BROADCAST: 6,
  SNDBUF: 7,
  RCVBUF: 8,
  KEEPALIVE: 9,
  OOBINLINE: 10,
  PRIORITY: 12,
  LINGER: 13,
  REUSEPORT: 15,
  PASSCRED: 16,
  PEERCRED: 17,
  RCVLOWAT: 18,
  SNDLOWAT: 19,
  BINDTODEVICE: 25,
  ATTACH_FILTER: 26,
  DETACH_FILTER: 27,
  ACCEPTCONN: 30,
  PEERSEC: 31,
  SNDBUFFORCE: 32,
  RCVBUFFORCE: 33,
  MARK: 36,
  PROTOCOL: 38,
  DOMAIN: 39,
  RXQ_OVFL: 40,
  PEEK_OFF: 42,
  NOFCS: 43,
  LOCK_FILTER: 44,
  SELECT_ERR_QUEUE: 45,
  BUSY_POLL: 46,
  MAX_PACING_RATE: 47,
  ATTACH_REUSEPORT_CBPF: 51,
  ATTACH_REUSEPORT_EBPF: 52,
  INCOMING_CPU: 49,
  ATTACH_BPF: 50,
  MEMINFO: 55,
  INCOMING_NAPI_ID: 56,
  COOKIE: 57,
  PEERGROUPS: 59,
  ZEROCOPY: 60,
  TXTIME: 61,
  BINDTOIFINDEX: 62,
  PREFER_BUSY_POLL: 69,
  BUSY_POLL_BUDGET: 70,
  NETNS_COOKIE: 71,
  BUF_LOCK: 72,
  RESERVE_MEM: 73,
  TXREHASH: 74,
  PEERPIDFD: 77,
  DEVMEM_LINEAR: 78,
  DEVMEM_DMABUF: 79,
  TIMESTAMP_OLD: 29,
  TIMESTAMPNS_OLD: 35,
  TIMESTAMPING_OLD: 37,
} as const;

/** Protocols. */
export const IPPROTO = {
  IP: 0,
  ICMP: 1,
  TCP: 6,
  UDP: 17,
  IPV6: 41,
  RAW: 255,
  ICMPV6: 58,
  MPTCP: 262,
} as const;

/** Options of SOL.IP. */
export const IP = {
  TOS: 1,
  TTL: 2,
  PKTINFO: 8,
  RECVERR: 11,
  RECVTOS: 13,
  MTU_DISCOVER: 10,
  MTU: 14,
  FREEBIND: 15,
  TRANSPARENT: 19,
  BIND_ADDRESS_NO_PORT: 24,
  ADD_MEMBERSHIP: 35,
  DROP_MEMBERSHIP: 36,
  MULTICAST_TTL: 33,
  MULTICAST_LOOP: 34,
  PMTUDISC_DO: 2,
  PMTUDISC_DONT: 0,
  PMTUDISC_WANT: 1,
  PMTUDISC_PROBE: 3,
} as const;

/** Options of SOL.IPV6. */
export const IPV6 = {
  V6ONLY: 26,
  RECVERR: 25,
  RECVPKTINFO: 49,
  PKTINFO: 50,
  UNICAST_HOPS: 16,
  TCLASS: 67,
  RECVTCLASS: 66,
  MTU: 24,
  MTU_DISCOVER: 23,
  FREEBIND: 78,
  TRANSPARENT: 75,
} as const;

/** Options of SOL.TCP. */
export const TCP = {
  NODELAY: 1,
  MAXSEG: 2,
  CORK: 3,
  KEEPIDLE: 4,
  KEEPINTVL: 5,
  KEEPCNT: 6,
  SYNCNT: 7,
  LINGER2: 8,
  DEFER_ACCEPT: 9,
  WINDOW_CLAMP: 10,
  INFO: 11,
  QUICKACK: 12,
  CONGESTION: 13,
  USER_TIMEOUT: 18,
  REPAIR: 19,
  QUEUE_SEQ: 21,
  FASTOPEN: 23,
  TIMESTAMP: 24,
  NOTSENT_LOWAT: 25,
  CC_INFO: 26,
  SAVE_SYN: 27,
  ULP: 31,
  FASTOPEN_CONNECT: 30,
  ZEROCOPY_RECEIVE: 35,
  INQ: 36,
  CM_INQ: 36,
  TX_DELAY: 37,
} as const;

/** Options of SOL.UDP. */
export const UDP = {
  CORK: 1,
  ENCAP: 100,
  NO_CHECK6_TX: 101,
  NO_CHECK6_RX: 102,
  SEGMENT: 103,
  GRO: 104,
} as const;

/** Options of SOL.TLS (kernel TLS). */
export const TLS = {
  TX: 1,
  RX: 2,
  TX_ZEROCOPY_RO: 3,
  RX_EXPECT_NO_PAD: 4,
  SET_RECORD_TYPE: 1,
  GET_RECORD_TYPE: 2,
  CIPHER_AES_GCM_128: 51,
  CIPHER_AES_GCM_256: 52,
  CIPHER_CHACHA20_POLY1305: 54,
} as const;

/** Flags of send and receive calls. */
export const MSG = {
  OOB: 1,
  PEEK: 2,
  DONTROUTE: 4,
  CTRUNC: 8,
  TRUNC: 0x20,
  DONTWAIT: 0x40,
  EOR: 0x80,
  WAITALL: 0x100,
  CONFIRM: 0x800,
  ERRQUEUE: 0x2000,
  NOSIGNAL: 0x4000,
  MORE: 0x8000,
  WAITFORONE: 0x10000,
  ZEROCOPY: 0x4000000,
  FASTOPEN: 0x20000000,
  CMSG_CLOEXEC: 0x40000000,
} as const;

/** How shutdown shuts. */
export const SHUT = {
  RD: 0,
  WR: 1,
  RDWR: 2,
} as const;

/** Control messages of SOL.SOCKET. */
export const SCM = {
  RIGHTS: 1,
  CREDENTIALS: 2,
} as const;

/** sock_extended_err: ee_origin and ee_code. */
export const SO_EE = {
  ORIGIN_NONE: 0,
  ORIGIN_LOCAL: 1,
  ORIGIN_ICMP: 2,
  ORIGIN_ICMP6: 3,
  ORIGIN_ZEROCOPY: 5,
  ORIGIN_TXTIME: 6,
  CODE_ZEROCOPY_COPIED: 1,
} as const;
