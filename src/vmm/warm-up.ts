// WarmUp: clients of our own, one after the other, which ask a guest some thousand times as soon as it is ready. V8 makes machine code only of what has run often, and takes it back
// where something comes that it has not seen: so these clients come, ask, let the thread sleep now and then, and go, as others will. The last one has the guest forget them, early where
// somebody waits, who is let in when it has gone. Not here: how it is known that somebody waits, and letting in (vm-service.ts).

import { Errno } from '../kernel/errno.js';
import { closeDescriptor, receive, send } from '../kernel/socket.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { Region } from '../memory/region.js';
import type { Protocol } from '../transport/connection.js';
import { Endpoint } from '../transport/endpoint.js';
import { Listener } from '../transport/listener.js';
import type { Loop } from '../transport/loop.js';
import { RestTimer } from './rest-timer.js';

/** What it says: lines that end with a line's end, each of which the guest answers with one line. */
export interface WarmUpWords {
  readonly first: string;
  readonly again: string;
  /** What has the guest forget all that was said. */
  readonly last: string;
}

/** Clients, and questions of each: with fewer V8 leaves parts of the way to its interpreter. */
const mostClients = 24;
const questionsEach = 250;
/** After so many questions the thread sleeps for a moment, in us, so that it is woken by the next one. */
const questionsAwake = 16;
const sleepUs = 50;
/** After so long, in ms, the client of now is the last one; after twice as long it is cut off, so that a guest that does not answer keeps nobody out. */
const mostMs = 5000;
const answerBytes = 4096;
const lineEnd = 10;
const none = -1;
const limits = { maxConnections: 1, minRate: 0, rateWindowMs: 20_000, backlogLimit: answerBytes };

function pairIfAny(): [number, number] | undefined {
  try {
    return unixStreamPair();
  } catch {
    return undefined;
  }
}

/** See the file's head. */
export class WarmUp<State> extends Endpoint {
  /** Of these clients alone: it listens to no sockets. */
  readonly listener: Listener<State>;
  readonly #loop: Loop;
  readonly #words: WarmUpWords;
  readonly #isAwaited: () => boolean;
  readonly #done: () => void;
  readonly #timer: RestTimer;
  readonly #stopTicks: () => void;
  readonly #memory = new Region(2 * answerBytes);
  readonly #begunMs = performance.now();
  /** Our end of the client of now; none: the last one has gone. */
  #fd = none;
  /** Sockets of the next client. */
  #next: [number, number] | undefined;
  #clients = 0;
  #asked = 0;
  /** What is awaited is the answer to the last words. */
  #isLast = false;
  #isOver = false;

  /**
   * Begins. @param isAwaited whether somebody else waits. @param done called once, when its last client has gone
   * @throws SystemError where there is no pair of sockets, or no timer
   */
  constructor(loop: Loop, protocol: Protocol<State>, words: WarmUpWords, isAwaited: () => boolean, done: () => void) {
    super();
    this.#loop = loop;
    this.#words = words;
    this.#isAwaited = isAwaited;
    this.#done = done;
    try {
      this.#next = unixStreamPair();
      this.#timer = new RestTimer(loop, () => this.#slept());
    } catch (error) {
      for (const fd of this.#next ?? []) closeDescriptor(fd);
      this.#memory.unmap();
      throw error;
    }
    this.listener = new Listener(loop, [], protocol, limits, '');
    this.#stopTicks = loop.everyTick(() => {
      if (this.#ageMs >= 2 * mostMs) this.close();
    });
    loop.register(this);
    this.#begin();
  }

  get #ageMs(): number {
    return performance.now() - this.#begunMs;
  }

  /** The next client. */
  #begin(): void {
    const [ours, theirs] = this.#next!;
    this.#next = undefined;
    this.#fd = ours;
    this.#asked = 0;
    this.#clients++;
    this.listener.adopt(theirs);
    this.#loop.engine.watch(this.token, ours);
    this.#ask(this.#words.first);
  }

  #ask(line: string): void {
    const { bytes, address } = this.#memory;
    const { written } = new TextEncoder().encodeInto(line, bytes);
    if (send(this.#fd, address, written, 0) !== written) this.#end();
  }

  override readable(result: number, more: boolean): void {
    // What is told of one that has gone, or of its end.
    if (this.#isOver || this.#fd === none || result === -Errno.ECANCELED) return;
    if (!more) this.#loop.engine.watch(this.token, this.#fd);
    const { bytes, address } = this.#memory;
    const length = receive(this.#fd, address + answerBytes, answerBytes);
    if (length === -Errno.EAGAIN) return;
    if (length <= 0) this.#end();
    else if (bytes[answerBytes + length - 1] === lineEnd) this.#answered();
  }

  #answered(): void {
    if (this.#isLast) {
      this.#end();
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

  /** It goes only where another one can come: the last one has something to say. */
  #hangUpOrAskLast(): void {
    if (this.#clients < mostClients) this.#next = pairIfAny();
    if (this.#next === undefined) {
      this.#askLast();
      return;
    }
    this.#letGo();
    this.#timer.set(sleepUs);
  }

  /** The thread has slept. */
  #slept(): void {
    if (this.#fd !== none) this.#ask(this.#words.again);
    else if (this.listener.connections === 0) this.#begin();
    else this.#timer.set(sleepUs);
  }

  /** Its last client goes as the others did: the guest has its place free before it hears of anybody else. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#timer.close();
    if (this.#fd !== none) this.#letGo();
    for (const fd of this.#next ?? []) this.#loop.engine.closeSocket(fd);
    this.#memory.unmap();
    this.listener.drain(() => {
      this.#stopTicks();
      this.#done();
    });
  }

  /** Ends at once, whether it is done or not. */
  close(): void {
    this.#end();
    this.listener.abortAll();
  }
}
