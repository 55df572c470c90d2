// Files: opening beneath a root, what a descriptor says of itself, and the page cache's state.
// Not here: which path is asked for and what is done with the file (serve/).

import { encodePathText } from '../text/path-text.js';
import { AT, O, POSIX_FADV, RESOLVE, RWF, SEEK, STATX } from './constants.js';
import { Errno, isShortage } from './errno.js';
import { syscall3, syscall6 } from './ffi.js';
import { layouts } from './layouts.js';
import { cString, scratch } from './memory.js';
import { sys } from './numbers.js';
import { check, SystemError } from './system-error.js';
import { walkBeneath } from './walk-beneath.js';
import { fromWords, little64, setLittle64 } from './words.js';

/** What a file is, as statx(2) of its open descriptor says. */
export interface FileStatus {
  mode: number;
  /** Bytes. */
  size: number;
  /** Whole seconds of the last modification, and the nanoseconds beyond them. */
  mtimeSeconds: number;
  mtimeNanoseconds: number;
  /** The last change of content or attributes, which nobody can set: whole seconds, and the nanoseconds beyond them. */
  ctimeSeconds: number;
  ctimeNanoseconds: number;
  /** Identity: the device's number and the inode's, exact up to 2^53. */
  device: number;
  inode: number;
}

/** A status record to be filled by {@link fileStatus}; make it once and use it again. */
export function emptyFileStatus(): FileStatus {
  return {
    mode: 0,
    size: 0,
    mtimeSeconds: 0,
    mtimeNanoseconds: 0,
    ctimeSeconds: 0,
    ctimeNanoseconds: 0,
    device: 0,
    inode: 0,
  };
}

const statxBytes = 256;
const statxBasic = 0x7ff;

/** Whether statx(2) can be asked; undefined until somebody asked. */
let hasStatx: boolean | undefined;

/** statx is younger than some kernels (4.11) and refused by some filters: fstat and newfstatat say the same. */
function useStatx(): boolean {
  hasStatx ??= statxRefusal() === 0;
  return hasStatx;
}

/** The errno with which statx(2) is refused on this host, for a file that is there; 0 where it answers. */
export function statxRefusal(): number {
  const name = cString('/');
  return Math.max(0, -syscall6(sys.statx, AT.FDCWD, name, 0, statxBasic, scratch(statxBytes).address));
}

/** statx(2) of an open descriptor into `status`; fstat(2) where that is refused. Returns 0 or -errno. */
export function fileStatus(fd: number, status: FileStatus): number {
  if (!useStatx()) {
    const place = scratch(layouts.stat.size);
    const result = syscall3(sys.fstat, fd, place.address);
    if (result === 0) readOldStatus(place.data, place.offset, status);
    return result;
  }
  const place = scratch(statxBytes + 16);
  place.data.setUint8(place.offset + statxBytes, 0);
  const empty = place.address + statxBytes;
  const result = syscall6(sys.statx, fd, empty, AT.EMPTY_PATH, statxBasic, place.address);
  if (result < 0) return result;
  readStatus(place.data, place.offset, status);
  return 0;
}

/** What O_DIRECT requires, in bytes: what addresses in memory, and offsets and lengths in the file, are multiples of. */
export interface DirectAlignment {
  readonly memory: number;
  readonly offset: number;
}

/**
 * What O_DIRECT requires for an open file (statx(2), STATX_DIOALIGN, Linux 6.1); zeros where the file cannot be read and written so, and
 * undefined where the kernel does not say.
 */
export function directAlignment(fd: number): DirectAlignment | undefined {
  const place = scratch(statxBytes + 16);
  const { data, offset, address } = place;
  data.setUint8(offset + statxBytes, 0);
  const result = syscall6(sys.statx, fd, address + statxBytes, AT.EMPTY_PATH, STATX.DIOALIGN, address);
  const { stx_mask, stx_dio_mem_align, stx_dio_offset_align } = layouts.statx.fields;
  if (result < 0 || (data.getUint32(offset + stx_mask.offset, true) & STATX.DIOALIGN) === 0) return undefined;
  return {
    memory: data.getUint32(offset + stx_dio_mem_align.offset, true),
    offset: data.getUint32(offset + stx_dio_offset_align.offset, true),
  };
}

/**
 * As {@link fileStatus}, of a path, links followed.
 * @throws RangeError for a path with a NUL or of more than 4096 characters.
 */
