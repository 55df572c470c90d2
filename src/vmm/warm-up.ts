// WarmUp: clients of our own, one after the other, which ask a guest some thousand times as soon as it is ready. V8 makes machine code only of what has run often, and takes it back
// where something comes that it has not seen: so these clients come, ask, let the thread sleep now and then, and go, as others will. It ends early where somebody else comes,
// and has the guest forget it.

import { Errno } from '../kernel/errno.js';
import { receive, send } from '../kernel/socket.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { Region } from '../memory/region.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Listener } from '../transport/listener.js';
import { RestTimer } from './rest-timer.js';

/** What it says: lines that end with a line's end, each of which the guest answers with one line. */
export interface WarmUpWords {
  readonly first: string;
  readonly again: string;
  readonly last: string;
}

/** Clients, and questions of each: with fewer V8 leaves parts of the way to its interpreter. */
const mostClients = 24;
const questionsEach = 250;
/** After so many questions the thread sleeps for a moment, in us, so that it is woken by the next one. */
const questionsAwake = 16;
const sleepUs = 50;
/** Times that it looks, after a sleep each, whether its last client is gone; whoever is there after that is somebody else. */
const mostLooks = 200;
const answerBytes = 4096;
const lineEnd = 10;
const none = -1;

/** See the file's head. */
export class WarmUp<State> extends Endpoint {
  readonly #listener: Listener<State>;
  readonly #words: WarmUpWords;
  readonly #timer: RestTimer;
  readonly #memory = new Region(2 * answerBytes);
  /** Our end of the client of now; none: the last one has gone. */
  #fd = none;
  #clients = 0;
  #asked = 0;
  #looks = 0;
  /** What is awaited is the answer to the last words. */
  #isLast = false;
  #isOver = false;

  /** Begins. @throws SystemError where there is no pair of sockets */
  constructor(listener: Listener<State>, words: WarmUpWords) {
    super();
    this.#listener = listener;
    this.#words = words;
    this.#timer = new RestTimer(listener.loop, () => this.#slept());
    listener.loop.register(this);
    this.#begin();
  }

  /** The next client. */
  #begin(): void {
    const [ours, theirs] = unixStreamPair();
    this.#fd = ours;
    this.#asked = 0;
    this.#clients++;
    this.#listener.adopt(theirs);
    this.#listener.loop.engine.watch(this.token, ours);
    this.#ask(this.#words.first);
  }

  #ask(line: string): void {
    const { bytes, address } = this.#memory;
    const { written } = new TextEncoder().encodeInto(line, bytes);
    if (send(this.#fd, address, written, 0) !== written) this.close();
  }

  override readable(result: number, more: boolean): void {
    // What is told of one that has gone, or of its end.
    if (this.#isOver || this.#fd === none || result === -Errno.ECANCELED) return;
    if (!more) this.#listener.loop.engine.watch(this.token, this.#fd);
    const { bytes, address } = this.#memory;
    const length = receive(this.#fd, address + answerBytes, answerBytes);
    if (length === -Errno.EAGAIN) return;
    if (length <= 0) this.close();
    else if (bytes[answerBytes + length - 1] === lineEnd) this.#answered();
  }

  #answered(): void {
    if (this.#isLast) {
      this.close();
      return;
    }
    this.#asked++;
    if (this.#listener.connections > 1) this.#askLast();
    else if (this.#asked >= questionsEach) {
      if (this.#clients >= mostClients) this.#askLast();
      else this.#hangUp();
    } else if (this.#asked % questionsAwake === 0) this.#timer.set(sleepUs);
    else this.#ask(this.#words.again);
  }

  #askLast(): void {
    this.#isLast = true;
    this.#ask(this.#words.last);
  }

  #letGo(): void {
    const { engine } = this.#listener.loop;
    engine.cancel(this.token, this.#fd);
    // What watches a socket keeps it open, so that its peer does not see the end.
    engine.flush();
    engine.closeSocket(this.#fd);
    this.#fd = none;
  }

  #hangUp(): void {
    this.#letGo();
    this.#looks = 0;
    this.#timer.set(sleepUs);
  }

  /** The thread has slept. */
  #slept(): void {
    if (this.#isOver) return;
    if (this.#fd !== none) this.#ask(this.#words.again);
    else if (this.#listener.connections === 0 || ++this.#looks > mostLooks) this.#beginOrEnd();
    else this.#timer.set(sleepUs);
  }

  /** Where there are no descriptors any more, what is warm has to do. */
  #beginOrEnd(): void {
    try {
      this.#begin();
    } catch {
      this.close();
    }
  }

  /** Hangs up, whether it is done or not. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.close();
    if (this.#fd !== none) this.#letGo();
    this.#memory.unmap();
  }
}
