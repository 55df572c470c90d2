// Mapped memory: mmap and its relatives, and the ArrayBuffer that sees what was mapped.
// Not here: who owns the memory and what it is for (memory/region.ts).

import { wrongArgument } from '../text/coded.js';
import { encodePathText } from '../text/path-text.js';
import { F, MAP, MFD, PROT } from './constants.js';
import { Errno } from './errno.js';
import { bind, expectViewable, type NativeFunction, syscall3, syscall6, viewMemory } from './ffi.js';
import { sys } from './numbers.js';
import { check, SystemError } from './system-error.js';

export { MAP, PROT };

/** A mapping: where it is and the bytes themselves. The ArrayBuffer must not be used after {@link unmapMemory}. */
export interface Mapping {
  readonly address: number;
  readonly length: number;
  readonly buffer: ArrayBuffer;
}

/**
 * mmap(2). `length` is in bytes and rounded up by the kernel to whole pages; the ArrayBuffer is of the first `seen` of them.
 * @throws SystemError ENOMEM, EPERM (a locked or huge mapping over the limit), EACCES, EINVAL; RangeError where so much cannot be seen.
 */
export function mapMemory(
  length: number,
  protection: number,
  flags: number,
  fd = -1,
  offset = 0,
  seen = length,
): Mapping {
  // Before anything is mapped: what JavaScript cannot see nobody would give back.
  expectViewable(seen);
  const address = check(syscall6(sys.mmap, 0, length, protection, flags, fd, offset), 'mmap', `of ${length} bytes`);
  return { address, length, buffer: viewMemory(address, seen) };
}

/** munmap(2). The caller answers for it that nobody, the kernel included, still uses the bytes. */
export function unmapMemory(mapping: Mapping): void {
  check(syscall3(sys.munmap, mapping.address, mapping.length), 'munmap');
}

/**
 * mmap(2) of a window of a file for the kernel alone: shared, to be read. There is no ArrayBuffer of it, because a file that becomes
 * shorter takes its pages away, and a touch of them is a SIGBUS to the process, but EFAULT to a system call.
 * Returns its address, or -errno (-ENODEV: the file system maps no files). `offset` is in whole pages.
 */
export function mapFileWindow(fd: number, offset: number, length: number): number {
  return mapAddresses(length, PROT.READ, MAP.SHARED | MAP.NORESERVE, fd, offset);
}

/** As {@link mapFileWindow}, of all of a memory file, to be written too: a ring registers no other. Nobody but us makes it shorter. */
export function mapMemoryFile(fd: number, length: number): number {
  return check(mapAddresses(length, PROT.READ | PROT.WRITE, MAP.SHARED, fd, 0), 'mmap', `of ${length} bytes`);
}

/** mmap(2) without an ArrayBuffer of the whole, which may be longer than one can be. Returns the address or -errno. */
export function mapAddresses(length: number, protection: number, flags: number, fd: number, offset: number): number {
  return syscall6(sys.mmap, 0, length, protection, flags, fd, offset);
}

/** mmap(2) over whatever is mapped at an address, of whole pages, which the caller answers for. Returns 0 or -errno. */
export function mapMemoryAt(
  address: number,
  length: number,
  protection: number,
  flags: number,
  fd: number,
  offset: number,
): number {
  const result = syscall6(sys.mmap, address, length, protection, flags | MAP.FIXED, fd, offset);
  return result < 0 ? result : 0;
}

/** munmap(2) of what {@link mapFileWindow} gave. No system call may be at work with it. */
export function unmapFileWindow(address: number, length: number): void {
  check(syscall3(sys.munmap, address, length), 'munmap');
}

/** mprotect(2) of whole pages. @throws SystemError EINVAL, EACCES, ENOMEM */
export function protectMemory(address: number, length: number, protection: number): void {
  check(syscall3(sys.mprotect, address, length, protection), 'mprotect', `of ${length} bytes`);
}

/** madvise(2). @throws SystemError EINVAL when the kernel does not know the advice. */
export function adviseMemory(address: number, length: number, advice: number): void {
  check(syscall3(sys.madvise, address, length, advice), 'madvise');
}

/** As {@link adviseMemory}, of advice that may be ignored. Returns 0 or -errno. */
export function tryAdviseMemory(address: number, length: number, advice: number): number {
  return syscall3(sys.madvise, address, length, advice);
}

