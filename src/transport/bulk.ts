// BulkQueue: who moves large bodies, and how much of them in a turn. One queue for all senders of a loop, first come first
// served. While nobody asks for anything small a turn is long, because that costs least; as soon as somebody does,
// bulk waits until the small answers of its turn have left, and then gets one piece of the turn.
// Not here: what is sent (file-pump.ts).

/** What a turn may move while only bulk is moved, shared out evenly, and the least that a share is. */
const turnBytes = 1024 * 1024;
const leastShareBytes = 512 * 1024;
/** What a turn may move beside small answers: some 50 to 100 us of work, which is what a small answer then waits. */
const pieceBytes = 128 * 1024;
/** An extent of which no more is left is as quick as a small answer, and does not wait. */
const smallBytes = 64 * 1024;
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
  /** Senders that asked for a share: in this turn, and in the last one. */
  #joined = 0;
  #joinedLastTurn = 0;

  /** True while somebody waits for a share. */
  get waiting(): boolean {
    return this.#next < this.#waiting.length;
  }

  /** A turn begins. */
  beginTurn(nowMs: number): void {
    this.#attentive = nowMs < this.#attentiveUntilMs;
    this.#joinedLastTurn = this.#joined;
    this.#joined = 0;
    this.#left = pieceBytes;
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
    if (this.#attentive) {
      if (wanted <= smallBytes) return smallBytes;
      return this.#running ? Math.max(this.#left, 0) : 0;
    }
    this.#joined++;
    return Math.max(leastShareBytes, Math.floor(turnBytes / Math.max(1, this.#joinedLastTurn)));
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
    try {
      while (this.#next < this.#end && (!this.#attentive || this.#left > 0)) this.#waiting[this.#next++]!();
    } finally {
      this.#running = false;
      if (this.#next * 2 > this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#next);
        this.#next = 0;
      }
    }
  }
}
