// WarmUp: clients of our own, one after the other, which ask a server some thousand times as soon as it is ready. V8 makes machine code only of what has run often, and takes it back
// where something comes that it has not seen: so these clients come, ask, let the thread sleep now and then, and go, as others will. The last one has the server forget them, early where
// somebody waits, who is let in when it has gone. Not here: how it is known that somebody waits, and letting in (warm-listener.ts).

import { Errno } from '../kernel/errno.js';
import { receive, send } from '../kernel/socket.js';
import { check, SystemError } from '../kernel/system-error.js';
import { Region } from '../memory/region.js';
import { Endpoint } from './endpoint.js';
import type { Listener } from './listener.js';
import type { Loop } from './loop.js';
import { OwnDoor } from './own-door.js';
import { RestTimer } from './rest-timer.js';

/** What it says: questions, each of which is answered with one line. */
export interface WarmUpWords {
  readonly first: string;
  readonly again: string;
  /** What has the server forget all that was said. */
  readonly last: string;
}

/** Clients, and questions of each: with fewer V8 leaves parts of the way to its interpreter. */
const mostClients = 24;
const questionsEach = 250;
/** After so many questions the thread sleeps for a moment, in us, so that it is woken by the next one. */
const questionsAwake = 16;
const sleepUs = 50;
/** After so long, in ms, the client of now is the last one; after twice as long it is cut off, so that a server that does not answer keeps nobody out. */
const mostMs = 5000;
const answerBytes = 4096;
const lineEnd = 10;
const none = -1;

/** See the file's head. */
export class WarmUp<State> extends Endpoint {
  readonly #loop: Loop;
  readonly #listener: Listener<State>;
  readonly #words: WarmUpWords;
  readonly #isAwaited: () => boolean;
  readonly #done: () => void;
  readonly #door: OwnDoor;
  readonly #timer: RestTimer;
  readonly #stopTicks: () => void;
  readonly #memory = new Region(2 * answerBytes);
  readonly #begunMs = performance.now();
  /** Our end of the client of now; none: it has gone. */
  #fd = none;
  #clients = 0;
  #asked = 0;
  /** What is awaited is the answer to the last words. */
  #isLast = false;
  /** No client comes any more. */
  #isLeaving = false;
  #isOver = false;

  /**
   * Begins. @param listener that has no other clients until then. @param isAwaited whether somebody else waits. @param done called once, when its last client has gone
   * @throws SystemError where there is no socket for it, or no timer
   */
  constructor(loop: Loop, listener: Listener<State>, words: WarmUpWords, isAwaited: () => boolean, done: () => void) {
    super();
    this.#loop = loop;
    this.#listener = listener;
    this.#words = words;
    this.#isAwaited = isAwaited;
    this.#done = done;
    let door: OwnDoor | undefined;
    try {
      this.#door = door = new OwnDoor(loop, (result) => this.#accepted(result));
      this.#timer = new RestTimer(loop, () => this.#slept());
    } catch (error) {
      door?.close();
      this.#memory.unmap();
      throw error;
    }
    this.#stopTicks = loop.everyTick(() => {
      if (this.#ageMs < 2 * mostMs) return;
      this.#leave();
      listener.abortAll();
    });
    loop.register(this);
    this.#begin();
  }

  get #ageMs(): number {
    return performance.now() - this.#begunMs;
  }

  /** The next client. */
  #begin(): void {
    try {
      this.#fd = check(this.#door.connect(), 'connect');
      this.#loop.engine.watch(this.token, this.#fd);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#leave();
      return;
    }
    this.#asked = 0;
    this.#clients++;
    this.#ask(this.#words.first);
  }

  #accepted(result: number): void {
    if (result < 0) this.#leave();
    else this.#listener.adopt(result);
  }

  #ask(line: string): void {
    const { bytes, address } = this.#memory;
    const { written } = new TextEncoder().encodeInto(line, bytes);
    if (send(this.#fd, address, written, 0) !== written) this.#leave();
  }

  override readable(result: number, more: boolean): void {
    // What is told of one that has gone, or of its end.
    if (this.#isOver || this.#fd === none || result === -Errno.ECANCELED) return;
    if (!more) this.#loop.engine.watch(this.token, this.#fd);
    const { bytes, address } = this.#memory;
    const length = receive(this.#fd, address + answerBytes, answerBytes);
    if (length === -Errno.EAGAIN) return;
    if (length <= 0) this.#leave();
    else if (bytes[answerBytes + length - 1] === lineEnd) this.#answered();
  }

  #answered(): void {
    if (this.#isLast) {
      this.#leave();
      return;
    }
    this.#asked++;
    if (this.#isAwaited() || this.#ageMs >= mostMs) this.#askLast();
    else if (this.#asked >= questionsEach) this.#hangUpOrAskLast();
    else if (this.#asked % questionsAwake === 0) this.#timer.set(sleepUs);
    else this.#ask(this.#words.again);
  }

  #askLast(): void {
    this.#isLast = true;
    this.#ask(this.#words.last);
  }

  #letGo(): void {
    const { engine } = this.#loop;
    engine.cancel(this.token, this.#fd);
    // What watches a socket keeps it open, so that its peer does not see the end.
    engine.flush();
    engine.closeSocket(this.#fd);
    this.#fd = none;
  }

  #hangUpOrAskLast(): void {
    if (this.#clients >= mostClients) {
      this.#askLast();
      return;
    }
    this.#letGo();
    this.#timer.set(sleepUs);
  }

  /** The thread has slept. The next client comes, or others are let in, when the one before has gone: the server has its place free by then. */
  #slept(): void {
    if (this.#fd !== none) this.#ask(this.#words.again);
    else if (this.#listener.connections > 0) this.#timer.set(sleepUs);
    else if (this.#isLeaving) {
      this.close();
      this.#done();
    } else this.#begin();
  }

  /** The client of now is the last one, and goes as the others did. */
  #leave(): void {
    if (this.#isLeaving || this.#isOver) return;
    this.#isLeaving = true;
    if (this.#fd !== none) this.#letGo();
    this.#timer.set(sleepUs);
  }

  /** Ends at once, whether it is done or not; nobody is told. */
  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#stopTicks();
    this.#timer.close();
    this.#door.close();
    if (this.#fd !== none) this.#letGo();
    this.#memory.unmap();
  }
}
