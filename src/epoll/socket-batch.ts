// SocketBatch: reads of many sockets, or sends to them, that are made together: by one system call (kernel/io-list.ts) or by one crossing
// into C (kernel/call-list.ts), whichever is cheaper on this host. Not here: which sockets, and what is done with what came (engine.ts).

import { argumentWord, CallList, callWords, resultWord } from '../kernel/call-list.js';
import { monotonicMs } from '../kernel/clock.js';
import { MSG } from '../kernel/constants.js';
import { IoCall, IoList } from '../kernel/io-list.js';
import { MAP, mapMemory, PROT, unmapMemory } from '../kernel/memory.js';
import { sys } from '../kernel/numbers.js';
import { closeDescriptor } from '../kernel/socket.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { setWord64 } from '../kernel/words.js';

export { IoCall };

/** Calls of a batch: a few tens gain what there is to gain, and the first answer of a turn waits for no more of them. */
const batchCalls = 32;

/** What makes the calls. */
interface Calls {
  /** Whether a call may have these flags of send(2). */
  takes(flags: number): boolean;
  /** Writes a call; those of a {@link run} in order, from 0 on. */
  set(index: number, fd: number, address: number, length: number, flags: number): void;
  run(count: number): void;
  /** What a call gave: bytes, or -errno. A call takes 2 GiB at most, so that one word holds it. */
  result(index: number): number;
  close(): void;
}

const fdWord = argumentWord(0);
const addressWord = argumentWord(1);
const lengthWord = argumentWord(2);
const flagsWord = argumentWord(3);

/** By one crossing into C: a system call each. */
class ListedCalls implements Calls {
  readonly #list: CallList;
  readonly #flags: number;

  constructor(list: CallList, kind: number) {
    this.#list = list;
    this.#flags = kind === IoCall.write ? MSG.NOSIGNAL : 0;
    const number = kind === IoCall.write ? sys.sendto : sys.recvfrom;
    for (let at = 0; at < batchCalls * callWords; at += callWords) list.words[at] = number;
  }

  takes(): boolean {
    return true;
  }

  set(index: number, fd: number, address: number, length: number, flags: number): void {
    const { words } = this.#list;
    const at = index * callWords;
    words[at + fdWord] = fd;
    setWord64(words, at + addressWord, address);
    setWord64(words, at + lengthWord, length);
    words[at + flagsWord] = flags | this.#flags;
  }

  run(count: number): void {
    this.#list.run(count);
  }

  result(index: number): number {
    return this.#list.words[index * callWords + resultWord]!;
  }

  close(): void {
    this.#list.close();
  }
}

/** By one system call, which has no flags; those that have some by one crossing into C, where there is that. */
class SubmittedCalls implements Calls {
  readonly #list: IoList;
  readonly #flagged: Calls | undefined;
  #plainCount = 0;
  #flaggedCount = 0;
  /** The place of each call in its list; of one with flags the complement of that. */
  readonly #places = new Int32Array(batchCalls);

  constructor(list: IoList, flagged: Calls | undefined) {
    this.#list = list;
    this.#flagged = flagged;
  }

  takes(flags: number): boolean {
    return flags === 0 || this.#flagged !== undefined;
  }

  set(index: number, fd: number, address: number, length: number, flags: number): void {
    if (flags === 0) {
      this.#places[index] = this.#plainCount;
      this.#list.set(this.#plainCount++, fd, address, length);
    } else {
      this.#places[index] = ~this.#flaggedCount;
      this.#flagged!.set(this.#flaggedCount++, fd, address, length, flags);
    }
  }

