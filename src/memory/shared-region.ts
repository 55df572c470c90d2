// SharedRegion: a range of a file that somebody else made and passed to us (memfd, huge pages), mapped to be read and written by both. What it
// is refused for is a sentence for whoever runs the other side. A file that can lose pages is refused, unless it was said that any will do: a
// touch of what is gone would take this process with it. It loses them where it can become shorter; and a file of huge pages whatever its seals are,
// since a hole may be made in it and there may be no page left to fill it with (any other page comes from the host's memory). Not here: what may be touched in it (domain.ts).

import { F, MAP, PROT, S } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { viewMemory } from '../kernel/ffi.js';
import { emptyFileStatus, type FileStatus, fileStatus, isOfHugePages } from '../kernel/file.js';
import { mapAddresses, pageBytes, unmapFileWindow } from '../kernel/memory.js';
import { addSeals, sealsOf } from '../kernel/seals.js';
import { wrongArgument, wrongState } from '../text/coded.js';
import type { DomainMemory } from './domain.js';

/** What shows bytes of it. */
interface View {
  readonly data: DataView;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/**
 * Bytes that one view shows; views overlap, so that every header lies in one. One is made when something in it is looked at: V8 takes its bytes for memory
 * that it has to look after, and collects garbage, which for all of a guest of 1 TiB took 8 s.
 */
const viewBytes = 1024 * 1024 * 1024;
const overlapBytes = 2 * 1024 * 1024;

/** Memory that cannot be used; the message goes on behind what it is. */
export class SharedMemoryError extends Error {
  override readonly name = 'SharedMemoryError';
  readonly code = 'CLEARWAY_SHARED_MEMORY';
}

/** How to map a {@link SharedRegion}. */
export interface SharedRegionOptions {
  /** Where in the file it begins, in bytes. */
  readonly offset: number;
  readonly length: number;
  /** Also a file that may lose pages. Default false. */
  readonly any?: boolean;
}

const isShrinkable = (fd: number): boolean => {
  const seals = sealsOf(fd);
  if (seals >= 0 && (seals & F.SEAL_SHRINK) !== 0) return false;
  return seals < 0 || addSeals(fd, F.SEAL_SHRINK) < 0;
};

/** What file it is. @throws SharedMemoryError */
function checkFile(fd: number, { offset, length, any = false }: SharedRegionOptions): FileStatus {
  const refuse = (why: string): never => {
    throw new SharedMemoryError(why);
  };
  const end = offset + length;
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(end) || offset < 0 || length <= 0)
    refuse(`has ${length} bytes from ${offset} on, which are no range of a file`);
  if (offset % pageBytes() !== 0) refuse(`begins at ${offset} of its file, which is within a page`);
  const status = emptyFileStatus();
  const known = fileStatus(fd, status);
  if (known < 0 || (status.mode & S.IFMT) !== S.IFREG) refuse('comes with a descriptor that is no file');
  if (status.size < end) refuse(`ends at ${end} of a file that has ${status.size} bytes`);
  if (!any && isShrinkable(fd)) {
    refuse(
      'is of a file that may become shorter: use memory-backend-memfd with share=on, or allow any memory (clearway disk --memory any)',
    );
  }
  if (!any && isOfHugePages(fd)) {
    refuse(
      'is of huge pages, which whoever passed it can take away: leave hugetlb=on out (the kernel joins the pages of a memory file by itself, /sys/kernel/mm/transparent_hugepage/shmem_enabled), or allow any memory (clearway disk --memory any)',
    );
  }
  // Whoever passed it could make it shorter until now.
  if (fileStatus(fd, status) < 0 || status.size < end)
    refuse(`ends at ${end} of a file that has ${status.size} bytes now`);
  const seals = sealsOf(fd);
  if (seals >= 0 && (seals & (F.SEAL_WRITE | F.SEAL_FUTURE_WRITE)) !== 0) refuse('is sealed against writing');
  return status;
}

function whyNotMapped(errno: number): string {
  if (errno === Errno.EACCES || errno === Errno.EPERM) return 'may not be written';
  if (errno === Errno.ENOMEM)
    return 'is more than there is room for: of huge pages as many have to be free (vm.nr_hugepages)';
  return `cannot be mapped (errno ${errno})`;
}

/** See the file's head. The descriptor stays the caller's; the mapping does without it. */
export class SharedRegion implements DomainMemory {
  readonly address: number;
  readonly byteLength: number;
  readonly #views: (View | undefined)[];
  readonly #step: number;
  readonly #file: FileStatus;
  #isUnmapped = false;

  /** @throws SharedMemoryError with the reason, in words */
  constructor(fd: number, options: SharedRegionOptions, step = viewBytes) {
    this.#file = checkFile(fd, options);
    const { offset, length } = options;
    // Huge pages are reserved here, or are not to be had: a touch would end the process.
    const address = mapAddresses(length, PROT.READ | PROT.WRITE, MAP.SHARED, fd, offset);
    if (address < 0) throw new SharedMemoryError(whyNotMapped(-address));
    this.address = address;
    this.byteLength = length;
    this.#step = step;
    this.#views = new Array<View | undefined>(Math.ceil(length / step)).fill(undefined);
  }

  /** Whether a descriptor is of the file that this is mapped from. */
  isOf(fd: number): boolean {
    const { device, inode } = this.#file;
    const status = emptyFileStatus();
    return fileStatus(fd, status) === 0 && status.device === device && status.inode === inode;
  }

  /** As {@link DomainMemory.window}: up to 2 MiB. @throws RangeError, Error (CLEARWAY_STATE) after {@link unmap} */
  window(offset: number, length: number): { data: DataView; bytes: Uint8Array<ArrayBuffer>; at: number } {
    if (this.#isUnmapped) throw wrongState('the memory was given back');
    if (offset < 0 || length > overlapBytes || offset + length > this.byteLength) {
      throw wrongArgument(`${length} bytes from ${offset} on are no window of ${this.byteLength}`);
    }
    const number = Math.floor(offset / this.#step);
    const { data, bytes } = this.#views[number] ?? this.#view(number);
    return { data, bytes, at: offset - number * this.#step };
  }

  #view(number: number): View {
    const at = number * this.#step;
    const bytes = Math.min(this.#step + overlapBytes, this.byteLength - at);
    const buffer = viewMemory(this.address + at, bytes);
    const view = { data: new DataView(buffer), bytes: new Uint8Array(buffer, 0, bytes) };
    this.#views[number] = view;
    return view;
  }

  /** Gives the mapping back. Nobody uses its addresses or windows any more. A second call does nothing. */
  unmap(): void {
    if (this.#isUnmapped) return;
    this.#isUnmapped = true;
    unmapFileWindow(this.address, this.byteLength);
  }
}
