// The serial line of a guest: bytes become lines for whoever watches. A guest that says very much is cut short, so that it fills nobody's disk.

/** With a name before it a line is no longer than what a pipe that has room at all takes whole (pipe(7), PIPE_BUF: 4096 bytes). */
const mostLine = 4000;

/** Bytes of lines that are passed on in a second: 200 lines of a usual length. Lines alone would let a guest fill a disk with long ones. */
const mostBytesPerSecond = 16_000;

/** See the file's head. */
export class Serial {
  /** Lines that were not passed on. */
  dropped = 0;
  readonly #say: (line: string) => boolean;
  readonly #mostPerSecond: number;
  #line = '';
  #second = -1;
  #said = 0;
  #saidBytes = 0;

  /** @param say says a line. False: nobody took it */
  constructor(say: (line: string) => boolean, mostPerSecond = 200) {
    this.#say = say;
    this.#mostPerSecond = mostPerSecond;
  }

  /** Takes a byte that the guest wrote. What is no letter is shown as one. */
  put(byte: number): void {
    if (byte === 10 || this.#line.length >= mostLine) this.flush();
    if (byte === 10 || byte === 13) return;
    this.#line += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : byte === 9 ? ' ' : '?';
  }

  /** Passes on what there is of a line. */
  flush(): void {
    if (this.#line === '') return;
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#said = this.#saidBytes = 0;
    }
    const line = this.#line;
    this.#line = '';
    const isTooMuch = this.#said >= this.#mostPerSecond || this.#saidBytes + line.length > mostBytesPerSecond;
    if (isTooMuch || !this.#say(line)) {
      this.dropped++;
      return;
    }
    this.#said++;
    this.#saidBytes += line.length;
  }
}