  run(): void {
    if (this.#plainCount > 0) this.#list.run(this.#plainCount);
    if (this.#flaggedCount > 0) this.#flagged!.run(this.#flaggedCount);
    this.#plainCount = 0;
    this.#flaggedCount = 0;
  }

  result(index: number): number {
    const place = this.#places[index]!;
    return place < 0 ? this.#flagged!.result(~place) : this.#list.results[place]!;
  }

  close(): void {
    this.#list.close();
    this.#flagged?.close();
  }
}

function openListed(kind: number): Calls | undefined {
  const list = CallList.open(batchCalls);
  return list === undefined ? undefined : new ListedCalls(list, kind);
}

function openSubmitted(kind: number): Calls | undefined {
  const list = IoList.open(batchCalls, kind);
  return list === undefined
    ? undefined
    : new SubmittedCalls(list, kind === IoCall.write ? openListed(kind) : undefined);
}

/** So often each form is tried; the quickest of its runs counts. */
const trials = 6;

/** Whether the second form makes reads of an empty socket, which is all that a call costs beside its work, in less time than the first. */
function isQuicker(first: Calls, second: Calls): boolean {
  const forms = [first, second];
  const best = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  const memory = mapMemory(64, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
  let pair: readonly number[] = [];
  try {
    pair = unixStreamPair();
    for (let trial = 0; trial < trials; trial++) {
      for (const [form, each] of forms.entries()) {
        for (let index = 0; index < batchCalls; index++) each.set(index, pair[0]!, memory.address, 64, 0);
        const before = monotonicMs();
        each.run(batchCalls);
        best[form] = Math.min(best[form]!, monotonicMs() - before);
      }
    }
  } finally {
    for (const fd of pair) closeDescriptor(fd);
    unmapMemory(memory);
  }
  return best[1]! < best[0]!;
}

/** Whether io_submit is preferred: what the kernel spends on a call in it is more than entering it costs on some hosts, and far less on others. */
function triesSubmitting(): boolean {
  const listed = openListed(IoCall.read);
  if (listed === undefined) return true;
  const submitted = openSubmitted(IoCall.read);
  try {
    return submitted !== undefined && isQuicker(listed, submitted);
  } catch {
    // No descriptors for a trial.
    return false;
  } finally {
    listed.close();
    submitted?.close();
  }
}

/** Found once a thread. */
let prefersSubmitting: boolean | undefined;

/** How the calls of a batch are made: by one crossing into C, or by one system call. */
export type BatchForm = 'listed' | 'submitted';

/** A form that is asked for; else the cheaper one, or the one that this host has. */
function openCalls(kind: number, form: BatchForm | undefined): Calls | undefined {
  if (form !== undefined) return form === 'listed' ? openListed(kind) : openSubmitted(kind);
  prefersSubmitting ??= triesSubmitting();
  return prefersSubmitting ? (openSubmitted(kind) ?? openListed(kind)) : (openListed(kind) ?? openSubmitted(kind));
}

/** See the file's head. */
export class SocketBatch {
  /** Calls that were added since {@link run}. */
  count = 0;
  /** Descriptor and generation of the {@link Interest} of each call, and its frame. */
  readonly fds = new Int32Array(batchCalls);
  readonly generations = new Int32Array(batchCalls);
  readonly frames = new Int32Array(batchCalls);
  readonly #calls: Calls;

  private constructor(calls: Calls) {
    this.#calls = calls;
  }

  /** A batch of one kind ({@link IoCall}). Undefined where there are no lists of calls. @param form the cheaper one where it is left out */
  static open(kind: number, form?: BatchForm): SocketBatch | undefined {
    const calls = openCalls(kind, form);
    return calls === undefined ? undefined : new SocketBatch(calls);
  }

  /** Whether nothing may be added before {@link run}. */
  get isFull(): boolean {
    return this.count === batchCalls;
  }

  /** Whether a send with these flags can be among the others. */
  takes(flags: number): boolean {
    return this.#calls.takes(flags);
  }

  /** Adds a call. @param generation of the interest that it is for. @param frame what it reads into; -1 for none */
  add(fd: number, generation: number, frame: number, address: number, length: number, flags: number): void {
    const index = this.count++;
    this.fds[index] = fd;
    this.generations[index] = generation;
    this.frames[index] = frame;
    this.#calls.set(index, fd, address, length, flags);
  }

  /** Makes the calls, and begins anew. Returns how many there were; {@link result} says what each gave. */
  run(): number {
    const { count } = this;
    this.count = 0;
    this.#calls.run(count);
    return count;
  }

  /** What a call of the last {@link run} gave: bytes, or -errno. */
  result(index: number): number {
    return this.#calls.result(index);
  }

  /** Gives its memory back. */
  close(): void {
    this.#calls.close();
  }
}

/** A batch that is opened when it is asked for the first time; where there is none on this host it is looked for once. */
export class LateBatch {
  /** The batch; undefined where there is none, and before it was asked for. */
  opened: SocketBatch | undefined;
  #isAsked = false;
  readonly #kind: number;
  readonly #form: BatchForm | undefined;

  /** @param kind {@link IoCall} @param form how calls are made together; the cheaper one where it is left out */
  constructor(kind: number, form: BatchForm | undefined) {
    this.#kind = kind;
    this.#form = form;
  }

  /** The batch, if there can be one. */
  open(): SocketBatch | undefined {
    if (!this.#isAsked) this.opened = SocketBatch.open(this.#kind, this.#form);
    this.#isAsked = true;
    return this.opened;
  }

  /** Gives its memory back. */
  close(): void {
    this.opened?.close();
  }
}
