// CallList: many system calls by one crossing into C. A crossing (koffi, libc) costs a tenth of a short call: a list of calls that need
// nothing of one another, but that one may be left out, is cheaper than the calls. The loop around them is
// some hundred bytes of machine code, mapped to be executed and not to be written, as V8's own is.
// Not here: what is called (whoever fills the list), and processors other than x64, where there is none.

import { functionAt, type NativeFunction } from './ffi.js';
import { MAP, type Mapping, mapMemory, PROT, protectMemory, unmapMemory } from './memory.js';

/** Words of 32 bits of one call: its number and its link, and six arguments and its result, of 64 bits each, the lower half first. */
export const callWords = 16;
/**
 * The word of the link: where it is not 0, the call behind it is made only if this one gives what its third argument asks for, its length; else that
 * is left out, and its result is -ECANCELED. Of two calls in a row one is linked at most.
 */
export const linkWord = 1;
/** The word at which the lower half of an argument (0 to 5) begins. */
export const argumentWord = (argument: number): number => 2 + 2 * argument;
/** The word at which the lower half of the result begins: the kernel's value, or -errno. */
export const resultWord = 14;

/** What a list that ends with the first failure does after a call: test rax, rax; js end (over the jump to the next). */
const endsAtFailure: readonly number[] = [0x48, 0x85, 0xc0, 0x78, 0x02];

/**
 * `long run(long *call, long count)` for x64: up to `count` calls, one after the other, but for links. Gives how many were not made.
 * Source: the calling convention of Linux (System V ABI, AMD64 supplement, A.2.1: number in rax, arguments in rdi, rsi, rdx, r10, r8, r9; rcx and r11 are lost).
 * @param between what is done after each call
 */
const codeWith = (between: readonly number[]): readonly number[] => [
  ...[0xf3, 0x0f, 0x1e, 0xfa], // endbr64
  ...[0x53, 0x55], // push rbx, rbp
  ...[0x48, 0x89, 0xfb], // mov rbx, rdi
  ...[0x48, 0x89, 0xf5], // mov rbp, rsi
  ...[0x48, 0x85, 0xed], // next: test rbp, rbp
  ...[0x74, 0x46 + between.length], // jz end
  ...[0x8b, 0x03], // mov eax, [rbx]
  ...[0x48, 0x8b, 0x7b, 0x08], // mov rdi, [rbx + 8]
  ...[0x48, 0x8b, 0x73, 0x10], // mov rsi, [rbx + 16]
  ...[0x48, 0x8b, 0x53, 0x18], // mov rdx, [rbx + 24]
  ...[0x4c, 0x8b, 0x53, 0x20], // mov r10, [rbx + 32]
  ...[0x4c, 0x8b, 0x43, 0x28], // mov r8, [rbx + 40]
  ...[0x4c, 0x8b, 0x4b, 0x30], // mov r9, [rbx + 48]
  ...[0x0f, 0x05], // syscall
  ...[0x48, 0x89, 0x43, 0x38], // mov [rbx + 56], rax
  ...[0x83, 0x7b, 0x04, 0x00], // cmp dword [rbx + 4], 0
  ...[0x74, 0x17], // je on
  ...[0x48, 0x3b, 0x43, 0x18], // cmp rax, [rbx + 24]
  ...[0x74, 0x11], // je on
  ...[0x48, 0x83, 0xc3, 0x40], // add rbx, 64
  ...[0x48, 0xff, 0xcd], // dec rbp
  ...[0x74, 0x11 + between.length], // jz end
  ...[0x48, 0xc7, 0x43, 0x38, 0x83, 0xff, 0xff, 0xff], // mov qword [rbx + 56], -ECANCELED
  ...[0x48, 0x83, 0xc3, 0x40], // on: add rbx, 64
  ...[0x48, 0xff, 0xcd], // dec rbp
  ...between,
  ...[0xeb, 0xb5 - between.length], // jmp next
  ...[0x48, 0x89, 0xe8], // end: mov rax, rbp
  ...[0x5d, 0x5b, 0xc3], // pop rbp, rbx; ret
];

/** See the file's head. It belongs to the thread that made it. */
export class CallList {
  /** Every call; call `n` begins at word `n * callWords`. All are 0 at the beginning. */
  readonly words: Int32Array;
  /** How many calls there is room for. */
  readonly calls: number;
  /** Where they are. */
  readonly address: number;
  readonly #list: Mapping;
  readonly #code: Mapping;
  readonly #run: NativeFunction;

  private constructor(calls: number, untilFailure: boolean) {
    this.calls = calls;
    const code = codeWith(untilFailure ? endsAtFailure : []);
    this.#code = mapMemory(code.length, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    try {
      const bytes = new Uint8Array(this.#code.buffer);
      for (const [at, byte] of code.entries()) bytes[at] = byte;
      protectMemory(this.#code.address, this.#code.length, PROT.READ | PROT.EXEC);
      this.#run = functionAt(this.#code.address, 'int64 clearway_call_list(int64 list, int64 count)');
      this.#list = mapMemory(calls * callWords * 4, PROT.READ | PROT.WRITE, MAP.PRIVATE | MAP.ANONYMOUS);
    } catch (error) {
      unmapMemory(this.#code);
      throw error;
    }
    this.address = this.#list.address;
    this.words = new Int32Array(this.#list.buffer, 0, calls * callWords);
  }

  /**
   * A list for so many calls; undefined where there is none: another processor, or a host that lets no new code be executed.
   * @param untilFailure whether a call that fails is the last one
   */
  static open(calls: number, untilFailure = false): CallList | undefined {
    if (process.arch !== 'x64') return undefined;
    try {
      return new CallList(calls, untilFailure);
    } catch {
      // Whatever refused it: calls one by one do the same.
      return undefined;
    }
  }

  /**
   * Makes the first `count` calls, in order, each whatever those before it gave, or up to the first that fails; their results are in the
   * list afterwards. Returns how many were made, the one that failed among them.
   */
  run(count: number): number {
    return count - Number(this.#run(this.address, count));
  }

  /** Gives the memory back; the list must not be used any more. */
  close(): void {
    unmapMemory(this.#list);
    unmapMemory(this.#code);
  }
}