export function pathStatus(path: string, status: FileStatus): number {
  const name = cString(path);
  const place = scratch(statxBytes);
  if (!useStatx()) {
    const result = syscall6(sys.newfstatat, AT.FDCWD, name, place.address, 0);
    if (result === 0) readOldStatus(place.data, place.offset, status);
    return result;
  }
  const result = syscall6(sys.statx, AT.FDCWD, name, 0, statxBasic, place.address);
  if (result < 0) return result;
  readStatus(place.data, place.offset, status);
  return 0;
}

/** The `struct stat` of fstat and newfstatat. */
function readOldStatus(data: DataView, offset: number, status: FileStatus): void {
  const { st_mode, st_ino, st_size, st_mtime, st_mtime_nsec, st_ctime, st_ctime_nsec, st_dev } = layouts.stat.fields;
  status.mode = data.getUint32(offset + st_mode.offset, true);
  status.inode = Number(data.getBigUint64(offset + st_ino.offset, true));
  status.size = Number(data.getBigUint64(offset + st_size.offset, true));
  status.mtimeSeconds = Number(data.getBigInt64(offset + st_mtime.offset, true));
  status.mtimeNanoseconds = data.getUint32(offset + st_mtime_nsec.offset, true);
  status.ctimeSeconds = Number(data.getBigInt64(offset + st_ctime.offset, true));
  status.ctimeNanoseconds = data.getUint32(offset + st_ctime_nsec.offset, true);
  // The kernel packs 12 bits of the major number between the low 8 and the high 12 of the minor one (new_encode_dev).
  const device = data.getUint32(offset + st_dev.offset, true);
  status.device = ((device >>> 8) & 0xfff) * 0x10_0000 + ((device & 0xff) | ((device >>> 12) & 0xf_ff00));
}

/**
 * statx(2) of a path relative to a directory, into `status`. Returns 0 or -errno. It is for looking whether a path still
 * leads to what was opened beneath the directory: by itself it is not confined to it.
 * @param pathAddress of the path's bytes, NUL-terminated. @param follow whether a link at its end is followed.
 */
export function statusFrom(directory: number, pathAddress: number, follow: boolean, status: FileStatus): number {
  const place = scratch(statxBytes);
  const flags = follow ? 0 : AT.SYMLINK_NOFOLLOW;
  if (!useStatx()) {
    const result = syscall6(sys.newfstatat, directory, pathAddress, place.address, flags);
    if (result === 0) readOldStatus(place.data, place.offset, status);
    return result;
  }
  const result = syscall6(sys.statx, directory, pathAddress, flags, statxBasic, place.address);
  if (result < 0) return result;
  readStatus(place.data, place.offset, status);
  return 0;
}

function readStatus(data: DataView, offset: number, status: FileStatus): void {
  status.mode = data.getUint16(offset + 28, true);
  status.inode = little64(data, offset + 32);
  status.size = little64(data, offset + 40);
  status.ctimeSeconds = fromWords(data.getInt32(offset + 100, true), data.getUint32(offset + 96, true));
  status.ctimeNanoseconds = data.getUint32(offset + 104, true);
  status.mtimeSeconds = fromWords(data.getInt32(offset + 116, true), data.getUint32(offset + 112, true));
  status.mtimeNanoseconds = data.getUint32(offset + 120, true);
  status.device = data.getUint32(offset + 136, true) * 0x10_0000 + data.getUint32(offset + 140, true);
}

/** Opens a directory as a root for {@link openBeneath}. @throws SystemError ENOENT, ENOTDIR, EACCES. */
export function openRoot(path: string): number {
  return check(tryOpenRoot(path), 'open', path);
}

/** As {@link openRoot}; gives -errno instead of throwing. */
export function tryOpenRoot(path: string): number {
  return syscall6(sys.openat, AT.FDCWD, cString(path), O.RDONLY | O.DIRECTORY | O.CLOEXEC, 0);
}

const pathMaxBytes = 4096;

/** How {@link openBeneath} treats symbolic links. */
export type LinkPolicy = 'refuse' | 'beneath';

/** The errno with which openat2(2) is refused on this host; 0 where it keeps paths beneath a root; undefined until asked. */
let openat2Errno: number | undefined;

/**
 * The errno with which openat2(2) is refused on this host (ENOSYS before Linux 5.6, EPERM by a filter), 0 where it works:
 * where it is refused {@link openBeneath} walks by hand. Found out once, by opening what is always there, and the way out of
 * it (EOPNOTSUPP: an emulation let that through). A host that is short of descriptors is asked again.
 */
