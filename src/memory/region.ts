// Region: memory mapped once at a fixed address and seen by TypeScript as one ArrayBuffer.
// It knows its address, so a descriptor into it can be handed to the kernel, a device or a guest.

import { MADV, MAP, PROT } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { viewMemory } from '../kernel/ffi.js';
import {
  adviseMemory,
  closeMemoryFile,
  createMemoryFile,
  lockMemory,
  type Mapping,
  mapMemory,
  pageBytes,
  tryAdviseMemory,
  unmapMemory,
} from '../kernel/memory.js';
import { SystemError } from '../kernel/system-error.js';

/** What a region is made of: plain anonymous pages, 2 MiB huge pages, or a memory file that others can map too. */
export type RegionKind = 'anonymous' | 'huge' | 'memfd';

/** How to map a {@link Region}. */
export interface RegionOptions {
  /** Default `anonymous`. */
  readonly kind?: RegionKind;
  /** Keep the pages in memory with mlock(2). Default false. */
  readonly locked?: boolean;
  /** The name a memory file shows in /proc. */
  readonly name?: string;
  /** How many bytes JavaScript sees at first, the others when {@link Region.see} asks for them. Default: all. */
  readonly seen?: number;
}

const hugePageBytes = 2 * 1024 * 1024;

function mapPages(length: number, fd: number, seen = length): Mapping {
  const sharing = fd >= 0 ? MAP.SHARED : MAP.PRIVATE | MAP.ANONYMOUS;
  return mapMemory(length, PROT.READ | PROT.WRITE, sharing | MAP.NORESERVE, fd, 0, Math.min(seen, length));
}

/** Reserved when they are mapped: without a reservation the first touch of a page that is not there is a SIGBUS. */
function mapHuge(length: number): Mapping {
  try {
    return mapMemory(length, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS | MAP.HUGETLB);
  } catch (error) {
    if (!(error instanceof SystemError) || error.errno !== Errno.ENOMEM) throw error;
    const pages = length / hugePageBytes;
    const hint = `reserve ${pages} more with \`sysctl vm.nr_hugepages\``;
    throw new SystemError(error.errno, 'mmap', `of ${length} bytes in huge pages`, hint);
  }
}

/**
 * Mapped memory with a fixed address. Pages are given by the kernel when they are first touched. V8 counts what JavaScript sees as memory of its
 * heap, however little of it was touched: it collects the young generation for 32 MiB of new ones and all of the heap for 64 MiB. What may grow large
 * and seldom does is seen as far as it is used.
 */
export class Region {
  readonly address: number;
  readonly byteLength: number;
  /** What JavaScript sees, in three forms: others after {@link see}. */
  buffer: ArrayBuffer;
  bytes: Uint8Array;
  data: DataView;
  /** The memory file behind the region, or -1. */
  readonly fd: number;
  #mapping: Mapping | undefined;
  #unmapped = false;

  /**
   * Maps `byteLength` bytes, rounded up to whole pages.
   * @throws SystemError ENOMEM; for huge pages also when none are reserved, for locked ones when the limit is too low;
   * RangeError for more than one ArrayBuffer can have (4 GiB in Node 20), where {@link RegionOptions.seen} does not say less
   */
  constructor(byteLength: number, options: RegionOptions = {}) {
    const kind = options.kind ?? 'anonymous';
    const unit = kind === 'huge' ? hugePageBytes : pageBytes();
    const length = Math.ceil(byteLength / unit) * unit;
    this.fd = kind === 'memfd' ? createMemoryFile(options.name ?? 'clearway', length) : -1;
    try {
      this.#mapping = kind === 'huge' ? mapHuge(length) : mapPages(length, this.fd, options.seen);
      if (options.locked === true) lockMemory(this.#mapping.address, length);
    } catch (error) {
      this.unmap();
      throw error;
    }
    this.address = this.#mapping.address;
    this.byteLength = length;
    this.buffer = this.#mapping.buffer;
    this.bytes = new Uint8Array(this.buffer);
    this.data = new DataView(this.buffer);
  }

  /** Sees to it that JavaScript sees the bytes before `end`, and so much more that this is seldom asked for. */
  see(end: number): void {
    const seen = this.buffer.byteLength;
    if (end <= seen) return;
    this.buffer = viewMemory(this.address, Math.min(this.byteLength, Math.max(end, 4 * seen)));
    this.bytes = new Uint8Array(this.buffer);
    this.data = new DataView(this.buffer);
  }

  /**
   * Asks for huge pages (2 MiB) from an offset on, where the kernel has them to spare: many places that are used at random
   * then cost fewer walks of the page tables. Memory comes 2 MiB at a time from then on. A kernel without them is no error.
   */
  preferHugePages(offset: number): void {
    const start = Math.ceil((this.address + offset) / hugePageBytes) * hugePageBytes;
    const length = this.address + this.byteLength - start;
    if (length >= hugePageBytes) tryAdviseMemory(start, length, MADV.HUGEPAGE);
  }

  /**
   * Has the kernel give the pages of a range now, as if they were written to: one call costs a fifteenth of what a fault for each page does
   * on a virtual machine (1.2 and 17 us a page). A kernel that does not know the call (before 5.14), or lacks memory, leaves it to the faults. Offsets are in whole pages.
   */
  populate(offset: number, length: number): void {
    tryAdviseMemory(this.address + offset, length, MADV.POPULATE_WRITE);
  }

  /** Gives the pages of a range back to the kernel; they read as zeros afterwards. Offsets are in whole pages. */
  discard(offset: number, length: number): void {
    adviseMemory(this.address + offset, length, MADV.DONTNEED);
  }

  /**
   * Unmaps the memory and closes the memory file. The caller answers for it that nobody uses it any more: neither the
   * kernel nor a typed array over {@link buffer}, which would then touch an address that is not there.
   */
  unmap(): void {
    if (this.#unmapped) return;
    this.#unmapped = true;
    if (this.#mapping !== undefined) unmapMemory(this.#mapping);
    this.#mapping = undefined;
    if (this.fd >= 0) closeMemoryFile(this.fd);
  }
}
