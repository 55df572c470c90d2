// The serial line of a guest: bytes become lines for whoever watches. A guest that says very much is cut short, so that it fills nobody's disk.

const mostLine = 4096;

/** See the file's head. */
export class Serial {
  /** Lines that were not passed on. */
  dropped = 0;
  readonly #say: (line: string) => void;
  readonly #mostPerSecond: number;
  #line = '';
  #second = -1;
  #said = 0;

  constructor(say: (line: string) => void, mostPerSecond = 200) {
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
      this.#said = 0;
    }
    if (this.#said++ < this.#mostPerSecond) this.#say(this.#line);
    else this.dropped++;
    this.#line = '';
  }
}
