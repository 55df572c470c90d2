// Structures of sockets, events and filters: where each field sits and how wide it is, in bytes, named as the kernel names them.
// Only fields that are used or may be; a size of 0 marks a flexible array, which begins there. Those that differ between
// architectures stand in layouts.ts. headers.test.ts holds every offset and size to the kernel's own headers.

/** poll's entry. */
export const pollfd = {
  size: 8,
  fields: {
    fd: { offset: 0, size: 4 },
    events: { offset: 4, size: 2 },
    revents: { offset: 6, size: 2 },
  },
} as const;

/** What is read from a signalfd. */
export const signalfd_siginfo = {
  size: 128,
  fields: {
    ssi_signo: { offset: 0, size: 4 },
    ssi_errno: { offset: 4, size: 4 },
    ssi_code: { offset: 8, size: 4 },
    ssi_pid: { offset: 12, size: 4 },
    ssi_uid: { offset: 16, size: 4 },
    ssi_fd: { offset: 20, size: 4 },
    ssi_status: { offset: 40, size: 4 },
  },
} as const;

/** timerfd_settime's times. */
export const itimerspec = {
  size: 32,
  fields: {
    it_interval: { offset: 0, size: 16 },
    it_value: { offset: 16, size: 16 },
  },
} as const;

/** Any socket address: the family comes first. */
export const sockaddr = {
  size: 16,
  fields: {
    sa_family: { offset: 0, size: 2 },
    sa_data: { offset: 2, size: 14 },
  },
} as const;

/** An IPv4 address; port and address in network order. */
export const sockaddr_in = {
  size: 16,
  fields: {
    sin_family: { offset: 0, size: 2 },
    sin_port: { offset: 2, size: 2 },
    sin_addr: { offset: 4, size: 4 },
  },
} as const;

/** An IPv6 address; port and address in network order. */
export const sockaddr_in6 = {
  size: 28,
  fields: {
    sin6_family: { offset: 0, size: 2 },
    sin6_port: { offset: 2, size: 2 },
    sin6_flowinfo: { offset: 4, size: 4 },
    sin6_addr: { offset: 8, size: 16 },
    sin6_scope_id: { offset: 24, size: 4 },
  },
} as const;

/** A Unix address; the path ends with a NUL, or begins with one when abstract. */
export const sockaddr_un = {
  size: 110,
  fields: {
    sun_family: { offset: 0, size: 2 },
    sun_path: { offset: 2, size: 108 },
  },
} as const;

/** Room for any socket address. */
export const sockaddr_storage = {
  size: 128,
  fields: {
    ss_family: { offset: 0, size: 2 },
  },
} as const;

/** sendmsg's and recvmsg's argument. */
export const msghdr = {
  size: 56,
  fields: {
    msg_name: { offset: 0, size: 8 },
    msg_namelen: { offset: 8, size: 4 },
    msg_iov: { offset: 16, size: 8 },
    msg_iovlen: { offset: 24, size: 8 },
    msg_control: { offset: 32, size: 8 },
    msg_controllen: { offset: 40, size: 8 },
    msg_flags: { offset: 48, size: 4 },
  },
} as const;

/** sendmmsg's and recvmmsg's entry. */
export const mmsghdr = {
  size: 64,
  fields: {
    msg_hdr: { offset: 0, size: 56 },
    msg_len: { offset: 56, size: 4 },
  },
} as const;

/** A control message's head; its data follows at a multiple of 8. */
export const cmsghdr = {
  size: 16,
  fields: {
    cmsg_len: { offset: 0, size: 8 },
    cmsg_level: { offset: 8, size: 4 },
    cmsg_type: { offset: 12, size: 4 },
  },
} as const;

/** What a socket's error queue holds: for zero-copy, ee_info..ee_data is the range of sends done. */
export const sock_extended_err = {
  size: 16,
  fields: {
    ee_errno: { offset: 0, size: 4 },
    ee_origin: { offset: 4, size: 1 },
    ee_type: { offset: 5, size: 1 },
    ee_code: { offset: 6, size: 1 },
    ee_pad: { offset: 7, size: 1 },
    ee_info: { offset: 8, size: 4 },
    ee_data: { offset: 12, size: 4 },
  },
} as const;

/** IP.PKTINFO's control message. */
export const in_pktinfo = {
  size: 12,
  fields: {
    ipi_ifindex: { offset: 0, size: 4 },
    ipi_spec_dst: { offset: 4, size: 4 },
    ipi_addr: { offset: 8, size: 4 },
  },
} as const;

/** IPV6.PKTINFO's control message. */
export const in6_pktinfo = {
  size: 20,
  fields: {
    ipi6_addr: { offset: 0, size: 16 },
    ipi6_ifindex: { offset: 16, size: 4 },
  },
} as const;

/** SO.LINGER's value. */
export const linger = {
  size: 8,
  fields: {
    l_onoff: { offset: 0, size: 4 },
    l_linger: { offset: 4, size: 4 },
  },
} as const;

/** SO.PEERCRED's value. */
export const ucred = {
  size: 12,
  fields: {
    pid: { offset: 0, size: 4 },
    uid: { offset: 4, size: 4 },
    gid: { offset: 8, size: 4 },
  },
} as const;

/** One instruction of classic BPF (seccomp, socket filters). */
export const sock_filter = {
  size: 8,
  fields: {
    code: { offset: 0, size: 2 },
    jt: { offset: 2, size: 1 },
    jf: { offset: 3, size: 1 },
    k: { offset: 4, size: 4 },
  },
} as const;

/** A classic BPF program. */
export const sock_fprog = {
  size: 16,
  fields: {
    len: { offset: 0, size: 2 },
    filter: { offset: 8, size: 8 },
  },
} as const;

/** What a seccomp filter reads. */
export const seccomp_data = {
  size: 64,
  fields: {
    nr: { offset: 0, size: 4 },
    arch: { offset: 4, size: 4 },
    instruction_pointer: { offset: 8, size: 8 },
    args: { offset: 16, size: 48 },
  },
} as const;
