// A compiled module run in this process: its code mapped beside the block of its instance, its memory within 8 GiB of addresses that are its alone. For tests and measurements;
// what touches a page that is not there ends the process, as it ends a guest.

import { Type } from '../../src/compile/opcodes.js';
import type { Entry, Program } from '../../src/compile/program.js';
import { functionAt, type NativeFunction, registerCallback, viewMemory } from '../../src/kernel/ffi.js';
import {
  MAP,
  mapAddresses,
  mapMemory,
  mapMemoryAt,
  PROT,
  unmapFileWindow,
  unmapMemory,
} from '../../src/kernel/memory.js';

const windowBytes = 0x2_0001_0000;
const pageBytes = 65_536;

/** Why machine code cannot be run here; false: it can. */
export function nativeRefused(): string | false {
  return process.platform === 'linux' && process.arch === 'x64'
    ? false
    : `machine code is for Linux on x86-64, and this is ${process.platform} on ${process.arch}`;
}

/** A program that stopped itself. */
export class NativeTrap extends Error {
  readonly code: number;

  constructor(code: number) {
    super(`stopped by trap ${code}`);
    this.code = code;
  }
}

/** The host's functions, as a module imports them; a number is the address of machine code. */
export type HostFunctions = Readonly<Record<string, number | ((...values: never[]) => unknown)>>;

const cType = (type: Type | undefined): string =>
  type === undefined ? 'void' : type === Type.i32 ? 'int' : type === Type.i64 ? 'int64_t' : 'double';

let prototypes = 0;

function prototypeOf({ signature }: Pick<Entry, 'signature'>): string {
  const takes = signature.takes.map((type, index) => `${cType(type)} a${index}`);
  return `${cType(signature.gives)} entry${prototypes++}(${takes.join(', ') || 'void'})`;
}

/** See the file's head. */
export class Native {
  readonly program: Program;
  /** Linear memory. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly address: number;
  readonly #window: number;
  readonly #mapping: ReturnType<typeof mapMemory>;
  readonly #instanceAt: number;
  readonly #nothingAt: number;
  readonly #data: DataView;
  readonly #entries = new Map<string, (...values: readonly (number | bigint)[]) => unknown>();
  readonly #callbacks: { free(): void }[] = [];

  /** Loads a program and starts it. @param pages of its memory @throws NativeTrap where its start stops it */
  constructor(
    program: Program,
    pages: number,
    host: HostFunctions = {},
    signatures: ReadonlyMap<string, string> = new Map(),
  ) {
    this.program = program;
    const { code, instance } = program;
    this.#window = mapAddresses(windowBytes, PROT.NONE, MAP.PRIVATE | MAP.ANONYMOUS | MAP.NORESERVE, -1, 0);
    if (this.#window < 0) throw new Error('there are no 8 GiB of addresses');
    this.address = this.#window;
    const rights = PROT.READ | PROT.WRITE;
    if (pages > 0)
      mapMemoryAt(this.address, pages * pageBytes, rights, MAP.PRIVATE | MAP.ANONYMOUS | MAP.NORESERVE, -1, 0);
    this.bytes = new Uint8Array(viewMemory(this.address, pages * pageBytes));
    this.#instanceAt = (code.length + 64) & ~63;
    this.#mapping = mapMemory(
      this.#instanceAt + instance.bytes.length,
      rights | PROT.EXEC,
      MAP.PRIVATE | MAP.ANONYMOUS,
    );
    const all = new Uint8Array(this.#mapping.buffer);
    this.#data = new DataView(this.#mapping.buffer);
    all.set(code);
    this.#nothingAt = code.length;
    all[code.length] = 0xc3;
    all.set(instance.bytes, this.#instanceAt);
    for (const at of program.instanceLinks) this.#data.setInt32(at, this.#instanceAt + instance.bias - at - 4, true);
    const { fields } = instance;
    this.#setWide(fields.memoryAt, this.address);
    this.#setWide(fields.memoryBytes, pages * pageBytes);
    this.#data.setUint32(this.#instanceAt + fields.pages, pages, true);
    this.#setWide(fields.trapTo, this.#mapping.address + program.abandon);
    for (const { name, at } of instance.imports) this.#setWide(at, this.#hostFunction(name, host, signatures));
    for (const { address, bytes } of program.data) {
      if (address + bytes.length > this.bytes.length) throw new RangeError('data lies outside of memory');
      this.bytes.set(bytes, address);
    }
    if (program.start !== undefined) this.#bind(program.start)();
  }

  #setWide(field: number, value: number): void {
    this.#data.setBigUint64(this.#instanceAt + field, BigInt(value), true);
  }

  #hostFunction(name: string, host: HostFunctions, signatures: ReadonlyMap<string, string>): number {
    const [does, prototype] = [host[name], signatures.get(name)];
    if (typeof does === 'number') return does;
    // What is not said how to call does nothing: a return of its own.
    if (does === undefined || prototype === undefined) return this.#mapping.address + this.#nothingAt;
    const callback = registerCallback(prototype, does);
    this.#callbacks.push(callback);
    return callback.address;
  }

  #bind(entry: Entry): (...values: readonly (number | bigint)[]) => unknown {
    const call: NativeFunction = functionAt(this.#mapping.address + entry.at, prototypeOf(entry));
    const { gives } = entry.signature;
    const trapAt = this.#instanceAt + this.program.instance.fields.trapCode;
    return (...values) => {
      const result = call(...values);
      const trap = this.#data.getUint32(trapAt, true);
      if (trap === 0) return gives === Type.i64 ? BigInt.asIntN(64, BigInt(result)) : result;
      this.#data.setUint32(trapAt, 0, true);
      throw new NativeTrap(trap);
    };
  }

  /** Where an exported function begins, by the convention of C. */
  addressOf(name: string): number {
    return this.#mapping.address + this.program.entries.get(name)!.at;
  }

  /** An exported function. @throws NativeTrap when called, where the program stops itself */
  entry(name: string): (...values: readonly (number | bigint)[]) => unknown {
    let bound = this.#entries.get(name);
    if (bound === undefined) {
      const entry = this.program.entries.get(name);
      if (entry === undefined) throw new Error(`there is no ${name}`);
      bound = this.#bind(entry);
      this.#entries.set(name, bound);
    }
    return bound;
  }

  /** An exported variable's bits. */
  global(name: string): bigint {
    const { at, size } = this.program.instance.globals.get(name)!;
    return size === 4
      ? BigInt(this.#data.getUint32(this.#instanceAt + at, true))
      : this.#data.getBigUint64(this.#instanceAt + at, true);
  }

  close(): void {
    for (const callback of this.#callbacks) callback.free();
    unmapMemory(this.#mapping);
    unmapFileWindow(this.#window, windowBytes);
  }
}
