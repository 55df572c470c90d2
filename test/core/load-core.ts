// A module of the core in a memory of its own, for tests: no kernel is needed.

import { readFileSync } from 'node:fs';
import { repositoryRoot } from '../../tools/tidy.js';

/** A module, its memory, and two views of it. */
export interface LoadedCore<Exports> {
  readonly core: Exports;
  readonly memory: WebAssembly.Memory;
  readonly bytes: Uint8Array;
  readonly data: DataView;
}

/** Loads dist/core/NAME.wasm. @param pages of 64 KiB. */
export function loadCore<Exports>(name: string, pages: number): LoadedCore<Exports> {
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const module = new WebAssembly.Module(readFileSync(`${repositoryRoot}/dist/core/${name}.wasm`));
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  return {
    core: exports as unknown as Exports,
    memory,
    bytes: new Uint8Array(memory.buffer),
    data: new DataView(memory.buffer),
  };
}
