// WarmUp: a client of our own, which asks a guest some hundred times as soon as it is ready: V8 makes machine code only of what has run often, and the first clients would wait for code that
// is interpreted: each answer after a rest took half as long again. It ends early where somebody else comes, and has the guest forget it.

import { closeDescriptor, receive, send } from '../kernel/socket.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { Region } from '../memory/region.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Listener } from '../transport/listener.js';

/** What it says: lines that end with a line's end, each of which the guest answers with one line. */
export interface WarmUpWords {
  readonly first: string;
  readonly again: string;
  readonly last: string;
}

/** Questions: after some hundred V8 has made machine code of the whole way. */
const mostQuestions = 600;
const answerBytes = 4096;
const lineEnd = 10;

/** See the file's head. */
export class WarmUp<State> extends Endpoint {
  readonly #listener: Listener<State>;
  readonly #words: WarmUpWords;
  readonly #fd: number;
  readonly #memory = new Region(2 * answerBytes);
  #asked = 0;
  #isLast = false;
  #isOver = false;

  /** Begins. @throws SystemError where there is no pair of sockets */
  constructor(listener: Listener<State>, words: WarmUpWords) {
    super();
    this.#listener = listener;
    this.#words = words;
    const [ours, theirs] = unixStreamPair();
    this.#fd = ours;
    listener.adopt(theirs);
    const { loop } = listener;
    loop.register(this);
    loop.engine.watch(this.token, ours);
    this.#ask(words.first);
  }

  #ask(line: string): void {
    const { bytes, address } = this.#memory;
    const { written } = new TextEncoder().encodeInto(line, bytes);
    if (send(this.#fd, address, written, 0) !== written) this.close();
  }

  override readable(_result: number, more: boolean): void {
    if (this.#isOver) return;
    const { loop } = this.#listener;
    if (!more) loop.engine.watch(this.token, this.#fd);
    const { bytes, address } = this.#memory;
    const length = receive(this.#fd, address + answerBytes, answerBytes);
    if (length <= 0) this.close();
    else if (bytes[answerBytes + length - 1] === lineEnd) this.#answered();
  }

  #answered(): void {
    if (this.#isLast) this.close();
    else if (++this.#asked < mostQuestions && this.#listener.connections <= 1) this.#ask(this.#words.again);
    else {
      this.#isLast = true;
      this.#ask(this.#words.last);
    }
  }

  /** Hangs up, whether it is done or not. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.loop.engine.cancel(this.token, this.#fd, true);
    closeDescriptor(this.#fd);
    this.#memory.unmap();
  }
}
