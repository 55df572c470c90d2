// SocketBatch: reads of many sockets, or sends to them, that are made by one list of calls. Not here: which sockets, and what is done
// with what came (engine.ts).

import { argumentWord, CallList, callWords, resultWord } from '../kernel/call-list.js';

/** Calls of a list: a few tens gain what there is to gain, and the first answer of a turn waits for no more of them. */
const batchCalls = 32;

const fdWord = argumentWord(0);
const addressWord = argumentWord(1);
const lengthWord = argumentWord(2);
const flagsWord = argumentWord(3);

/** See the file's head. */
export class SocketBatch {
  /** Calls that were added since {@link run}. */
  count = 0;
  /** Descriptor and generation of the {@link Interest} of each call, and its frame. */
  readonly fds = new Int32Array(batchCalls);
  readonly generations = new Int32Array(batchCalls);
  readonly frames = new Int32Array(batchCalls);
  readonly #list: CallList;

  private constructor(list: CallList, number: number) {
    this.#list = list;
    for (let at = 0; at < batchCalls * callWords; at += callWords) list.words[at] = number;
  }

  /** A batch of one system call: recvfrom or sendto. Undefined where there are no lists of calls. */
  static open(number: number): SocketBatch | undefined {
    const list = CallList.open(batchCalls);
    return list === undefined ? undefined : new SocketBatch(list, number);
  }

  /** Whether nothing may be added before {@link run}. */
  get isFull(): boolean {
    return this.count === batchCalls;
  }

  /** Adds a call. @param generation of the interest that it is for. @param frame what it reads into; -1 for none */
  add(fd: number, generation: number, frame: number, address: number, length: number, flags: number): void {
    const index = this.count++;
    this.fds[index] = fd;
    this.generations[index] = generation;
    this.frames[index] = frame;
    const { words } = this.#list;
    const at = index * callWords;
    words[at + fdWord] = fd;
    words[at + addressWord] = address | 0;
    words[at + addressWord + 1] = Math.floor(address / 0x1_0000_0000);
    words[at + lengthWord] = length | 0;
    words[at + lengthWord + 1] = Math.floor(length / 0x1_0000_0000);
    words[at + flagsWord] = flags;
  }

  /** Makes the calls, and begins anew. Returns how many there were; {@link result} says what each gave. */
  run(): number {
    const { count } = this;
    this.count = 0;
    this.#list.run(count);
    return count;
  }

  /** What a call gave: bytes, or -errno. A call takes 2 GiB at most, so that one word holds it. */
  result(index: number): number {
    return this.#list.words[index * callWords + resultWord]!;
  }

  /** Gives its memory back. */
  close(): void {
    this.#list.close();
  }
}
