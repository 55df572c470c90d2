// The io_uring interface: what goes into and comes out of its structures (include/uapi/linux/io_uring.h).
// Data only, named as the kernel names it: IORING_OP_SEND is IORING_OP.SEND. Bit 31 is given unsigned. Not every constant of
// those headers, only what the code uses or soon will. headers.test.ts holds every value to the kernel's own headers.

/** Flags of io_uring_setup (io_uring_params.flags). */
export const IORING_SETUP = {
  IOPOLL: 1,
  SQPOLL: 2,
  SQ_AFF: 4,
  CQSIZE: 8,
  CLAMP: 0x10,
  ATTACH_WQ: 0x20,
  R_DISABLED: 0x40,
  SUBMIT_ALL: 0x80,
  COOP_TASKRUN: 0x100,
  TASKRUN_FLAG: 0x200,
  SQE128: 0x400,
  CQE32: 0x800,
  SINGLE_ISSUER: 0x1000,
  DEFER_TASKRUN: 0x2000,
  NO_MMAP: 0x4000,
  REGISTERED_FD_ONLY: 0x8000,
  NO_SQARRAY: 0x10000,
  HYBRID_IOPOLL: 0x20000,
  CQE_MIXED: 0x40000,
  SQE_MIXED: 0x80000,
  SQ_REWIND: 0x100000,
} as const;

/** Features the kernel reports in io_uring_params.features. */
export const IORING_FEAT = {
  SINGLE_MMAP: 1,
  NODROP: 2,
  SUBMIT_STABLE: 4,
  RW_CUR_POS: 8,
  CUR_PERSONALITY: 0x10,
  FAST_POLL: 0x20,
  POLL_32BITS: 0x40,
  SQPOLL_NONFIXED: 0x80,
  EXT_ARG: 0x100,
  NATIVE_WORKERS: 0x200,
  RSRC_TAGS: 0x400,
  CQE_SKIP: 0x800,
  LINKED_FILE: 0x1000,
  REG_REG_RING: 0x2000,
  RECVSEND_BUNDLE: 0x4000,
  MIN_TIMEOUT: 0x8000,
  RW_ATTR: 0x10000,
  NO_IOWAIT: 0x20000,
} as const;

/** mmap offsets of the rings. */
export const IORING_OFF = {
  SQ_RING: 0,
  CQ_RING: 0x8000000,
  SQES: 0x10000000,
  PBUF_RING: 0x80000000,
  PBUF_SHIFT: 0x10,
  MMAP_MASK: 0xf8000000,
} as const;

/** Flags of io_uring_enter. */
export const IORING_ENTER = {
  GETEVENTS: 1,
  SQ_WAKEUP: 2,
  SQ_WAIT: 4,
  EXT_ARG: 8,
  REGISTERED_RING: 0x10,
  ABS_TIMER: 0x20,
  EXT_ARG_REG: 0x40,
  NO_IOWAIT: 0x80,
} as const;

/** Bits the kernel sets in the submission ring's flags word. */
export const IORING_SQ = {
  NEED_WAKEUP: 1,
  CQ_OVERFLOW: 2,
  TASKRUN: 4,
} as const;

/** Bits of the completion ring's flags word. */
export const IORING_CQ = {
  EVENTFD_DISABLED: 1,
} as const;

