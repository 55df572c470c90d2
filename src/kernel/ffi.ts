// The one place that touches the FFI library. Everything else in the package reaches the operating system
// through the typed functions beside this file, and those reach libc through here.
//
// The library is loaded on first use, so that importing the package works on every platform;
// what needs Linux says so when it is called.

import { createRequire } from 'node:module';
import type { KoffiFunc, LibraryHandle, TypeObject } from 'koffi';
import { UnsupportedError } from './system-error.js';

type Koffi = typeof import('koffi');

/** A bound C function: integers and addresses in, the C result out. */
export type NativeFunction = KoffiFunc<(...values: (number | bigint)[]) => number | bigint>;

let koffiModule: Koffi | undefined;
let processHandle: LibraryHandle | undefined;

/** True where system calls can be made: Linux on x64 or arm64. */
export const platformIsLinux = process.platform === 'linux' && (process.arch === 'x64' || process.arch === 'arm64');

function koffi(): Koffi {
  if (koffiModule !== undefined) return koffiModule;
  if (!platformIsLinux) {
    throw new UnsupportedError(
      `this needs Linux on x64 or arm64, and this is ${process.platform} on ${process.arch}`,
      'run it on a Linux host, a virtual machine or a container',
    );
  }
  try {
    koffiModule = createRequire(import.meta.url)('koffi') as Koffi;
  } catch (cause) {
    throw new UnsupportedError(
      `the FFI library koffi did not load: ${(cause as Error).message}`,
      'reinstall with optional dependencies allowed: npm install koffi',
    );
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

/** The errno of the last call on this thread. */
export function errno(): number {
  return koffi().errno();
}

/** One ArrayBuffer over `length` bytes of mapped memory at `address`. The memory must outlive every use of it. */
export function viewMemory(address: number, length: number): ArrayBuffer {
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
