// Kicks: another thread has a processor's thread leave the guest. KVM_RUN ends with EINTR when a signal comes for which the process has a handler, or at once when the
// run area says so; between the two no kick is lost. Not here: why somebody kicks (cli/kit/run-vm.ts).

import { viewMemory } from '../kernel/ffi.js';
import { signalThread, threadNumber } from '../kernel/thread.js';
import { fromWords, highWord, lowWord } from '../kernel/words.js';
import type { Machine } from './machine.js';

/** The signal: by default it does nothing to a process, so that one that comes late harms nobody. */
const signalName = 'SIGURG';
const signalNumber = 23;
/** Where the run area says that KVM_RUN is to end at once (struct kvm_run, immediate_exit). */
const immediateExit = 1;

/**
 * What both threads share: the thread's number (0: it is gone; below 0: a kick is under way), kicks so far, the run area's address as two words, and how often the guest was
 * entered and left: odd while it is in there.
 */
const Word = { thread: 0, kicks: 1, low: 2, high: 3, turns: 4 } as const;
const words = 5;
/** Bytes of it. */
const kickBytes = 4 * words;

/** The processor's side. */
export class Kicked {
  readonly #words: Int32Array;
  readonly #run: Uint8Array;
  #seen = 0;

  /** @param shared shared memory, which the other thread's {@link Kicker} has as well */
  constructor(shared: SharedArrayBuffer, machine: Machine) {
    this.#words = new Int32Array(shared, 0, words);
    this.#run = new Uint8Array(machine.run.buffer);
    const address = machine.runAddress;
    Atomics.store(this.#words, Word.low, lowWord(address));
    Atomics.store(this.#words, Word.high, highWord(address));
    Atomics.store(this.#words, Word.thread, threadNumber());
  }

  /** Whether somebody kicked since the last call. Asked before each entry: a kick that comes later ends KVM_RUN. False: the guest is entered now. */
  take(): boolean {
    Atomics.store(this.#run, immediateExit, 0);
    const kicks = Atomics.load(this.#words, Word.kicks);
    // Below 0: it is the last one.
    if (kicks === this.#seen && kicks >= 0) {
      Atomics.add(this.#words, Word.turns, 1);
      return false;
    }
    this.#seen = kicks;
    return true;
  }

  /** The guest was left. */
  left(): void {
    Atomics.add(this.#words, Word.turns, 1);
  }

  /** The run area goes: nobody may write to it any more. */
  close(): void {
    const thread = threadNumber();
    // The other thread may be about to write: that takes an instant.
    while (Atomics.compareExchange(this.#words, Word.thread, thread, 0) === -thread);
  }
}

/** The other side: of the main thread, since only there signals have handlers. */
export class Kicker {
  readonly shared = new SharedArrayBuffer(kickBytes);
  readonly #words = new Int32Array(this.shared, 0, words);
  #turnsSeen = 0;
  readonly #handler = (): void => {};
  readonly #atExit = (): void => this.stop();

  /** Node waits for its threads when it ends, for ever where one is in a guest: so it kicks then. */
  constructor() {
    process.on(signalName, this.#handler);
    process.on('exit', this.#atExit);
  }

  /** Has the processor's thread leave the guest, if it is in there. */
  kick(): void {
    Atomics.add(this.#words, Word.kicks, 1);
    this.#interrupt();
  }

  #interrupt(): void {
    const thread = Atomics.load(this.#words, Word.thread);
    if (thread <= 0 || Atomics.compareExchange(this.#words, Word.thread, thread, -thread) !== thread) return;
    const address = fromWords(Atomics.load(this.#words, Word.high), lowWord(Atomics.load(this.#words, Word.low)));
    Atomics.store(new Uint8Array(viewMemory(address, immediateExit + 1)), immediateExit, 1);
    signalThread(thread, signalNumber);
    Atomics.store(this.#words, Word.thread, thread);
  }

  /** Has a guest that has been in there since the last call, without a stop, leave it for a moment: others want the thread. */
  interruptIfLong(): void {
    const turns = Atomics.load(this.#words, Word.turns);
    if ((turns & 1) === 1 && turns === this.#turnsSeen) this.#interrupt();
    this.#turnsSeen = turns;
  }

  /** The last kick: the guest is not entered any more, so that its thread can be ended, which does not know it yet. */
  stop(): void {
    Atomics.store(this.#words, Word.kicks, -2_000_000_000);
    this.kick();
  }

  /** The thread has ended. */
  close(): void {
    process.off(signalName, this.#handler);
    process.off('exit', this.#atExit);
  }
}
