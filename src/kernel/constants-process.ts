// Memory, events, clocks, limits, processes and filters (include/uapi/linux/{mman,eventpoll,time,prctl,seccomp,...}.h).
// Data only, named as the kernel names it: IORING_OP_SEND is IORING_OP.SEND. Bit 31 is given unsigned. Not every constant of
// those headers, only what the code uses or soon will. headers.test.ts holds every value to the kernel's own headers.

/** Protection of mmap and mprotect. */
export const PROT = {
  NONE: 0,
  READ: 1,
  WRITE: 2,
  EXEC: 4,
} as const;

/** Flags of mmap. */
export const MAP = {
  SHARED: 1,
  PRIVATE: 2,
  SHARED_VALIDATE: 3,
  FIXED: 0x10,
  ANONYMOUS: 0x20,
  GROWSDOWN: 0x100,
  LOCKED: 0x2000,
  NORESERVE: 0x4000,
  POPULATE: 0x8000,
  NONBLOCK: 0x10000,
  STACK: 0x20000,
  HUGETLB: 0x40000,
  SYNC: 0x80000,
  FIXED_NOREPLACE: 0x100000,
  HUGE_SHIFT: 0x1a,
  HUGE_MASK: 0x3f,
  HUGE_2MB: 0x54000000,
  HUGE_1GB: 0x78000000,
} as const;

/** Advice of madvise. */
export const MADV = {
  NORMAL: 0,
  RANDOM: 1,
  SEQUENTIAL: 2,
  WILLNEED: 3,
  DONTNEED: 4,
  FREE: 8,
  REMOVE: 9,
  DONTFORK: 10,
  DOFORK: 11,
  MERGEABLE: 12,
  UNMERGEABLE: 13,
  HUGEPAGE: 14,
  NOHUGEPAGE: 15,
  DONTDUMP: 16,
  DODUMP: 17,
  WIPEONFORK: 18,
  KEEPONFORK: 19,
  COLD: 20,
  PAGEOUT: 21,
  POPULATE_READ: 22,
  POPULATE_WRITE: 23,
  COLLAPSE: 25,
} as const;

/** Flags of mlock2. */
export const MLOCK = {
  ONFAULT: 1,
} as const;

/** Flags of memfd_create. */
export const MFD = {
  CLOEXEC: 1,
  ALLOW_SEALING: 2,
  HUGETLB: 4,
  NOEXEC_SEAL: 8,
  EXEC: 0x10,
  HUGE_2MB: 0x54000000,
  HUGE_1GB: 0x78000000,
} as const;

/** Events of epoll (named without an underscore in C: EPOLLIN). */
export const EPOLL = {
  IN: 1,
  PRI: 2,
  OUT: 4,
  ERR: 8,
  HUP: 0x10,
  RDHUP: 0x2000,
  EXCLUSIVE: 0x10000000,
  WAKEUP: 0x20000000,
  ONESHOT: 0x40000000,
  ET: 0x80000000,
} as const;

/** Operations of epoll_ctl. */
export const EPOLL_CTL = {
  ADD: 1,
  DEL: 2,
  MOD: 3,
} as const;

/** Events of poll (in C: POLLIN). */
export const POLL = {
  IN: 1,
  PRI: 2,
  OUT: 4,
  ERR: 8,
  HUP: 0x10,
  NVAL: 0x20,
  RDHUP: 0x2000,
} as const;

/** Flags of eventfd2. */
export const EFD = {
  SEMAPHORE: 1,
  CLOEXEC: 0x80000,
  NONBLOCK: 0x800,
} as const;

/** Flags of timerfd_create and timerfd_settime. */
export const TFD = {
  TIMER_ABSTIME: 1,
  TIMER_CANCEL_ON_SET: 2,
  CLOEXEC: 0x80000,
  NONBLOCK: 0x800,
} as const;

/** Flags of signalfd4. */
export const SFD = {
  CLOEXEC: 0x80000,
  NONBLOCK: 0x800,
} as const;

/** Clocks. */
export const CLOCK = {
  REALTIME: 0,
  MONOTONIC: 1,
  PROCESS_CPUTIME_ID: 2,
  THREAD_CPUTIME_ID: 3,
  MONOTONIC_RAW: 4,
  REALTIME_COARSE: 5,
  MONOTONIC_COARSE: 6,
  BOOTTIME: 7,
  TAI: 11,
} as const;

/** Operations of futex. */
export const FUTEX = {
  WAIT: 0,
  WAKE: 1,
  PRIVATE_FLAG: 128,
  WAIT_BITSET: 9,
  WAKE_BITSET: 10,
} as const;

/** Operations of prctl. */
export const PR = {
  SET_PDEATHSIG: 1,
  GET_PDEATHSIG: 2,
  GET_DUMPABLE: 3,
  SET_DUMPABLE: 4,
  SET_NAME: 15,
  GET_NAME: 16,
  GET_SECCOMP: 21,
  SET_SECCOMP: 22,
  SET_TIMERSLACK: 29,
  GET_TIMERSLACK: 30,
  SET_CHILD_SUBREAPER: 36,
  SET_NO_NEW_PRIVS: 38,
  GET_NO_NEW_PRIVS: 39,
  CAPBSET_READ: 23,
  CAPBSET_DROP: 24,
  SET_KEEPCAPS: 8,
} as const;

/** Resources of prlimit64. */
export const RLIMIT = {
  CPU: 0,
  FSIZE: 1,
  DATA: 2,
  STACK: 3,
  CORE: 4,
  RSS: 5,
  NPROC: 6,
  NOFILE: 7,
  MEMLOCK: 8,
  AS: 9,
  NICE: 13,
  RTPRIO: 14,
  RTTIME: 15,
} as const;

/** Scheduling policies of sched_setscheduler, and the flag beside them. */
export const SCHED = {
  NORMAL: 0,
  FIFO: 1,
  RR: 2,
  BATCH: 3,
  IDLE: 5,
  DEADLINE: 6,
  RESET_ON_FORK: 0x40000000,
} as const;

/** Whose figures getrusage gives. */
export const RUSAGE = {
  SELF: 0,
  THREAD: 1,
} as const;

/** Whose niceness getpriority and setpriority are about. */
export const PRIO = {
  PROCESS: 0,
} as const;

/** Namespaces of unshare and setns. */
export const CLONE = {
  NEWNS: 0x20000,
  NEWCGROUP: 0x2000000,
  NEWUTS: 0x4000000,
  NEWIPC: 0x8000000,
  NEWUSER: 0x10000000,
  NEWPID: 0x20000000,
  NEWNET: 0x40000000,
} as const;

/** seccomp: modes, operations, flags, and what a filter returns. */
export const SECCOMP = {
  MODE_DISABLED: 0,
  MODE_STRICT: 1,
  MODE_FILTER: 2,
  SET_MODE_STRICT: 0,
  SET_MODE_FILTER: 1,
  GET_ACTION_AVAIL: 2,
  FILTER_FLAG_TSYNC: 1,
  RET_KILL_PROCESS: 0x80000000,
  RET_KILL_THREAD: 0,
  RET_TRAP: 0x30000,
  RET_ERRNO: 0x50000,
  RET_TRACE: 0x7ff00000,
  RET_LOG: 0x7ffc0000,
  RET_ALLOW: 0x7fff0000,
} as const;

/** seccomp_data.arch. */
export const AUDIT_ARCH = {
  X86_64: 0xc000003e,
  AARCH64: 0xc00000b7,
} as const;

/** What kcmp compares. */
export const KCMP = {
  FILE: 0,
  VM: 1,
  FILES: 2,
} as const;
