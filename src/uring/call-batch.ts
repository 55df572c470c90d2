// CallBatch: calls of writev that do not wait (RWF_NOWAIT), made many at once: one system call has the kernel do all of them, one after the other, and
// their results are there when it returns. Not here: operations that end later (engine.ts).

import { IORING_OP, RWF } from '../kernel/constants.js';
import { setWord64 } from '../kernel/words.js';
import { UringRing } from './ring.js';

/** See the file's head. Used by the thread that made it. */
export class CallBatch {
  /** Calls of one batch at most. */
  readonly most: number;
  /** Calls that wait for {@link run}. */
  count = 0;
  /** After {@link run}: what each call gave, by its number: bytes or -errno. */
  readonly results: Int32Array;
  readonly #ring: UringRing;

  /** @param most calls, a power of two @throws SystemError where io_uring is refused */
  constructor(most: number) {
    this.most = most;
    this.results = new Int32Array(most);
    this.#ring = new UringRing(most, most * 2);
  }

  /** Adds a call, which is made by {@link run}: its iovecs stay as they are until then. Returns its number in the batch. */
  writeVectors(fd: number, iovecs: number, count: number): number {
    const at = this.#ring.next();
    const { words } = this.#ring;
    words[at] = IORING_OP.WRITEV;
    words[at + 1] = fd;
    setWord64(words, at + 4, iovecs);
    words[at + 6] = count;
    // O_NONBLOCK alone has io_uring wait for room where a file can be waited for (io_rw_init_file).
    words[at + 7] = RWF.NOWAIT;
    words[at + 8] = this.count;
    words[at + 9] = 0;
    return this.count++;
  }

  /** Makes the calls. Returns how many; the next batch begins. */
  run(): number {
    const { count } = this;
    const ring = this.#ring;
    const { completionRing, completions } = ring;
    this.count = 0;
    for (let done = 0, tries = 0; done < count; tries++) {
      // What does not wait has its result when the call returns.
      ring.submit(tries > 0, -1);
      for (let left = completionRing.available(); left > 0; left--, done++) {
        const at = (completionRing.head & completionRing.mask) * 4;
        this.results[completions[at]!] = completions[at + 2]!;
        completionRing.head = (completionRing.head + 1) | 0;
      }
      completionRing.release();
    }
    return count;
  }

  /** Ends it, and gives its memory back: nothing is under way between two batches. */
  close(): void {
    this.#ring.close();
  }
}
