// Structures of io_uring: where each field sits and how wide it is, in bytes, named as the kernel names them.
// Only fields that are used or may be; a size of 0 marks a flexible array, which begins there. Those that differ between
// architectures stand in layouts.ts. headers.test.ts holds every offset and size to the kernel's own headers.

/** io_uring_setup's argument, filled in by the kernel. */
export const io_uring_params = {
  size: 120,
  fields: {
    sq_entries: { offset: 0, size: 4 },
    cq_entries: { offset: 4, size: 4 },
    flags: { offset: 8, size: 4 },
    sq_thread_cpu: { offset: 12, size: 4 },
    sq_thread_idle: { offset: 16, size: 4 },
    features: { offset: 20, size: 4 },
    wq_fd: { offset: 24, size: 4 },
    resv: { offset: 28, size: 12 },
    sq_off: { offset: 40, size: 40 },
    cq_off: { offset: 80, size: 40 },
  },
} as const;

/** Where the submission ring's words sit in its mapping (io_uring_params.sq_off). */
export const io_sqring_offsets = {
  size: 40,
  fields: {
    head: { offset: 0, size: 4 },
    tail: { offset: 4, size: 4 },
    ring_mask: { offset: 8, size: 4 },
    ring_entries: { offset: 12, size: 4 },
    flags: { offset: 16, size: 4 },
    dropped: { offset: 20, size: 4 },
    array: { offset: 24, size: 4 },
    user_addr: { offset: 32, size: 8 },
  },
} as const;

/** Where the completion ring's words sit in its mapping (io_uring_params.cq_off). */
export const io_cqring_offsets = {
  size: 40,
  fields: {
    head: { offset: 0, size: 4 },
    tail: { offset: 4, size: 4 },
    ring_mask: { offset: 8, size: 4 },
    ring_entries: { offset: 12, size: 4 },
    overflow: { offset: 16, size: 4 },
    cqes: { offset: 20, size: 4 },
    flags: { offset: 24, size: 4 },
    user_addr: { offset: 32, size: 8 },
  },
} as const;

/** A submission; fields of a union share their place. */
export const io_uring_sqe = {
  size: 64,
  fields: {
    opcode: { offset: 0, size: 1 },
    flags: { offset: 1, size: 1 },
    ioprio: { offset: 2, size: 2 },
    fd: { offset: 4, size: 4 },
    off: { offset: 8, size: 8 },
    addr2: { offset: 8, size: 8 },
    cmd_op: { offset: 8, size: 4 },
    addr: { offset: 16, size: 8 },
    splice_off_in: { offset: 16, size: 8 },
    level: { offset: 16, size: 4 },
    optname: { offset: 20, size: 4 },
    len: { offset: 24, size: 4 },
    rw_flags: { offset: 28, size: 4 },
    fsync_flags: { offset: 28, size: 4 },
    poll_events: { offset: 28, size: 2 },
    poll32_events: { offset: 28, size: 4 },
    sync_range_flags: { offset: 28, size: 4 },
    msg_flags: { offset: 28, size: 4 },
    timeout_flags: { offset: 28, size: 4 },
    accept_flags: { offset: 28, size: 4 },
    cancel_flags: { offset: 28, size: 4 },
    open_flags: { offset: 28, size: 4 },
    statx_flags: { offset: 28, size: 4 },
    fadvise_advice: { offset: 28, size: 4 },
    splice_flags: { offset: 28, size: 4 },
    rename_flags: { offset: 28, size: 4 },
    unlink_flags: { offset: 28, size: 4 },
    hardlink_flags: { offset: 28, size: 4 },
    xattr_flags: { offset: 28, size: 4 },
    msg_ring_flags: { offset: 28, size: 4 },
    uring_cmd_flags: { offset: 28, size: 4 },
    waitid_flags: { offset: 28, size: 4 },
    futex_flags: { offset: 28, size: 4 },
    install_fd_flags: { offset: 28, size: 4 },
    nop_flags: { offset: 28, size: 4 },
    pipe_flags: { offset: 28, size: 4 },
    user_data: { offset: 32, size: 8 },
    buf_index: { offset: 40, size: 2 },
    buf_group: { offset: 40, size: 2 },
    personality: { offset: 42, size: 2 },
    splice_fd_in: { offset: 44, size: 4 },
    file_index: { offset: 44, size: 4 },
    zcrx_ifq_idx: { offset: 44, size: 4 },
    optlen: { offset: 44, size: 4 },
    addr_len: { offset: 44, size: 2 },
    addr3: { offset: 48, size: 8 },
    attr_ptr: { offset: 48, size: 8 },
    attr_type_mask: { offset: 56, size: 8 },
    optval: { offset: 48, size: 8 },
    cmd: { offset: 48, size: 0 },
  },
} as const;

/** A completion (the 16-byte form). */
export const io_uring_cqe = {
  size: 16,
  fields: {
    user_data: { offset: 0, size: 8 },
    res: { offset: 8, size: 4 },
    flags: { offset: 12, size: 4 },
  },
} as const;

