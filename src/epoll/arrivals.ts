// Arrivals: connections that wait on a listening socket are taken together, and then handed out: where many come, by one crossing into C
// (kernel/call-list.ts), so that what they begin with runs in a row and not between calls of the kernel. Not here: when (engine.ts).

import type { EngineEvents } from '../engine/engine.js';
import { argumentWord, CallList, callWords, resultWord } from '../kernel/call-list.js';
import { SOCK } from '../kernel/constants.js';
import { sys } from '../kernel/numbers.js';
import { acceptNonBlocking, closeDescriptor } from '../kernel/socket.js';

/** Connections that are taken before the first of them is handed out. */
const mostTogether = 32;
/** So many that came together are the reason for a list of calls. */
const many = 4;

/** See the file's head. */
export class Arrivals {
  /** What the last call of {@link take} gave where it was no connection: -errno; else 0. */
  trouble = 0;
  readonly #fds = new Int32Array(mostTogether);
  #count = 0;
  #handed = 0;
  #token = -1;
  /** Made when many came together; undefined as well where there is none. */
  #list: CallList | undefined;
  #isListAsked = false;

  /** Some that were taken were not handed out yet. */
  get waiting(): boolean {
    return this.#count > 0;
  }

  /**
   * Takes connections of a listening socket that does not block, `most` at most, until there is none. They wait for {@link handOut}.
   * Returns how many calls were made.
   */
  take(fd: number, token: number, most: number): number {
    this.#token = token;
    const calls = Math.min(most, mostTogether);
    const made = this.#list === undefined ? this.#takeOneByOne(fd, calls) : this.#takeListed(this.#list, fd, calls);
    if (this.#count >= many && !this.#isListAsked) {
      this.#isListAsked = true;
      this.#list = openAccepts();
    }
    return made;
  }

  #takeOneByOne(fd: number, calls: number): number {
    this.trouble = 0;
    let made = 0;
    while (made < calls && this.trouble === 0) {
      this.#add(acceptNonBlocking(fd));
      made++;
    }
    return made;
  }

  #takeListed(list: CallList, fd: number, calls: number): number {
    this.trouble = 0;
    const { words } = list;
    for (let index = 0; index < calls; index++) words[index * callWords + argumentWord(0)] = fd;
    const made = list.run(calls);
    for (let index = 0; index < made; index++) this.#add(words[index * callWords + resultWord]!);
    return made;
  }

  #add(result: number): void {
    if (result < 0) this.trouble = result;
    else this.#fds[this.#count++] = result;
  }

  /** Hands out what was taken; where a handler throws, what is behind it waits for the next time. */
  handOut(events: EngineEvents): void {
    while (this.#handed < this.#count) events.accepted(this.#token, this.#fds[this.#handed++]!, true);
    this.#count = this.#handed = 0;
  }

  /** Closes what was not handed out, which nobody else can: the peers would wait for ever. Gives its memory back. */
  close(): void {
    while (this.#handed < this.#count) closeDescriptor(this.#fds[this.#handed++]!);
    this.#list?.close();
  }
}

/** Calls that accept, up to the first that gives no connection. */
function openAccepts(): CallList | undefined {
  const list = CallList.open(mostTogether, true);
  for (let index = 0; list !== undefined && index < mostTogether; index++) {
    const at = index * callWords;
    list.words[at] = sys.accept4;
    list.words[at + argumentWord(3)] = SOCK.NONBLOCK | SOCK.CLOEXEC;
  }
  return list;
}
