// Files: opening, resolving, stat, reading and writing, pipes, watching (include/uapi/linux/{fcntl,openat2,stat,fs,fadvise,inotify}.h).
// Data only, named as the kernel names it: IORING_OP_SEND is IORING_OP.SEND. Bit 31 is given unsigned. Not every constant of
// those headers; only what the code uses or soon will. headers.test.ts holds every value to the kernel's own headers.

/** Flags of open and openat2 by architecture: arm64 numbers DIRECT, LARGEFILE, DIRECTORY and NOFOLLOW its own way. */
export const openFlags = {
  x64: {
    RDONLY: 0,
    WRONLY: 1,
    RDWR: 2,
    ACCMODE: 3,
    CREAT: 0x40,
    EXCL: 0x80,
    NOCTTY: 0x100,
    TRUNC: 0x200,
    APPEND: 0x400,
    NONBLOCK: 0x800,
    DSYNC: 0x1000,
    DIRECT: 0x4000,
    LARGEFILE: 0x8000,
    DIRECTORY: 0x10000,
    NOFOLLOW: 0x20000,
    NOATIME: 0x40000,
    CLOEXEC: 0x80000,
    SYNC: 0x101000,
    PATH: 0x200000,
    TMPFILE: 0x410000,
  },
  arm64: {
    RDONLY: 0,
    WRONLY: 1,
    RDWR: 2,
    ACCMODE: 3,
    CREAT: 0x40,
    EXCL: 0x80,
    NOCTTY: 0x100,
    TRUNC: 0x200,
    APPEND: 0x400,
    NONBLOCK: 0x800,
    DSYNC: 0x1000,
    DIRECT: 0x10000,
    LARGEFILE: 0x20000,
    DIRECTORY: 0x4000,
    NOFOLLOW: 0x8000,
    NOATIME: 0x40000,
    CLOEXEC: 0x80000,
    SYNC: 0x101000,
    PATH: 0x200000,
    TMPFILE: 0x404000,
  },
} as const;

/** Flags of open and openat2 on this architecture. */
export const O: Readonly<Record<keyof typeof openFlags.x64, number>> =
  process.arch === 'arm64' ? openFlags.arm64 : openFlags.x64;

/** Flags of the *at calls. */
export const AT = {
  FDCWD: -100,
  SYMLINK_NOFOLLOW: 0x100,
  SYMLINK_FOLLOW: 0x400,
  REMOVEDIR: 0x200,
  NO_AUTOMOUNT: 0x800,
  EMPTY_PATH: 0x1000,
  STATX_SYNC_AS_STAT: 0,
  STATX_FORCE_SYNC: 0x2000,
  STATX_DONT_SYNC: 0x4000,
  RECURSIVE: 0x8000,
  EACCESS: 0x200,
  HANDLE_FID: 0x200,
} as const;

/** open_how.resolve. */
export const RESOLVE = {
  NO_XDEV: 1,
  NO_MAGICLINKS: 2,
  NO_SYMLINKS: 4,
  BENEATH: 8,
  IN_ROOT: 0x10,
  CACHED: 0x20,
} as const;

/** statx: what is asked (mask) and attributes. */
export const STATX = {
  TYPE: 1,
  MODE: 2,
  NLINK: 4,
  UID: 8,
  GID: 0x10,
  ATIME: 0x20,
  MTIME: 0x40,
  CTIME: 0x80,
  INO: 0x100,
  SIZE: 0x200,
  BLOCKS: 0x400,
  BASIC_STATS: 0x7ff,
  BTIME: 0x800,
  MNT_ID: 0x1000,
  DIOALIGN: 0x2000,
  ATTR_IMMUTABLE: 0x10,
  ATTR_APPEND: 0x20,
  ATTR_COMPRESSED: 4,
  ATTR_ENCRYPTED: 0x800,
  ATTR_VERITY: 0x100000,
  ATTR_DAX: 0x200000,
  MNT_ID_UNIQUE: 0x4000,
  SUBVOL: 0x8000,
} as const;

