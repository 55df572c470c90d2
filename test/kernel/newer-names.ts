// What the kernel's headers learned after 6.1 (Debian 12): a version of Linux whose headers have the name. Headers that are
// older may lack it, headers of that version or newer must have it. A structure stands for all its fields.
// It excuses only absence: where a header has the name, its value is checked. With CLEARWAY_KERNEL_HEADERS set to the
// usr/include of an unpacked newer linux-libc-dev everything is: so every value here was held to Linux 7.2.

const byVersion: Readonly<Record<string, string>> = {
  '6.3': `IORING_MSG_RING_FLAGS_PASS IORING_FEAT_REG_REG_RING IORING_REGISTER_USE_REGISTERED_RING F_SEAL_EXEC
    MFD_NOEXEC_SEAL MFD_EXEC`,
  '6.4': `IORING_OFF_PBUF_RING IORING_OFF_PBUF_SHIFT IORING_OFF_MMAP_MASK IOU_PBUF_RING_MMAP io_uring_buf_reg.flags
    IORING_TIMEOUT_MULTISHOT`,
  '6.5': `IORING_SETUP_NO_MMAP IORING_SETUP_REGISTERED_FD_ONLY io_sqring_offsets.user_addr io_cqring_offsets.user_addr
    SO_PEERPIDFD cachestat cachestat_range`,
  '6.6': `IORING_SETUP_NO_SQARRAY IORING_ASYNC_CANCEL_USERDATA IORING_ASYNC_CANCEL_OP io_uring_sync_cancel_reg.opcode
    AT_HANDLE_FID`,
  '6.7': `IORING_OP_READ_MULTISHOT IORING_OP_WAITID IORING_OP_FUTEX_WAIT IORING_OP_FUTEX_WAKE IORING_OP_FUTEX_WAITV
    io_uring_sqe.waitid_flags io_uring_sqe.futex_flags io_uring_sqe.level io_uring_sqe.optname io_uring_sqe.optlen
    io_uring_sqe.optval SOCKET_URING_OP_SIOCINQ SOCKET_URING_OP_SIOCOUTQ SOCKET_URING_OP_GETSOCKOPT
    SOCKET_URING_OP_SETSOCKOPT`,
  '6.8': `IORING_OP_FIXED_FD_INSTALL IORING_FIXED_FD_NO_CLOEXEC io_uring_sqe.install_fd_flags STATX_MNT_ID_UNIQUE
    IORING_REGISTER_PBUF_STATUS io_uring_buf_status`,
  '6.9': `IORING_OP_FTRUNCATE IORING_REGISTER_NAPI IORING_UNREGISTER_NAPI io_uring_napi RWF_NOAPPEND`,
  '6.10': `IORING_FEAT_RECVSEND_BUNDLE IORING_RECVSEND_BUNDLE IORING_ACCEPT_DONTWAIT IORING_ACCEPT_POLL_FIRST
    IORING_NOP_INJECT_RESULT io_uring_sqe.nop_flags STATX_SUBVOL`,
  '6.11': `IORING_OP_BIND IORING_OP_LISTEN RWF_ATOMIC`,
  '6.12': `IORING_FEAT_MIN_TIMEOUT IORING_ENTER_ABS_TIMER IORING_CQE_F_BUF_MORE IOU_PBUF_RING_INC IORING_REGISTER_CLOCK
    IORING_REGISTER_CLONE_BUFFERS IORING_REGISTER_SRC_REGISTERED io_uring_getevents_arg.min_wait_usec SO_DEVMEM_LINEAR
    SO_DEVMEM_DMABUF`,
  '6.13': `IORING_SETUP_HYBRID_IOPOLL IORING_ENTER_EXT_ARG_REG IORING_REGISTER_SEND_MSG_RING IORING_REG_WAIT_TS
    IORING_REGISTER_RESIZE_RINGS IORING_REGISTER_MEM_REGION IORING_MEM_REGION_TYPE_USER IORING_MEM_REGION_REG_WAIT_ARG
    IORING_REGISTER_DST_REPLACE IORING_NOP_FILE IORING_NOP_FIXED_FILE IORING_NOP_FIXED_BUFFER IO_URING_NAPI_REGISTER_OP
    IO_URING_NAPI_STATIC_ADD_ID IO_URING_NAPI_STATIC_DEL_ID IO_URING_NAPI_TRACKING_DYNAMIC IO_URING_NAPI_TRACKING_STATIC
    IO_URING_NAPI_TRACKING_INACTIVE io_uring_napi.opcode io_uring_napi.op_param`,
  '6.14': `IORING_FEAT_RW_ATTR io_uring_sqe.attr_ptr io_uring_sqe.attr_type_mask RWF_DONTCACHE`,
  '6.15': `IORING_OP_RECV_ZC IORING_OP_EPOLL_WAIT IORING_OP_READV_FIXED IORING_OP_WRITEV_FIXED IORING_REGISTER_ZCRX_IFQ
    IORING_FEAT_NO_IOWAIT IORING_ENTER_NO_IOWAIT io_uring_sqe.zcrx_ifq_idx`,
  '6.16': `IORING_OP_PIPE io_uring_sqe.pipe_flags IORING_NOP_TW`,
  '6.17': `IORING_SEND_VECTORIZED SOCKET_URING_OP_TX_TIMESTAMP IORING_CQE_F_TSTAMP_HW`,
  '6.18': `IORING_SETUP_CQE_MIXED IORING_CQE_F_SKIP IORING_CQE_F_32 IORING_NOP_CQE32 IORING_REGISTER_QUERY`,
  '6.19': `IORING_SETUP_SQE_MIXED IORING_OP_NOP128 IORING_OP_URING_CMD128 IORING_REGISTER_ZCRX_CTRL
    SOCKET_URING_OP_GETSOCKNAME`,
  '7.2': `IORING_SETUP_SQ_REWIND IORING_REGISTER_BPF_FILTER IORING_TIMEOUT_IMMEDIATE_ARG io_uring_buf_reg.min_left`,
};

/** Name of a constant, call, structure or `structure.field` -> a version of Linux whose headers have it. */
export const newerNames: ReadonlyMap<string, string> = new Map(
  Object.entries(byVersion).flatMap(([version, names]) => names.split(/\s+/).map((name) => [name, version] as const)),
);