/** Operations (io_uring_sqe.opcode). */
export const IORING_OP = {
  NOP: 0,
  READV: 1,
  WRITEV: 2,
  FSYNC: 3,
  READ_FIXED: 4,
  WRITE_FIXED: 5,
  POLL_ADD: 6,
  POLL_REMOVE: 7,
  SYNC_FILE_RANGE: 8,
  SENDMSG: 9,
  RECVMSG: 10,
  TIMEOUT: 11,
  TIMEOUT_REMOVE: 12,
  ACCEPT: 13,
  ASYNC_CANCEL: 14,
  LINK_TIMEOUT: 15,
  CONNECT: 16,
  FALLOCATE: 17,
  OPENAT: 18,
  CLOSE: 19,
  FILES_UPDATE: 20,
  STATX: 21,
  READ: 22,
  WRITE: 23,
  FADVISE: 24,
  MADVISE: 25,
  SEND: 26,
  RECV: 27,
  OPENAT2: 28,
  EPOLL_CTL: 29,
  SPLICE: 30,
  PROVIDE_BUFFERS: 31,
  REMOVE_BUFFERS: 32,
  TEE: 33,
  SHUTDOWN: 34,
  RENAMEAT: 35,
  UNLINKAT: 36,
  MKDIRAT: 37,
  SYMLINKAT: 38,
  LINKAT: 39,
  MSG_RING: 40,
  FSETXATTR: 41,
  SETXATTR: 42,
  FGETXATTR: 43,
  GETXATTR: 44,
  SOCKET: 45,
  URING_CMD: 46,
  SEND_ZC: 47,
  SENDMSG_ZC: 48,
  READ_MULTISHOT: 49,
  WAITID: 50,
  FUTEX_WAIT: 51,
  FUTEX_WAKE: 52,
  FUTEX_WAITV: 53,
  FIXED_FD_INSTALL: 54,
  FTRUNCATE: 55,
  BIND: 56,
  LISTEN: 57,
  RECV_ZC: 58,
  EPOLL_WAIT: 59,
  READV_FIXED: 60,
  WRITEV_FIXED: 61,
  PIPE: 62,
  NOP128: 63,
  URING_CMD128: 64,
} as const;

/** io_uring_sqe.flags. */
export const IOSQE = {
  FIXED_FILE: 1,
  IO_DRAIN: 2,
  IO_LINK: 4,
  IO_HARDLINK: 8,
  ASYNC: 0x10,
  BUFFER_SELECT: 0x20,
  CQE_SKIP_SUCCESS: 0x40,
} as const;

/** io_uring_cqe.flags. */
export const IORING_CQE_F = {
  BUFFER: 1,
  MORE: 2,
  SOCK_NONEMPTY: 4,
  NOTIF: 8,
  BUF_MORE: 0x10,
  SKIP: 0x20,
  32: 0x8000,
  TSTAMP_HW: 0x10000,
} as const;

/** Where the buffer id sits in io_uring_cqe.flags. */
export const IORING_CQE = {
  BUFFER_SHIFT: 16,
} as const;

/** io_uring_sqe.ioprio of send and receive operations. */
export const IORING_RECVSEND = {
  POLL_FIRST: 1,
  FIXED_BUF: 4,
  BUNDLE: 0x10,
} as const;

/** io_uring_sqe.ioprio of receive operations. */
export const IORING_RECV = {
  MULTISHOT: 2,
} as const;

/** io_uring_sqe.ioprio of send operations. */
export const IORING_SEND = {
  VECTORIZED: 0x20,
} as const;

/** io_uring_sqe.ioprio of SEND_ZC and SENDMSG_ZC. */
export const IORING_SEND_ZC = {
  REPORT_USAGE: 8,
} as const;

/** io_uring_cqe.res of a notification asked for with SEND_ZC.REPORT_USAGE: a flag, read with `>>> 0`. */
export const IORING_NOTIF = {
  USAGE_ZC_COPIED: 0x80000000,
} as const;

/** io_uring_sqe.ioprio of ACCEPT. */
export const IORING_ACCEPT = {
  MULTISHOT: 1,
  DONTWAIT: 2,
  POLL_FIRST: 4,
} as const;

/** io_uring_sqe.len of POLL_ADD and POLL_REMOVE. */
export const IORING_POLL = {
  ADD_MULTI: 1,
  UPDATE_EVENTS: 2,
  UPDATE_USER_DATA: 4,
  ADD_LEVEL: 8,
} as const;

/** io_uring_sqe.timeout_flags. */
export const IORING_TIMEOUT = {
  ABS: 1,
  UPDATE: 2,
  BOOTTIME: 4,
  REALTIME: 8,
  ETIME_SUCCESS: 0x20,
  MULTISHOT: 0x40,
  IMMEDIATE_ARG: 0x80,
  CLOCK_MASK: 0xc,
  UPDATE_MASK: 0x12,
} as const;

/** io_uring_sqe.timeout_flags that change a LINK_TIMEOUT. */
export const IORING_LINK_TIMEOUT = {
  UPDATE: 0x10,
} as const;

/** io_uring_sqe.cancel_flags. */
export const IORING_ASYNC_CANCEL = {
  ALL: 1,
  FD: 2,
  ANY: 4,
  FD_FIXED: 8,
  USERDATA: 0x10,
  OP: 0x20,
} as const;

/** io_uring_sqe.fsync_flags. */
export const IORING_FSYNC = {
  DATASYNC: 1,
} as const;

