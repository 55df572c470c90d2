// Shares: how much of a response may leave by now, where it is held to a rate. It leaves in equal shares, none of more than the rate gives
// in a second, the first at once and one each second: what is as long takes as long, to the millisecond, and a share costs a wake-up,
// not each packet. Not here: sending (list-pump.ts), the rate (serve/pacing.ts).

/**
 * Between two shares. The kernel needs some 30 us for a share and 0.1 us for each KB of it (sendfile on loopback, hundreds of idle
 * sockets): a longer step costs less. It is no matter for how evenly responses end. It is one for how much leaves at once.
 */
const stepMs = 1000;

/** Of one response. */
export class Shares {
  /** Bytes of the present share that are still to leave; Infinity of the last one. */
  left = Number.POSITIVE_INFINITY;
  /** When the next share may leave. */
  dueMs = 0;
  #each = 0;
  #count = 1;
  #begun = 1;
  #sent = 0;

  /** A response of so many bytes begins. @param rate bytes a second; 0: all of it may leave at once. */
  begin(rate: number, bytes: number, nowMs: number): void {
    this.#count = rate === 0 ? 1 : Math.ceil(bytes / ((rate * stepMs) / 1000));
    this.#each = bytes / this.#count;
    this.#begun = 0;
    this.#sent = 0;
    this.dueMs = nowMs;
    this.next();
  }

  /** Bytes left. */
  count(bytes: number): void {
    this.#sent += bytes;
    this.left -= bytes;
  }

  /** Begins the next share; more than its bytes may have left already. */
  next(): void {
    this.#begun++;
    this.dueMs += stepMs;
    const end = this.#begun < this.#count ? Math.ceil(this.#begun * this.#each) : Number.POSITIVE_INFINITY;
    this.left = Math.max(1, end - this.#sent);
  }
}
