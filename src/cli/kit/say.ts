// What a command says on a standard stream while its main thread serves: a reader who stands still (a pipe that nobody reads, a terminal that is
// stopped) must hold up neither what is served nor the end. What it does not take waits, up to a bound. Not here: how that is written (kernel/text-output.ts).

import { Errno } from '../../kernel/errno.js';
import { platformIsLinux } from '../../kernel/ffi.js';
import { TextOutput } from '../../kernel/text-output.js';

type StreamName = 'stdout' | 'stderr';

/** A character of UTF-16 has up to three bytes in UTF-8: no more than a text may have. */
const pieceCharacters = 1024;
/** Characters that wait at most: whoever does not read for so long is told how much is missing. */
const mostWaiting = 64 * 1024;
const retryMs = 250;

/** A standard stream. */
class Saying {
  readonly #name: StreamName;
  /** Undefined: Node's own is used. */
  readonly #output: TextOutput | undefined;
  /** What nobody took yet, and how many lines were left out behind it. */
  #waiting = '';
  #leftOut = 0;
  #isTryingLater = false;

  constructor(name: StreamName) {
    this.#name = name;
    this.#output = outputOf(name);
  }

  /** Says it as soon as it is taken. */
  say(text: string): void {
    const isBehind = this.#waiting !== '';
    if (isBehind && this.#waiting.length + text.length > mostWaiting) {
      this.#leftOut += linesOf(text);
      return;
    }
    this.#waiting += this.#missing() + text;
    if (!isBehind) this.#sayWaiting();
  }

  /** Says it if nothing else waits. */
  show(text: string): void {
    if (this.#waiting === '') this.say(text);
  }

  /** What is said of what was left out; it counts as said. */
  #missing(): string {
    const count = this.#leftOut;
    this.#leftOut = 0;
    if (count === 0) return '';
    return count === 1 ? '(1 line is left out here)\n' : `(${count} lines are left out here)\n`;
  }

  #sayWaiting(): void {
    for (; this.#waiting !== ''; this.#waiting ||= this.#missing()) {
      const text = this.#waiting;
      // A character of two units stays whole.
      const isCut = text.codePointAt(pieceCharacters - 1)! > 0xffff;
      const length = isCut ? pieceCharacters - 1 : pieceCharacters;
      const piece = text.slice(0, length);
      const result = this.#output?.put(piece);
      if (result === -Errno.EAGAIN) break;
      this.#waiting = text.slice(length);
      // Why it cannot be written at all is Node's to tell.
      if (result !== 0) process[this.#name].write(piece);
    }
    // Of the last piece a part may have been taken.
    if (this.#isTryingLater || (this.#output?.flush() !== -Errno.EAGAIN && this.#waiting === '')) return;
    this.#isTryingLater = true;
    setTimeout(() => {
      this.#isTryingLater = false;
      this.#sayWaiting();
    }, retryMs).unref();
  }
}

function outputOf(name: StreamName): TextOutput | undefined {
  try {
    return platformIsLinux ? new TextOutput(name === 'stdout' ? 1 : 2) : undefined;
  } catch {
    // It is closed, or memory is short.
    return undefined;
  }
}

const linesOf = (text: string): number => text.split('\n').length - (text.endsWith('\n') ? 1 : 0);

const streams: { [Name in StreamName]?: Saying } = {};

function streamOf(name: StreamName): Saying {
  const stream = streams[name] ?? new Saying(name);
  streams[name] = stream;
  return stream;
}

/** Says it as soon as it is taken without waiting, piece by piece and in order, and at once where it can be. What nobody took by the end is lost. */
export function sayWhenTaken(stream: StreamName, text: string): void {
  streamOf(stream).say(text);
}

/** Shows what will be out of date soon, a live screen, on standard output: nothing where its reader has not taken what was said before. */
export function showIfTaken(text: string): void {
  streamOf('stdout').show(text);
}
