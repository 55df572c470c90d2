// A module of the core in a memory whose addresses the kernel can be told: it stays where it is, and rings and frames can be mapped over parts
// of it. Not here: what a module does, how it is loaded (core-instance.ts).

import { addressOf, platformIsLinux } from '../kernel/ffi.js';
import { PROT, protectMemory } from '../kernel/memory.js';
import { coreInstance } from './core-instance.js';

/** What no module uses: a null address leads there. */
const guardBytes = 64 * 1024;

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
    const { core, memory } = coreInstance<Exports>(name, byteLength);
    this.core = core;
    this.memory = memory;
    this.bytes = new Uint8Array(memory.buffer);
    this.data = new DataView(memory.buffer);
    this.address = platformIsLinux ? addressOf(this.bytes) : 0;
    if (this.address !== 0) protectMemory(this.address, guardBytes, PROT.NONE);
  }
}