/** mlock(2): keeps the pages in memory. @throws SystemError with the fix when the limit is too low. */
export function lockMemory(address: number, length: number): void {
  const result = syscall3(sys.mlock, address, length);
  if (result >= 0) return;
  const hint =
    -result === Errno.ENOMEM || -result === Errno.EPERM || -result === Errno.EAGAIN
      ? 'raise the limit with `ulimit -l`, or give the process CAP_IPC_LOCK'
      : undefined;
  throw new SystemError(-result, 'mlock', `of ${length} bytes`, hint);
}

/**
 * memfd_create(2): a file that lives in memory only; `name` is what /proc shows. Its length is sealed: whoever it is passed to can map it
 * without the fear that its pages go. @returns its descriptor.
 */
export function createMemoryFile(name: string, length: number): number {
  const fd = check(syscall3(sys.memfd_create, cString(name), MFD.CLOEXEC | MFD.ALLOW_SEALING), 'memfd_create', name);
  let result = syscall3(sys.ftruncate, fd, length);
  if (result >= 0) result = syscall3(sys.fcntl, fd, F.ADD_SEALS, F.SEAL_SEAL | F.SEAL_SHRINK | F.SEAL_GROW);
  if (result < 0) {
    syscall3(sys.close, fd);
    throw new SystemError(-result, 'ftruncate', `${name} to ${length} bytes`);
  }
  return fd;
}

/** Closes a memory file; mappings of it stay. */
export function closeMemoryFile(fd: number): void {
  syscall3(sys.close, fd);
}

/** An address for loops that allocate nothing; see {@link keepAddress}. */
export type KeptAddress = readonly [number];

/**
 * An address as a value that is made once. A number of its size in a field of numbers, or worked out anew, is allocated each time it is passed on; element 0 of
 * this is not, because the array may hold anything.
 */
export function keepAddress(address: number): KeptAddress {
  const kept: unknown[] = [undefined];
  kept[0] = address;
  return kept as unknown as KeptAddress;
}

let memcpy: NativeFunction | undefined;

/** memcpy(3) between two addresses. The caller answers for both: what is not mapped is the end of the process. */
export function copyMemory(target: number, source: number, length: number): void {
  memcpy ??= bind('void memcpy(int64 target, int64 source, int64 length)');
  memcpy(target, source, length);
}

let pageSize = 0;

/** Bytes of a page of memory on this host: 4096 on x64; 4, 16 or 64 KiB on arm64. */
export function pageBytes(): number {
  if (pageSize === 0) pageSize = bind('int getpagesize()')() as number;
  return pageSize;
}

const scratchBytes = 64 * 1024;
let scratchMapping: Mapping | undefined;
let scratchBytesView: Uint8Array;
let scratchDataView: DataView;
let scratchNext = 0;

/** A place in the scratch area: its address for the kernel, its offset for {@link Scratch.data}. */
export interface Scratch {
  readonly address: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
  readonly data: DataView;
}

/**
 * Memory for the arguments of one system call: a structure or a path. It is used again after some 64 KiB of other
 * arguments, so it must not outlive the call. The bytes are not cleared.
 * @throws RangeError when more than 32 KiB are asked for.
 */
export function scratch(length: number): Scratch {
  if (length > scratchBytes / 2) throw new RangeError(`scratch memory holds ${scratchBytes / 2} bytes, not ${length}`);
  if (scratchMapping === undefined) {
    scratchMapping = mapMemory(scratchBytes, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    scratchBytesView = new Uint8Array(scratchMapping.buffer);
    scratchDataView = new DataView(scratchMapping.buffer);
  }
  const rounded = (length + 15) & ~15;
  if (scratchNext + rounded > scratchBytes) scratchNext = 0;
  const offset = scratchNext;
  scratchNext += rounded;
  return { address: scratchMapping.address + offset, offset, bytes: scratchBytesView, data: scratchDataView };
}

/** A NUL-terminated path (see path-text.ts) or name in scratch memory; gives its address. @throws RangeError for a NUL within or over 4 KiB. */
export function cString(text: string): number {
  if (text.length > 4096 || text.includes('\0')) throw wrongArgument('a path holds no NUL and at most 4096 characters');
  const place = scratch(text.length * 3 + 1);
  const written = encodePathText(text, place.bytes.subarray(place.offset, place.offset + text.length * 3));
  place.bytes[place.offset + written] = 0;
  return place.address;
}

/** As {@link cString}, of bytes that are given as characters (`latin1`): names that need not be UTF-8. */
export function cBytes(text: string): number {
  if (text.length > 4096 || text.includes('\0')) throw wrongArgument('a path holds no NUL and at most 4096 bytes');
  const place = scratch(text.length + 1);
  for (let index = 0; index < text.length; index++) place.bytes[place.offset + index] = text.charCodeAt(index);
  place.bytes[place.offset + text.length] = 0;
  return place.address;
}