export function openat2Refusal(): number {
  if (openat2Errno !== undefined) return openat2Errno;
  const root = syscall6(sys.openat, AT.FDCWD, cString('/'), O.PATH | O.DIRECTORY | O.CLOEXEC, 0);
  if (root < 0) return 0;
  const inside = openByKernel(root, cString('.'), 'refuse');
  const outside = inside < 0 ? inside : openByKernel(root, cString('..'), 'beneath');
  for (const fd of [root, inside, outside]) if (fd >= 0) syscall3(sys.close, fd);
  if (isShortage(-inside)) return 0;
  openat2Errno = inside < 0 ? -inside : outside === -Errno.EXDEV ? 0 : Errno.EOPNOTSUPP;
  return openat2Errno;
}

/**
 * Opens for reading beneath `root`: no way out by `..`, a link or a magic link, whatever the path. By openat2(2), and by
 * a walk of our own where that is refused ({@link openat2Refusal}), with the same answers.
 * O_NONBLOCK keeps a FIFO from blocking. Returns the descriptor or -errno (EXDEV: the path leaves the root;
 * ELOOP: a symbolic link, under `refuse`; ENAMETOOLONG: over 4 KiB, or with a NUL).
 */
export function openBeneath(root: number, path: string, links: LinkPolicy): number {
  // Said by the kernel of what is longer than PATH_MAX; the path comes from a request, so this must not throw.
  if (path.length >= pathMaxBytes || path.includes('\0')) return -Errno.ENAMETOOLONG;
  const byKernel = openat2Refusal() === 0;
  if (byKernel) return openBeneathAt(root, cString(path === '' ? '.' : path), links);
  const bytes = new Uint8Array(path.length * 3);
  const given = Buffer.from(bytes.buffer, 0, encodePathText(path, bytes)).toString('latin1');
  if (given.length >= pathMaxBytes) return -Errno.ENAMETOOLONG;
  return patiently(() => walkBeneath(root, given, links === 'beneath'));
}

/** As {@link openBeneath}, of a path's bytes at an address, NUL-terminated; only where {@link openat2Refusal} is 0. */
export function openBeneathAt(root: number, pathAddress: number, links: LinkPolicy): number {
  const result = openByKernel(root, pathAddress, links);
  return result === -Errno.EAGAIN ? patiently(() => openByKernel(root, pathAddress, links)) : result;
}

/** EAGAIN: a rename raced with the walk, and it could not be proven that it stayed beneath (openat2(2)). */
function patiently(open: () => number): number {
  for (let attempt = 0; ; attempt++) {
    const result = open();
    if (result !== -Errno.EAGAIN || attempt === 8) return result;
  }
}

function openByKernel(root: number, pathAddress: number, links: LinkPolicy): number {
  const place = scratch(24);
  const { data, offset } = place;
  const resolve = RESOLVE.BENEATH | RESOLVE.NO_MAGICLINKS | (links === 'refuse' ? RESOLVE.NO_SYMLINKS : 0);
  data.setUint32(offset, O.RDONLY | O.CLOEXEC | O.NONBLOCK | O.NOCTTY, true);
  data.setUint32(offset + 4, 0, true);
  data.setUint32(offset + 8, 0, true);
  data.setUint32(offset + 12, 0, true);
  data.setUint32(offset + 16, resolve, true);
  data.setUint32(offset + 20, 0, true);
  return syscall6(sys.openat2, root, pathAddress, place.address, 24);
}

/** pread64(2) into memory at `address`. Returns bytes (0 at the end) or -errno. Blocks on a page that is not cached. */
export function readAt(fd: number, address: number, length: number, offset: number): number {
  return syscall6(sys.pread64, fd, address, length, offset);
}

/** preadv2(2): as {@link readAt}, into the memory of `count` iovecs at an address; `flags` are of RWF. */
export function readVectors(fd: number, iovecs: number, count: number, offset: number, flags = 0): number {
  return syscall6(sys.preadv2, fd, iovecs, count, offset, 0, flags);
}

/** pwritev2(2), from the memory of `count` iovecs; `flags` are of RWF. Returns bytes or -errno. */
export function writeVectors(fd: number, iovecs: number, count: number, offset: number, flags = 0): number {
  return syscall6(sys.pwritev2, fd, iovecs, count, offset, 0, flags);
}

/** fdatasync(2). Returns 0 or -errno. */
export function syncData(fd: number): number {
  return syscall3(sys.fdatasync, fd);
}

/** fallocate(2); `mode` is of FALLOC_FL. Returns 0 or -errno. */
export function allocate(fd: number, mode: number, offset: number, length: number): number {
  return syscall6(sys.fallocate, fd, mode, offset, length);
}

