// BulkQueue: who moves large bodies, and how much of them in a turn. One queue for all senders of a loop, first come first
// served. While nobody asks for anything small a turn is long and shares are large, because that costs least; as soon as somebody
// does, bulk waits until the small answers of its turn have left, and then gets one piece of the turn.
// Not here: what is sent (list-pump.ts).

/** What a turn may move while only bulk is moved: a request waits for it at most 1 ms or so. The last share may go beyond. */
const turnBytes = 4 * 1024 * 1024;
/** What one sender may move of it: a socket takes some megabytes, and one call for all of them costs less than several. */
const shareBytes = 2 * 1024 * 1024;
/** What a turn may move beside small answers: some 50 to 100 us of work, which is what a small answer then waits. */
const pieceBytes = 128 * 1024;
/** A response of which no more is left is as quick as a small answer, and does not wait: 64 KiB and a head. */
export const smallBytes: number = 68 * 1024;
/** How long after a small answer turns stay short. */
const attentiveMs = 100;

/** See the file's head. One per loop. */
export class BulkQueue {
  #waiting: Array<() => void> = [];
  #next = 0;
  /** Those before it waited when the turn began: the others' time is a later turn. */
  #end = 0;
  #attentiveUntilMs = Number.NEGATIVE_INFINITY;
  #attentive = false;
  #running = false;
  #left = 0;

  /** True while somebody waits for a share. */
  get waiting(): boolean {
    return this.#next < this.#waiting.length;
  }

  /** A turn begins. */
  beginTurn(nowMs: number): void {
    this.#attentive = nowMs < this.#attentiveUntilMs;
    this.#left = this.#attentive ? pieceBytes : turnBytes;
    this.#end = this.#waiting.length;
  }

  /** A small answer leaves. */
  noteSmall(nowMs: number): void {
    this.#attentiveUntilMs = nowMs + attentiveMs;
  }

  /**
   * Bytes that a sender which has `wanted` to move may move in this turn. 0: it is not its time, and {@link wait} brings
   * it. More than `wanted` may be meant for further extents of the same connection.
   */
  share(wanted: number): number {
    if (wanted <= smallBytes) return smallBytes;
    if (this.#attentive) return this.#running ? Math.max(this.#left, 0) : 0;
    // Nobody goes before those who wait since an earlier turn.
    return this.#left <= 0 || (this.#next < this.#end && !this.#running) ? 0 : shareBytes;
  }

  /** Bytes of bulk were sent, or began to be read. */
  count(bytes: number): void {
    this.#left -= bytes;
  }

  /** Calls back when there may be a share: behind all who wait. */
  wait(work: () => void): void {
    this.#waiting.push(work);
  }

  /** Lets those who waited when the turn began go on, or as many of them as it has room for. */
  run(): void {
    this.#running = true;
    // Small bodies do not wait: however many they are, one of those who do goes on.
    if (this.#next < this.#end) this.#left = Math.max(this.#left, pieceBytes);
    try {
      while (this.#next < this.#end && this.#left > 0) this.#waiting[this.#next++]!();
    } finally {
      this.#running = false;
      if (this.#next * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#end -= this.#next;
        this.#next = 0;
      }
    }
  }
}
