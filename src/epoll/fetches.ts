// Ranges of files that the epoll engine has the kernel read ahead: epoll does not tell when they are there, so they are looked
// at every millisecond. Not here: when (engine.ts).

import { fetchStretchBytes } from '../engine/engine.js';
import { monotonicMs } from '../kernel/clock.js';
import { Errno } from '../kernel/errno.js';
import { readAhead, readCached } from '../kernel/file.js';
import { Region } from '../memory/region.js';

/** How often a range that is being read ahead is looked at again. */
export const fetchPollMs = 1;
/** A range that is not there after this long is handed out all the same: the disk is slow, not stuck. */
const fetchLimitMs = 5000;

interface Fetch {
  token: number;
  file: number;
  /** The next byte whose arrival is waited for. */
  next: number;
  last: number;
  deadlineMs: number;
}

/** See the file's head. */
export class Fetches {
  readonly #all: Fetch[] = [];
  readonly #probe = new Region(64);

  /** How many are under way. */
  get count(): number {
    return this.#all.length;
  }

  /** Begins to read a range. Returns 0 or -errno: then there is none. */
  begin(token: number, file: number, offset: number, length: number): number {
    const started = readAhead(file, offset, length);
    if (started < 0) return started;
    const deadlineMs = monotonicMs() + fetchLimitMs;
    this.#all.push({ token, file, next: offset, last: offset + length - 1, deadlineMs });
    return 0;
  }

  /** Looks at each, and tells of those that ended: with 0 or more, or -errno. */
  look(ended: (token: number, result: number) => void): void {
    const all = this.#all;
    for (let index = all.length - 1; index >= 0; index--) {
      const fetch = all[index]!;
      const { token, deadlineMs } = fetch;
      const result = this.#lookAt(fetch);
      if (result === -Errno.EAGAIN && monotonicMs() < deadlineMs) continue;
      // A file system without RWF_NOWAIT cannot be asked; the read-ahead was started, and that must do.
      ended(token, result === -Errno.EOPNOTSUPP || result === -Errno.EAGAIN ? 0 : result);
      all[index] = all[all.length - 1]!;
      all.pop();
    }
  }

  /** Looks as far as the range has arrived; -EAGAIN while some of it is still to come. */
  #lookAt(fetch: Fetch): number {
    for (;;) {
      const result = readCached(fetch.file, this.#probe.address, 1, fetch.next);
      if (result < 0 || fetch.next === fetch.last) return result;
      fetch.next = Math.min(fetch.next + fetchStretchBytes, fetch.last);
    }
  }

  /** Gives the memory back. */
  unmap(): void {
    this.#probe.unmap();
  }
}
