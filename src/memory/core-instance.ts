// A module of the core (src/core/, compiled to dist/core/NAME.wasm) in a WebAssembly memory of its own, which never grows. Not here: memory that the
// kernel is told of (core-module.ts), what a module does.

import { readFileSync } from 'node:fs';
import { coded } from '../text/coded.js';

const wasmPageBytes = 64 * 1024;
/** A module addresses 4 GiB. */
const mostBytes = 0x1_0000_0000;

const modules = new Map<string, WebAssembly.Module>();

/** Compiled once in a thread, however many instances there are. */
function moduleOf(name: string): WebAssembly.Module {
  let module = modules.get(name);
  if (module === undefined) {
    const path = new URL(`../../core/${name}.wasm`, import.meta.url);
    module = new WebAssembly.Module(readFileSync(path));
    modules.set(name, module);
  }
  return module;
}

function memoryOf(pages: number, shared: boolean): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
  } catch (cause) {
    // V8 reserves some 10 GiB of addresses for each, so that a bad access is a caught fault.
    throw coded(
      'CLEARWAY_MEMORY',
      new Error(
        `no WebAssembly memory of ${pages * wasmPageBytes} bytes could be had: raise the limit of addresses (ulimit -v unlimited), or ask for less`,
        { cause },
      ),
    );
  }
}

/** The module's functions, by name, and the memory that they work on. */
export interface CoreInstance<Exports> {
  readonly core: Exports;
  readonly memory: WebAssembly.Memory;
}

/**
 * @param byteLength of the memory, rounded up to 64 KiB.
 * @param isShared a module that is compiled for it: V8's collector does not count such memory, and is not begun by it
 * @throws RangeError above 4 GiB, Error where there is no room
 */
export function coreInstance<Exports>(name: string, byteLength: number, isShared = false): CoreInstance<Exports> {
  if (byteLength > mostBytes) throw new RangeError(`the core addresses ${mostBytes} bytes, not ${byteLength}`);
  const memory = memoryOf(Math.ceil(byteLength / wasmPageBytes), isShared);
  const { exports } = new WebAssembly.Instance(moduleOf(name), { env: { memory } });
  return { core: exports as unknown as Exports, memory };
}