/** Kinds of MSG_RING (io_uring_sqe.addr). */
export const IORING_MSG = {
  DATA: 0,
  SEND_FD: 1,
} as const;

/** io_uring_sqe.msg_ring_flags. */
export const IORING_MSG_RING = {
  CQE_SKIP: 1,
  FLAGS_PASS: 2,
} as const;

/** io_uring_sqe.install_fd_flags. */
export const IORING_FIXED_FD = {
  NO_CLOEXEC: 1,
} as const;

/** io_uring_sqe.file_index: let the kernel choose the slot. */
export const IORING_FILE_INDEX = {
  ALLOC: 0xffffffff,
} as const;

/** io_uring_sqe.nop_flags. */
export const IORING_NOP = {
  INJECT_RESULT: 1,
  FILE: 2,
  FIXED_FILE: 4,
  FIXED_BUFFER: 8,
  TW: 0x10,
  CQE32: 0x20,
} as const;

/** Operations of io_uring_register, and its flag for a registered ring. */
export const IORING_REGISTER = {
  BUFFERS: 0,
  FILES: 2,
  EVENTFD: 4,
  FILES_UPDATE: 6,
  EVENTFD_ASYNC: 7,
  PROBE: 8,
  PERSONALITY: 9,
  RESTRICTIONS: 11,
  ENABLE_RINGS: 12,
  FILES2: 13,
  FILES_UPDATE2: 14,
  BUFFERS2: 15,
  BUFFERS_UPDATE: 16,
  IOWQ_AFF: 17,
  IOWQ_MAX_WORKERS: 19,
  RING_FDS: 20,
  PBUF_RING: 22,
  SYNC_CANCEL: 24,
  FILE_ALLOC_RANGE: 25,
  PBUF_STATUS: 26,
  NAPI: 27,
  CLOCK: 29,
  CLONE_BUFFERS: 30,
  SEND_MSG_RING: 31,
  ZCRX_IFQ: 32,
  RESIZE_RINGS: 33,
  MEM_REGION: 34,
  QUERY: 35,
  ZCRX_CTRL: 36,
  BPF_FILTER: 37,
  USE_REGISTERED_RING: 0x80000000,
  FILES_SKIP: -2,
  SRC_REGISTERED: 1,
  DST_REPLACE: 2,
} as const;

/** Operations of io_uring_register that undo. */
export const IORING_UNREGISTER = {
  BUFFERS: 1,
  FILES: 3,
  EVENTFD: 5,
  PERSONALITY: 10,
  IOWQ_AFF: 18,
  RING_FDS: 21,
  PBUF_RING: 23,
  NAPI: 28,
} as const;

/** io_uring_rsrc_register.flags. */
export const IORING_RSRC = {
  REGISTER_SPARSE: 1,
} as const;

/** io_uring_restriction.opcode. */
export const IORING_RESTRICTION = {
  REGISTER_OP: 0,
  SQE_OP: 1,
  SQE_FLAGS_ALLOWED: 2,
  SQE_FLAGS_REQUIRED: 3,
} as const;

/** io_uring_region_desc.flags and io_uring_mem_region_reg.flags. */
export const IORING_MEM_REGION = {
  TYPE_USER: 1,
  REG_WAIT_ARG: 1,
} as const;

/** io_uring_reg_wait.flags. */
export const IORING_REG_WAIT = {
  TS: 1,
} as const;

/** io_uring_buf_reg.flags. */
export const IOU_PBUF_RING = {
  MMAP: 1,
  INC: 2,
} as const;

/** io_uring_probe_op.flags. */
export const IO_URING_OP = {
  SUPPORTED: 1,
} as const;

/** Busy polling through io_uring_register. */
export const IO_URING_NAPI = {
  REGISTER_OP: 0,
  STATIC_ADD_ID: 1,
  STATIC_DEL_ID: 2,
  TRACKING_DYNAMIC: 0,
  TRACKING_STATIC: 1,
  TRACKING_INACTIVE: 255,
} as const;

/** Commands of URING_CMD on a socket (io_uring_sqe.cmd_op). */
export const SOCKET_URING_OP = {
  SIOCINQ: 0,
  SIOCOUTQ: 1,
  GETSOCKOPT: 2,
  SETSOCKOPT: 3,
  TX_TIMESTAMP: 4,
  GETSOCKNAME: 5,
} as const;
