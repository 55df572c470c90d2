// The same module in V8 and as our machine code, side by side: the same calls must give the same results, the same traps, the same memory. For tests.

import assert from 'node:assert/strict';
import { compileModule } from '../../src/compile/program.js';
import { Native, NativeTrap } from './native.js';

type Value = number | bigint;
type Outcome = { readonly value: Value | undefined } | { readonly trap: string };

/** Traps by what V8 says of them. */
const traps: readonly (readonly [RegExp, number, string])[] = [
  [/memory access/, 1, 'memory'],
  [/unrepresentable/, 2, 'overflow'],
  [/by zero/, 3, 'division'],
  [/unreachable/, 5, 'unreachable'],
  [/table index|signature mismatch|null function/, 6, 'indirect call'],
];

const bits = (value: number): string =>
  Number.isNaN(value) ? 'NaN' : new BigUint64Array(new Float64Array([value]).buffer)[0]!.toString(16);

/** Memories by their pages, to be used again: V8 keeps the addresses of each for long. */
const memories = new Map<number, WebAssembly.Memory>();

function memoryOf(pages: number): WebAssembly.Memory {
  const memory = memories.get(pages) ?? new WebAssembly.Memory({ initial: pages, maximum: pages });
  memories.set(pages, memory);
  new Uint8Array(memory.buffer).fill(0);
  return memory;
}

/** See the file's head. One at a time. */
export class Both {
  readonly native: Native;
  readonly #memory: WebAssembly.Memory;
  readonly #exports: Record<string, unknown>;

  constructor(bytes: Uint8Array, pages = 1) {
    this.#memory = memoryOf(pages);
    const module = new WebAssembly.Module(bytes as Uint8Array<ArrayBuffer>);
    this.#exports = new WebAssembly.Instance(module, { env: { memory: this.#memory } }).exports;
    this.native = new Native(compileModule(bytes), pages);
  }

  /** Calls a function in both. @returns what both gave; undefined after a trap */
  call(name: string, ...values: readonly Value[]): Value | undefined {
    const inV8 = this.#tryV8(name, values);
    const ours = this.#tryNative(name, values);
    if (!same(inV8, ours)) assert.deepEqual(show(ours), show(inV8), `${name}(${values.join(', ')})`);
    return 'value' in inV8 ? inV8.value : undefined;
  }

  #tryV8(name: string, values: readonly Value[]): Outcome {
    try {
      return { value: (this.#exports[name] as (...values: readonly Value[]) => Value | undefined)(...values) };
    } catch (error) {
      const found = traps.find(([words]) => words.test((error as Error).message));
      if (found === undefined) throw error;
      return { trap: found[2] };
    }
  }

  #tryNative(name: string, values: readonly Value[]): Outcome {
    try {
      return { value: this.native.entry(name)(...values) as Value | undefined };
    } catch (error) {
      if (!(error instanceof NativeTrap)) throw error;
      return { trap: traps.find(([, code]) => code === error.code)?.[2] ?? `${error.code}` };
    }
  }

  /** Both memories and all variables that have names are the same. */
  checkState(what: string): void {
    const inV8 = Buffer.from(this.#memory.buffer);
    const ours = Buffer.from(this.native.bytes.buffer, 0, this.native.bytes.length);
    if (!inV8.equals(ours)) {
      const at = inV8.findIndex((byte, index) => byte !== ours[index]);
      assert.fail(
        `${what}: memories differ at ${at}: ${ours.toString('hex', at, at + 16)}, in V8 ${inV8.toString('hex', at, at + 16)}`,
      );
    }
    for (const name of this.native.program.instance.globals.keys()) {
      const value = (this.#exports[name] as WebAssembly.Global).value as Value;
      assert.equal(this.native.global(name), globalBits(value), `${what}: ${name}`);
    }
  }

  close(): void {
    this.native.close();
  }
}

/** The bits of a variable by its value: an i32 is a whole number, an f64 is told by its name. */
function globalBits(value: Value): bigint {
  return typeof value === 'bigint' ? BigInt.asUintN(64, value) : BigInt(value >>> 0);
}

function same(one: Outcome, other: Outcome): boolean {
  if ('trap' in one || 'trap' in other) return 'trap' in one && 'trap' in other && one.trap === other.trap;
  return Object.is(one.value ?? undefined, other.value ?? undefined) || (one.value == null && other.value == null);
}

const show = (outcome: Outcome): unknown =>
  'value' in outcome && typeof outcome.value === 'number'
    ? { value: outcome.value, bits: bits(outcome.value) }
    : outcome;