/** As {@link readAt}, but -EAGAIN instead of waiting for a disk (preadv2 with RWF_NOWAIT). */
export function readCached(fd: number, address: number, length: number, offset: number): number {
  const place = scratch(16);
  const { data, offset: at } = place;
  setLittle64(data, at, address);
  setLittle64(data, at + 8, length);
  return syscall6(sys.preadv2, fd, place.address, 1, offset, 0, RWF.NOWAIT);
}

/**
 * Where a regular file ends, by lseek(2), the cheapest call that says so; -errno for what has no end. It moves the descriptor's
 * position, which nobody here uses: every read says where.
 */
export function fileEnd(fd: number): number {
  return syscall3(sys.lseek, fd, 0, SEEK.END);
}

/** flock(2): locks an open file, or a directory, for itself alone, until it is closed. False: another has it. It does not wait. */
export function tryLockFile(fd: number): boolean {
  const [exclusive, withoutWaiting] = [2, 4];
  return syscall3(sys.flock, fd, exclusive | withoutWaiting) === 0;
}

/** write(2) from memory at `address`. Returns bytes or -errno; waits where the descriptor does. */
export function writeBytes(fd: number, address: number, length: number): number {
  return syscall3(sys.write, fd, address, length);
}

/**
 * As {@link writeBytes}, but -EAGAIN instead of waiting (pwritev2 with RWF_NOWAIT), whatever the flags of the descriptor,
 * which others may share. -EOPNOTSUPP where the kernel or the kind of file does not know it.
 */
export function writeNow(fd: number, address: number, length: number): number {
  const place = scratch(16);
  place.data.setBigUint64(place.offset, BigInt(address), true);
  place.data.setBigUint64(place.offset + 8, BigInt(length), true);
  return syscall6(sys.pwritev2, fd, place.address, 1, -1, -1, RWF.NOWAIT);
}

/** dup3(2): `target` becomes a second name of what `fd` is open on, in one step for every thread. Returns it or -errno. */
export function replaceDescriptor(fd: number, target: number): number {
  return syscall3(sys.dup3, fd, target, O.CLOEXEC);
}

/**
 * Pages of a range that are in the page cache, or -errno (cachestat(2), Linux 6.5; ENOSYS before).
 * A page that is still being read counts as cached.
 */
export function cachedPages(fd: number, offset: number, length: number): number {
  const place = scratch(16 + 40);
  const { data } = place;
  data.setBigUint64(place.offset, BigInt(offset), true);
  data.setBigUint64(place.offset + 8, BigInt(length), true);
  const result = syscall6(sys.cachestat, fd, place.address, place.address + 16, 0);
  return result < 0 ? result : data.getUint32(place.offset + 16, true);
}

/** readahead(2): starts reading a range into the page cache and does not wait for it. Returns 0 or -errno. */
export function readAhead(fd: number, offset: number, length: number): number {
  return syscall3(sys.readahead, fd, offset, length);
}

/**
 * posix_fadvise(2): the clean pages of a file, or of a range of it, are not needed in the page cache any more. Advice: what is in use stays. Returns 0
 * or -errno.
 */
export function dropCached(fd: number, offset = 0, length = 0): number {
  return syscall6(sys.fadvise64, fd, offset, length, POSIX_FADV.DONTNEED);
}

/** NFS, SMB, SMB2, CIFS, AFS, Ceph, OCFS2, GFS2, Lustre, FUSE, 9P, VirtualBox's shared folders, and automounts. */
const remoteMagics: ReadonlySet<number> = new Set([
  ...[0x6969, 0x517b, 0xfe534d42, 0xff534d42, 0x5346414f, 0x00c36400, 0x7461636f],
  ...[0x01161970, 0x0bd00bd0, 0x65735546, 0x01021997, 0x786f4256, 0x0187],
]);

const hugePagesMagic = 0x958458f6;

/** What kind of file system a descriptor's file is on (statfs's f_type). @throws SystemError */
function fileSystemOf(fd: number): number {
  const place = scratch(120);
  const result = syscall3(sys.fstatfs, fd, place.address);
  if (result < 0) throw new SystemError(-result, 'fstatfs');
  return place.data.getUint32(place.offset, true);
}

/** True when changes to the descriptor's file system can be made on another host, where inotify does not see them; also of one that does not say what it is. */
export function isRemoteFileSystem(fd: number): boolean {
  try {
    return remoteMagics.has(fileSystemOf(fd));
  } catch {
    // ESTALE, EIO: a mount whose host is away.
    return true;
  }
}

/** True for a file of huge pages: one of hugetlbfs, or a memory file made with MFD_HUGETLB. */
export function isOfHugePages(fd: number): boolean {
  return fileSystemOf(fd) === hugePagesMagic;
}
