// Limits that are asked for before the workers start, because running into them ends the process without a word: V8 gives up
// when it cannot reserve address space for a worker. Not here: limits whose errors can be caught and explained.

import { resourceLimit } from '../kernel/limits.js';
import { pageBytes } from '../kernel/memory.js';
import { readText } from '../kernel/proc.js';
import { UnsupportedError } from '../kernel/system-error.js';

/**
 * Address space of one worker: what V8 reserves for its code and heaps, and the frames. Measured on Node 20 with 1 and
 * 2 workers: 1.0 GB more of VmSize; V8 alone fails below 0.8 GB.
 */
const workerBytes = 800 * 1024 * 1024;

/** The address space that this process may still take; infinite where there is no limit, or none that can be read. */
function addressSpaceLeft(): number {
  try {
    const { soft } = resourceLimit('AS');
    // Without a limit nothing else is asked: a page's size would load the FFI library before the worker starts.
    if (soft === Number.POSITIVE_INFINITY) return soft;
    const usedPages = Number(readText('/proc/self/statm')?.split(' ')[0] ?? 0);
    return soft - usedPages * pageBytes();
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * @param left bytes of address space that may still be taken; a test gives its own.
 * @throws UnsupportedError when so many workers do not fit.
 */
export function checkAddressSpace(workers: number, left: number = addressSpaceLeft()): void {
  if (left >= workers * workerBytes) return;
  const fit = Math.floor(Math.max(0, left) / workerBytes);
  const mebibytes = (bytes: number): string => `${Math.max(0, Math.floor(bytes / 1024 / 1024))} MiB`;
  throw new UnsupportedError(
    `the limit on address space leaves ${mebibytes(left)}, and ${workers === 1 ? 'a worker takes' : `${workers} workers take`} ${mebibytes(workers * workerBytes)}`,
    `lift it with ulimit -v unlimited or LimitAS=infinity in the systemd unit${fit > 0 ? `, or take --workers ${fit}` : ''}`,
  );
}
