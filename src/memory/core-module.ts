// A module of the core (src/core/, compiled to dist/core/NAME.wasm) in a WebAssembly memory of its own. The memory never grows, so that it stays where
// it is: the kernel can be told addresses in it, and rings and frames can be mapped over parts of it. Not here: what a module does.

import { readFileSync } from 'node:fs';
import { addressOf, platformIsLinux } from '../kernel/ffi.js';
import { PROT, protectMemory } from '../kernel/memory.js';

const wasmPageBytes = 64 * 1024;
/** What no module uses: a null address leads there. */
const guardBytes = wasmPageBytes;
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

function memoryOf(pages: number): WebAssembly.Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages });
  } catch (cause) {
    // V8 reserves some 10 GiB of addresses for each, so that a bad access is a caught fault.
    throw new Error(
      `no WebAssembly memory of ${pages * wasmPageBytes} bytes could be had: raise the limit of addresses (ulimit -v unlimited), or ask for less`,
      { cause },
    );
  }
}

/** See the file's head. `Exports` are the module's functions, by name.
 * `heapBase()` says where its own data ends, and the arena that it is configured with may begin. */
export class CoreModule<Exports> {
  readonly core: Exports;
  /** The whole memory; offsets in it are the module's addresses. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly data: DataView<ArrayBuffer>;
  /** The first byte's address for the kernel; 0 where there is no Linux, and so nobody to tell. */
  readonly address: number;
  /** Kept: V8 unmaps a memory that nobody refers to, whatever the kernel does in it. */
  readonly memory: WebAssembly.Memory;

  /** @param byteLength of the memory, rounded up to 64 KiB. @throws RangeError above 4 GiB, Error where there is no room */
  constructor(name: string, byteLength: number) {
    if (byteLength > mostBytes) throw new RangeError(`the core addresses ${mostBytes} bytes, not ${byteLength}`);
    const pages = Math.ceil(byteLength / wasmPageBytes);
    this.memory = memoryOf(pages);
    const { exports } = new WebAssembly.Instance(moduleOf(name), { env: { memory: this.memory } });
    this.core = exports as unknown as Exports;
    this.bytes = new Uint8Array(this.memory.buffer);
    this.data = new DataView(this.memory.buffer);
    this.address = platformIsLinux ? addressOf(this.bytes) : 0;
    if (this.address !== 0) protectMemory(this.address, guardBytes, PROT.NONE);
  }
}