/** One entry of a provided-buffer ring. */
export const io_uring_buf = {
  size: 16,
  fields: {
    addr: { offset: 0, size: 8 },
    len: { offset: 8, size: 4 },
    bid: { offset: 12, size: 2 },
    resv: { offset: 14, size: 2 },
  },
} as const;

/** A provided-buffer ring: the tail lies over the first entry's resv. */
export const io_uring_buf_ring = {
  size: 16,
  fields: {
    tail: { offset: 14, size: 2 },
    bufs: { offset: 0, size: 0 },
  },
} as const;

/** IORING_REGISTER_PBUF_RING's argument. */
export const io_uring_buf_reg = {
  size: 40,
  fields: {
    ring_addr: { offset: 0, size: 8 },
    ring_entries: { offset: 8, size: 4 },
    bgid: { offset: 12, size: 2 },
    flags: { offset: 14, size: 2 },
    min_left: { offset: 16, size: 4 },
  },
} as const;

/** IORING_REGISTER_PBUF_STATUS's argument. */
export const io_uring_buf_status = {
  size: 40,
  fields: {
    buf_group: { offset: 0, size: 4 },
    head: { offset: 4, size: 4 },
  },
} as const;

/** IORING_REGISTER_PROBE's argument; io_uring_probe_op entries follow at `ops`. */
export const io_uring_probe = {
  size: 16,
  fields: {
    last_op: { offset: 0, size: 1 },
    ops_len: { offset: 1, size: 1 },
    ops: { offset: 16, size: 0 },
  },
} as const;

/** One operation of io_uring_probe. */
export const io_uring_probe_op = {
  size: 8,
  fields: {
    op: { offset: 0, size: 1 },
    flags: { offset: 2, size: 2 },
  },
} as const;

/** io_uring_enter's argument with IORING_ENTER.EXT_ARG. */
export const io_uring_getevents_arg = {
  size: 24,
  fields: {
    sigmask: { offset: 0, size: 8 },
    sigmask_sz: { offset: 8, size: 4 },
    min_wait_usec: { offset: 12, size: 4 },
    ts: { offset: 16, size: 8 },
  },
} as const;

/** IORING_REGISTER_FILES_UPDATE's argument. */
export const io_uring_files_update = {
  size: 16,
  fields: {
    offset: { offset: 0, size: 4 },
    fds: { offset: 8, size: 8 },
  },
} as const;

/** IORING_REGISTER_FILES2's and BUFFERS2's argument. */
export const io_uring_rsrc_register = {
  size: 32,
  fields: {
    nr: { offset: 0, size: 4 },
    flags: { offset: 4, size: 4 },
    data: { offset: 16, size: 8 },
    tags: { offset: 24, size: 8 },
  },
} as const;

/** IORING_REGISTER_RING_FDS's argument. */
export const io_uring_rsrc_update = {
  size: 16,
  fields: {
    offset: { offset: 0, size: 4 },
    data: { offset: 8, size: 8 },
  },
} as const;

/** IORING_REGISTER_FILES_UPDATE2's and BUFFERS_UPDATE's argument. */
export const io_uring_rsrc_update2 = {
  size: 32,
  fields: {
    offset: { offset: 0, size: 4 },
    data: { offset: 8, size: 8 },
    tags: { offset: 16, size: 8 },
    nr: { offset: 24, size: 4 },
  },
} as const;

/** IORING_REGISTER_SYNC_CANCEL's argument. */
export const io_uring_sync_cancel_reg = {
  size: 64,
  fields: {
    addr: { offset: 0, size: 8 },
    fd: { offset: 8, size: 4 },
    flags: { offset: 12, size: 4 },
    timeout: { offset: 16, size: 16 },
    opcode: { offset: 32, size: 1 },
  },
} as const;

/** IORING_REGISTER_FILE_ALLOC_RANGE's argument. */
export const io_uring_file_index_range = {
  size: 16,
  fields: {
    off: { offset: 0, size: 4 },
    len: { offset: 4, size: 4 },
  },
} as const;

/** What a multishot RECVMSG puts before the payload. */
export const io_uring_recvmsg_out = {
  size: 16,
  fields: {
    namelen: { offset: 0, size: 4 },
    controllen: { offset: 4, size: 4 },
    payloadlen: { offset: 8, size: 4 },
    flags: { offset: 12, size: 4 },
  },
} as const;

/** IORING_REGISTER_NAPI's argument. */
export const io_uring_napi = {
  size: 16,
  fields: {
    busy_poll_to: { offset: 0, size: 4 },
    prefer_busy_poll: { offset: 4, size: 1 },
    opcode: { offset: 5, size: 1 },
    op_param: { offset: 8, size: 4 },
  },
} as const;

/** IORING_REGISTER_RESTRICTIONS's argument. */
export const io_uring_restriction = {
  size: 16,
  fields: {
    opcode: { offset: 0, size: 2 },
    register_op: { offset: 2, size: 1 },
    sqe_op: { offset: 2, size: 1 },
    sqe_flags: { offset: 2, size: 1 },
  },
} as const;
