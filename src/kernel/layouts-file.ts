// Structures of files, memory and time: where each field sits and how wide it is, in bytes, named as the kernel names them.
// Only fields that are used or may be; a size of 0 marks a flexible array, which begins there. Those that differ between
// architectures stand in layouts.ts. headers.test.ts holds every offset and size to the kernel's own headers.

/** A time: 64-bit seconds and nanoseconds (__kernel_timespec). */
export const timespec = {
  size: 16,
  fields: {
    tv_sec: { offset: 0, size: 8 },
    tv_nsec: { offset: 8, size: 8 },
  },
} as const;

/** statx's result. */
export const statx = {
  size: 256,
  fields: {
    stx_mask: { offset: 0, size: 4 },
    stx_blksize: { offset: 4, size: 4 },
    stx_attributes: { offset: 8, size: 8 },
    stx_nlink: { offset: 16, size: 4 },
    stx_uid: { offset: 20, size: 4 },
    stx_gid: { offset: 24, size: 4 },
    stx_mode: { offset: 28, size: 2 },
    stx_ino: { offset: 32, size: 8 },
    stx_size: { offset: 40, size: 8 },
    stx_blocks: { offset: 48, size: 8 },
    stx_attributes_mask: { offset: 56, size: 8 },
    stx_atime: { offset: 64, size: 16 },
    stx_btime: { offset: 80, size: 16 },
    stx_ctime: { offset: 96, size: 16 },
    stx_mtime: { offset: 112, size: 16 },
    stx_rdev_major: { offset: 128, size: 4 },
    stx_rdev_minor: { offset: 132, size: 4 },
    stx_dev_major: { offset: 136, size: 4 },
    stx_dev_minor: { offset: 140, size: 4 },
    stx_mnt_id: { offset: 144, size: 8 },
    stx_dio_mem_align: { offset: 152, size: 4 },
    stx_dio_offset_align: { offset: 156, size: 4 },
  },
} as const;

/** A time of statx. */
export const statx_timestamp = {
  size: 16,
  fields: {
    tv_sec: { offset: 0, size: 8 },
    tv_nsec: { offset: 8, size: 4 },
  },
} as const;

/** statfs's result (statfs and statfs64 are one on 64-bit). */
export const statfs = {
  size: 120,
  fields: {
    f_type: { offset: 0, size: 8 },
    f_bsize: { offset: 8, size: 8 },
    f_blocks: { offset: 16, size: 8 },
    f_bfree: { offset: 24, size: 8 },
    f_bavail: { offset: 32, size: 8 },
    f_files: { offset: 40, size: 8 },
    f_ffree: { offset: 48, size: 8 },
    f_fsid: { offset: 56, size: 8 },
    f_namelen: { offset: 64, size: 8 },
    f_frsize: { offset: 72, size: 8 },
    f_flags: { offset: 80, size: 8 },
  },
} as const;

/** openat2's argument. */
export const open_how = {
  size: 24,
  fields: {
    flags: { offset: 0, size: 8 },
    mode: { offset: 8, size: 8 },
    resolve: { offset: 16, size: 8 },
  },
} as const;

/** cachestat's range; len 0 is to the end of the file. */
export const cachestat_range = {
  size: 16,
  fields: {
    off: { offset: 0, size: 8 },
    len: { offset: 8, size: 8 },
  },
} as const;

/** cachestat's result, in pages. */
export const cachestat = {
  size: 40,
  fields: {
    nr_cache: { offset: 0, size: 8 },
    nr_dirty: { offset: 8, size: 8 },
    nr_writeback: { offset: 16, size: 8 },
    nr_evicted: { offset: 24, size: 8 },
    nr_recently_evicted: { offset: 32, size: 8 },
  },
} as const;

/** One event read from inotify; the name follows. */
export const inotify_event = {
  size: 16,
  fields: {
    wd: { offset: 0, size: 4 },
    mask: { offset: 4, size: 4 },
    cookie: { offset: 8, size: 4 },
    len: { offset: 12, size: 4 },
    name: { offset: 16, size: 0 },
  },
} as const;

/** prlimit64's limits. */
export const rlimit = {
  size: 16,
  fields: {
    rlim_cur: { offset: 0, size: 8 },
    rlim_max: { offset: 8, size: 8 },
  },
} as const;

/** One piece of a scatter-gather list. */
export const iovec = {
  size: 16,
  fields: {
    iov_base: { offset: 0, size: 8 },
    iov_len: { offset: 8, size: 8 },
  },
} as const;