/** The file type and special bits of st_mode. */
export const S = {
  IFMT: 0xf000,
  IFSOCK: 0xc000,
  IFLNK: 0xa000,
  IFREG: 0x8000,
  IFBLK: 0x6000,
  IFDIR: 0x4000,
  IFCHR: 0x2000,
  IFIFO: 0x1000,
  ISUID: 0x800,
  ISGID: 0x400,
  ISVTX: 0x200,
} as const;

/** Commands of fcntl, and file seals. */
export const F = {
  DUPFD: 0,
  GETFD: 1,
  SETFD: 2,
  GETFL: 3,
  SETFL: 4,
  GETLK: 5,
  SETLK: 6,
  SETLKW: 7,
  RDLCK: 0,
  WRLCK: 1,
  UNLCK: 2,
  DUPFD_CLOEXEC: 1030,
  SETPIPE_SZ: 1031,
  GETPIPE_SZ: 1032,
  ADD_SEALS: 1033,
  GET_SEALS: 1034,
  OFD_GETLK: 36,
  OFD_SETLK: 37,
  OFD_SETLKW: 38,
  SEAL_SEAL: 1,
  SEAL_SHRINK: 2,
  SEAL_GROW: 4,
  SEAL_WRITE: 8,
  SEAL_FUTURE_WRITE: 16,
  SEAL_EXEC: 32,
} as const;

/** Flags of F.SETFD. */
export const FD = {
  CLOEXEC: 1,
} as const;

/** Flags of preadv2 and pwritev2. */
export const RWF = {
  HIPRI: 1,
  DSYNC: 2,
  SYNC: 4,
  NOWAIT: 8,
  APPEND: 0x10,
  NOAPPEND: 0x20,
  ATOMIC: 0x40,
  DONTCACHE: 0x80,
} as const;

/** Whence of lseek. */
export const SEEK = {
  SET: 0,
  CUR: 1,
  END: 2,
  DATA: 3,
  HOLE: 4,
} as const;

/** Flags of splice, vmsplice and tee. */
export const SPLICE_F = {
  MOVE: 1,
  NONBLOCK: 2,
  MORE: 4,
  GIFT: 8,
} as const;

/** Advice of fadvise64. */
export const POSIX_FADV = {
  NORMAL: 0,
  RANDOM: 1,
  SEQUENTIAL: 2,
  WILLNEED: 3,
  DONTNEED: 4,
  NOREUSE: 5,
} as const;

/** Modes of fallocate. */
export const FALLOC_FL = {
  KEEP_SIZE: 1,
  PUNCH_HOLE: 2,
  COLLAPSE_RANGE: 8,
  ZERO_RANGE: 0x10,
  INSERT_RANGE: 0x20,
  UNSHARE_RANGE: 0x40,
} as const;

/** Flags of renameat2. */
export const RENAME = {
  NOREPLACE: 1,
  EXCHANGE: 2,
  WHITEOUT: 4,
} as const;

/** inotify: events, and flags of add_watch and init1. */
export const IN = {
  ACCESS: 1,
  MODIFY: 2,
  ATTRIB: 4,
  CLOSE_WRITE: 8,
  CLOSE_NOWRITE: 0x10,
  OPEN: 0x20,
  MOVED_FROM: 0x40,
  MOVED_TO: 0x80,
  CREATE: 0x100,
  DELETE: 0x200,
  DELETE_SELF: 0x400,
  MOVE_SELF: 0x800,
  UNMOUNT: 0x2000,
  Q_OVERFLOW: 0x4000,
  IGNORED: 0x8000,
  CLOSE: 0x18,
  MOVE: 0xc0,
  ONLYDIR: 0x1000000,
  DONT_FOLLOW: 0x2000000,
  EXCL_UNLINK: 0x4000000,
  MASK_CREATE: 0x10000000,
  MASK_ADD: 0x20000000,
  ISDIR: 0x40000000,
  ONESHOT: 0x80000000,
  ALL_EVENTS: 0xfff,
  CLOEXEC: 0x80000,
  NONBLOCK: 0x800,
} as const;
