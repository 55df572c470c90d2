// The one place that touches the FFI library. Everything else in the package reaches the operating system
// through the typed functions beside this file, and those reach libc through here.
//
// The library is loaded on first use, so that importing the package works on every platform;
// what needs Linux says so when it is called.

import { constants } from 'node:buffer';
import { createRequire } from 'node:module';
import type { KoffiFunc, LibraryHandle, TypeObject } from 'koffi';
import { wrongArgument } from '../text/coded.js';
import { UnsupportedError } from './system-error.js';

type Koffi = typeof import('koffi');

/** A bound C function: integers and addresses in, the C result out. */
export type NativeFunction = KoffiFunc<(...values: (number | bigint)[]) => number | bigint>;

let koffiModule: Koffi | undefined;
/** Why it did not load: it is tried once, since a bundler's `require` gives what is left of a module that failed before. */
let whyNot: UnsupportedError | undefined;
let processHandle: LibraryHandle | undefined;

/** True where system calls can be made: Linux on x64 or arm64. */
export const platformIsLinux = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');

function koffi(): Koffi {
  if (koffiModule !== undefined) return koffiModule;
  if (whyNot !== undefined) throw whyNot;
  if (!platformIsLinux) {
    throw new UnsupportedError(
      `this needs Linux on x64 or arm64, and this is ${process.platform} on ${process.arch}`,
      'run it on a Linux host, a virtual machine or a container',
    );
  }
  try {
    koffiModule = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    whyNot = new UnsupportedError(
      `the FFI library koffi did not load: ${(cause as Error).message.split('\n')[0]}`,
      'install it (npm install koffi); a program that is bundled leaves koffi and clearway out of the bundle',
    );
    throw whyNot;
  }
  return koffiModule;
}

/**
 * Binds a C function by its prototype: libc's, or one that the running executable exports (libuv's, in Node).
 * Pointer arguments are declared `int64` and given as addresses: memory that the kernel sees is mapped
 * (see memory.ts) and knows where it is.
 */
export function bind(prototype: string): NativeFunction {
  processHandle ??= koffi().load(null);
  return processHandle.func(prototype) as NativeFunction;
}

/** A shared library beside libc, by whose functions something is done that is not ours to do. */
export interface Library {
  /** The name under which it was found: `libFLAC.so.12`. */
  readonly name: string;
  /** As {@link bind}, of a function of the library. @throws Error where the library has no such function. */
  bind(prototype: string): NativeFunction;
  /** Text that a variable of the library points to (`const char *`), or undefined where it has no such variable. */
  text(variable: string): string | undefined;
}

/** Libraries that were looked for, by the first of their names; a thread looks once. */
const libraries = new Map<string, Library | undefined>();

function toLibrary(name: string, handle: LibraryHandle): Library {
  return {
    name,
    bind: (prototype) => handle.func(prototype) as NativeFunction,
    text: (variable) => {
      try {
        return koffi().decode(handle.symbol(variable), 'const char *') ?? undefined;
      } catch {
        return undefined;
      }
    },
  };
}

/**
 * Loads a shared library by the first of its names that the dynamic linker finds (`libFLAC.so.14`, `libFLAC.so.12`); undefined where it
 * finds none, and on a platform without any.
 */
export function openLibrary(names: readonly string[]): Library | undefined {
  const key = names[0] ?? '';
  if (libraries.has(key)) return libraries.get(key);
  let found: Library | undefined;
  for (const name of platformIsLinux ? names : []) {
    try {
      found = toLibrary(name, koffi().load(name));
      break;
    } catch (error) {
      if (error instanceof UnsupportedError) throw error;
    }
  }
  libraries.set(key, found);
  return found;
}

/** The errno of the last call on this thread. */
export function errno(): number {
  return koffi().errno();
}

/** Bytes that one ArrayBuffer over mapped memory can have, by Node's own bound: beyond it koffi ends the process. */
const mostViewBytes = constants.MAX_LENGTH;

/** @throws RangeError where JavaScript cannot see so many bytes at once */
export function expectViewable(length: number): void {
  if (!(length >= 0 && length <= mostViewBytes))
    throw wrongArgument(`${length} bytes of memory cannot be seen at once: at most ${mostViewBytes}`);
}

/** One ArrayBuffer over `length` bytes of mapped memory at `address`. The memory must outlive every use of it. @throws RangeError */
export function viewMemory(address: number, length: number): ArrayBuffer {
  expectViewable(length);
  return koffi().view(address, length);
}

/** Where the first byte of a view is. Only of memory that does not move: a WebAssembly memory that never grows. */
export function addressOf(view: Uint8Array): number {
  return Number(koffi().address(view));
}

/** Callback types by prototype: koffi takes each name once. */
const callbackTypes = new Map<string, TypeObject>();

/** Registers a JavaScript function as a C callback; returns its address and the way to free it. */
export function registerCallback(
  prototype: string,
  callback: (...values: never[]) => unknown,
): { address: number; free(): void } {
  const library = koffi();
  let type = callbackTypes.get(prototype);
  if (type === undefined) {
    type = library.pointer(library.proto(prototype));
    callbackTypes.set(prototype, type);
  }
  const pointer = library.register(callback as never, type);
  return { address: Number(library.address(pointer)), free: () => library.unregister(pointer) };
}

const functionTypes = new Map<string, TypeObject>();

/** The machine code at an address as a function of a prototype. The caller answers for what is there. */
export function functionAt(address: number, prototype: string): NativeFunction {
  const library = koffi();
  let type = functionTypes.get(prototype);
  if (type === undefined) {
    type = library.proto(prototype);
    functionTypes.set(prototype, type);
  }
  return library.decode(BigInt(address), type) as NativeFunction;
}

let call6: NativeFunction | undefined;
let call3: NativeFunction | undefined;

/**
 * A system call of up to six integer arguments.
 * @returns the kernel's value, or `-errno`: never throws for a kernel error.
 */
export function syscall6(number: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0): number {
  call6 ??= bind('int64 syscall(int64 number, int64 a, int64 b, int64 c, int64 d, int64 e, int64 f)');
  const result = call6(number, a, b, c, d, e, f) as number;
  return result === -1 ? -errno() : result;
}

/** As {@link syscall6}, for calls of up to three arguments (cheaper to cross). */
export function syscall3(number: number, a = 0, b = 0, c = 0): number {
  call3 ??= bind('int64 syscall(int64 number, int64 a, int64 b, int64 c)');
  const result = call3(number, a, b, c) as number;
  return result === -1 ? -errno() : result;
}
