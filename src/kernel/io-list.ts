// IoList: many reads, or many writes, by one system call, io_submit(2). On sockets that do not block, and on what is in memory, each is over
// when the call returns, and what it gave is read from a ring that the kernel shares: nothing is called for that. Entering the
// kernel costs more than a short read where page tables are changed for it, or a hypervisor is asked.
// Not here: what is read and written (whoever fills the list), and flags of send(2) and recv(2), for which there is no room. A write to a peer that
// is gone gives -EPIPE and a SIGPIPE, which Node ignores, since libuv's own writes have no flag against it either.

import { Errno } from './errno.js';
import { syscall3, syscall6, viewMemory } from './ffi.js';
import { MAP, type Mapping, mapMemory, PROT, unmapMemory } from './memory.js';
import { sys } from './numbers.js';
import { SystemError } from './system-error.js';
import { setWord64, word64 } from './words.js';

/** What the calls of a list do. */
export const IoCall = { read: 0, write: 1 } as const;

/** struct iocb and struct io_event (include/uapi/linux/aio_abi.h): words of 32 bits, and where in them what we use is. */
const iocbWords = 16;
const Iocb = { data: 0, opcode: 4, fd: 5, address: 6, length: 8 } as const;
const eventWords = 8;
const Event = { data: 0, result: 4 } as const;
/** struct aio_ring (fs/aio.c): what is before its events. Its form has been the same since 2.5, and libaio reads it as well. */
const ringBytes = 32;
const Ring = { events: 1, head: 2, tail: 3, magic: 4, incompatible: 6, headerBytes: 7 } as const;
const ringMagic = 0xa10a_10a1 | 0;

/** Bytes of so many calls, of their addresses, and of one event. */
const listBytes = (calls: number): number => (calls * (iocbWords + 2) + eventWords) * 4;

/** See the file's head. Of one thread. */
export class IoList {
  /** How many calls there is room for. */
  readonly calls: number;
  /** What each call of the last {@link run} gave: bytes, or -errno. A call takes 2 GiB at most. */
  readonly results: Int32Array;
  #number = -1;
  readonly #context: number;
  /** The calls; addresses of them, for the kernel; room for one event. */
  readonly #memory: Mapping;
  readonly #words: Int32Array;
  readonly #pointers: number;
  readonly #late: number;
  readonly #ring: Int32Array;
  readonly #events: Int32Array;

  private constructor(calls: number, context: number, ring: Int32Array, memory: Mapping) {
    this.calls = calls;
    this.results = new Int32Array(calls);
    this.#context = context;
    this.#memory = memory;
    this.#words = new Int32Array(memory.buffer);
    this.#pointers = memory.address + calls * iocbWords * 4;
    this.#late = calls * (iocbWords + 2);
    const pointers = new BigUint64Array(memory.buffer, calls * iocbWords * 4, calls);
    for (let index = 0; index < calls; index++) {
      this.#words[index * iocbWords + Iocb.data] = index;
      pointers[index] = BigInt(memory.address + index * iocbWords * 4);
    }
    this.#ring = ring;
    this.#events = new Int32Array(viewMemory(context + ringBytes, ring[Ring.events]! * eventWords * 4));
  }

  #become(kind: number): this {
    this.#number = kind === IoCall.read ? sys.read : sys.write;
    for (let index = 0; index < this.calls; index++) this.#words[index * iocbWords + Iocb.opcode] = kind;
    return this;
  }

  /**
   * A list for so many calls of a kind ({@link IoCall}). Undefined where there is none: a kernel or a container's filter without io_submit, as many
   * events in use as the host allows (fs.aio-max-nr), or a ring of another form.
   */
  static open(calls: number, kind: number): IoList | undefined {
    const kept = idle.findIndex((list) => list.calls === calls);
    if (kept >= 0) return idle.splice(kept, 1)[0]!.#become(kind);
    let memory: Mapping;
    try {
      memory = mapMemory(listBytes(calls), PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    } catch {
      return undefined;
    }
    const place = new BigUint64Array(memory.buffer, 0, 1);
    if (syscall3(sys.io_setup, calls, memory.address) >= 0) {
      const context = Number(place[0]);
      const ring = new Int32Array(viewMemory(context, ringBytes));
      const isKnown = ring[Ring.magic] === ringMagic && ring[Ring.incompatible] === 0;
      if (isKnown && ring[Ring.headerBytes] === ringBytes)
        return new IoList(calls, context, ring, memory).#become(kind);
      syscall3(sys.io_destroy, context);
    }
    unmapMemory(memory);
    return undefined;
  }

  /** Writes call `index`: `length` bytes at `address` to or from a descriptor. */
  set(index: number, fd: number, address: number, length: number): void {
    const words = this.#words;
    const at = index * iocbWords;
    words[at + Iocb.fd] = fd;
    setWord64(words, at + Iocb.address, address);
    setWord64(words, at + Iocb.length, length);
  }

  /** Makes the first `count` calls, in order, each whatever those before it gave. */
  run(count: number): void {
    for (let at = 0; at < count; ) {
      const begun = syscall3(sys.io_submit, this.#context, count - at, this.#pointers + at * 8);
      if (begun > 0) {
        this.#collect(begun);
        at += begun;
      } else {
        // The first of them is refused (no such descriptor, say), or there was no room for it: alone it says what it has to.
        const words = at * iocbWords;
        const address = this.#number53(words + Iocb.address);
        this.results[at] = syscall3(
          this.#number,
          this.#words[words + Iocb.fd]!,
          address,
          this.#number53(words + Iocb.length),
        );
        at++;
      }
    }
  }

  #number53(at: number): number {
    return word64(this.#words, at);
  }

  /** Takes so many results from the ring; waits for those that are not there yet (direct reads of a disk). */
  #collect(count: number): void {
    const ring = this.#ring;
    const events = this.#events;
    const { results } = this;
    const size = ring[Ring.events]!;
    let head = ring[Ring.head]!;
    let left = count;
    for (; left > 0 && head !== Atomics.load(ring, Ring.tail); left--) {
      const at = head * eventWords;
      results[events[at + Event.data]!] = events[at + Event.result]!;
      head = head + 1 === size ? 0 : head + 1;
    }
    Atomics.store(ring, Ring.head, head);
    while (left > 0) {
      const late = this.#late;
      const came = syscall6(sys.io_getevents, this.#context, 1, 1, this.#memory.address + late * 4, 0);
      if (came < 0 && came !== -Errno.EINTR) throw new SystemError(-came, 'io_getevents');
      if (came !== 1) continue;
      results[this.#words[late + Event.data]!] = this.#words[late + Event.result]!;
      left--;
    }
  }

  /** It must not be used any more; the next {@link open} may give it to somebody else. */
  close(): void {
    idle.push(this);
  }
}

/** Of this thread, until the process ends: before it lets go of one, the kernel waits for all processors, some 40 ms. */
const idle: IoList[] = [];
