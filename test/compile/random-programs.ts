// Random programs that are valid, end, and touch memory that is there: control, loops, calls, calls through the table, memory, all numbers. The same seed gives the same program.
// For tests of the compiler.

import { Dice, value } from './dice.js';
import { constant, f64, i32, T, u32, type ValueType, type WrittenFunction, writeModule } from './module-writer.js';

const types: readonly ValueType[] = [T.i32, T.i32, T.i32, T.i64, T.i64, T.f64];
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, index) => from + index);
/** Instructions by what they take and give. */
const compares = { [T.i32]: range(0x46, 0x4f), [T.i64]: range(0x51, 0x5a), [T.f64]: range(0x61, 0x66) };
const binaries = { [T.i32]: range(0x6a, 0x78), [T.i64]: range(0x7c, 0x8a), [T.f64]: range(0xa0, 0xa3) };
const unaries = {
  [T.i32]: [0x67, 0x68, 0x69, 0xc0, 0xc1],
  [T.i64]: [0x79, 0x7a, 0x7b, 0xc2, 0xc3, 0xc4],
  [T.f64]: range(0x99, 0x9f),
};
/** Conversions: the type that each is from, by the type that it gives. */
const conversions: Record<ValueType, readonly (readonly [ValueType, readonly number[]])[]> = {
  [T.i32]: [
    [T.i64, [0xa7]],
    [T.f64, [0xfc, 2]],
    [T.f64, [0xfc, 3]],
    [T.i32, [0x45]],
    [T.i64, [0x50]],
  ],
  [T.i64]: [
    [T.i32, [0xac]],
    [T.i32, [0xad]],
    [T.f64, [0xfc, 6]],
    [T.f64, [0xfc, 7]],
    [T.f64, [0xbd]],
  ],
  [T.f64]: [
    [T.i32, [0xb7]],
    [T.i32, [0xb8]],
    [T.i64, [0xb9]],
    [T.i64, [0xba]],
    [T.i64, [0xbf]],
  ],
};
const loads: Record<ValueType, readonly number[]> = {
  [T.i32]: [0x28, 0x2c, 0x2d, 0x2e, 0x2f],
  [T.i64]: [0x29, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35],
  [T.f64]: [0x2b],
};
const stores: Record<ValueType, readonly number[]> = {
  [T.i32]: [0x36, 0x3a, 0x3b],
  [T.i64]: [0x37, 0x3c, 0x3d, 0x3e],
  [T.f64]: [0x39],
};

interface Signature {
  readonly takes: readonly ValueType[];
  readonly gives: ValueType | undefined;
}

/** A label that a jump may go to: what goes with it; a loop's start is none, so that all ends. */
type Label = ValueType | undefined | 'loop';

/** The global that counts down with each call and each round: at its end the program ends itself. */
const fuel = 0;
const burn = [0x23, fuel, ...i32(1), 0x6b, 0x24, fuel, 0x23, fuel, ...i32(0), 0x48, 0x04, T.none, 0x00, 0x0b];
/** What a call from outside may burn. */
const tank = 500;

class FunctionMaker {
  readonly #dice: Dice;
  readonly #locals: ValueType[];
  readonly #earlier: readonly Signature[];
  readonly #globals: readonly ValueType[];
  readonly #tableEntries: number;
  readonly #gives: ValueType | undefined;
  readonly #labels: Label[] = [];
  /** Instructions that may still be made: then everything becomes short. */
  #budget: number;

  constructor(
    dice: Dice,
    takes: readonly ValueType[],
    gives: ValueType | undefined,
    earlier: readonly Signature[],
    globals: readonly ValueType[],
    tableEntries: number,
  ) {
    this.#dice = dice;
    this.#gives = gives;
    this.#earlier = earlier;
    this.#globals = globals;
    this.#tableEntries = tableEntries;
    this.#locals = [...takes, T.i32, T.i64, T.f64];
    for (let more = dice.below(9); more > 0; more--) this.#locals.push(dice.one(types));
    this.#budget = 20 + dice.below(160);
  }

  make(takes: readonly ValueType[], name: string | undefined): WrittenFunction {
    const body = [...burn, ...this.#statements(4), ...this.#statements(4)];
    if (this.#gives !== undefined) body.push(...this.#clean(this.#gives, 4));
    return {
      takes,
      gives: this.#gives,
      locals: this.#locals.slice(takes.length),
      body,
      ...(name === undefined ? {} : { name }),
    };
  }

  #statements(most: number): number[] {
    const code: number[] = [];
    for (let left = 1 + this.#dice.below(most); left > 0; left--) code.push(...this.#statement());
    return code;
  }

  #localOf(type: ValueType): number {
    const candidates = this.#locals.flatMap((local, index) => (local === type ? [index] : []));
    return this.#dice.one(candidates);
  }

  #statement(): number[] {
    if (this.#budget < 0) return [];
    this.#budget--;
    switch (this.#dice.below(12)) {
      case 0:
      case 1:
        return this.#assign();
      case 2:
      case 3:
        return this.#store();
      case 4:
        return this.#setGlobal();
      case 5:
        return [
          ...this.#condition(),
          0x04,
          T.none,
          ...this.#inside(undefined, 3),
          ...(this.#dice.below(2) ? [0x05, ...this.#inside(undefined, 3)] : []),
          0x0b,
        ];
      case 6:
        return this.#loop();
      case 7:
        return [0x02, T.none, ...this.#inside(undefined, 3), 0x0b];
      case 8:
        return this.#callStatement();
      case 9:
        return this.#jumpTable();
      case 10:
        return this.#bulk();
      default:
        return this.#jump();
    }
  }

  #inside(label: Label, most: number): number[] {
    this.#labels.push(label);
    const code = this.#statements(most);
    this.#labels.pop();
    return code;
  }

  #assign(): number[] {
    const type = this.#dice.one(types);
    const value = this.#expression(type, 4);
    const local = u32(this.#localOf(type));
    return this.#dice.below(4) === 0 ? [...value, 0x22, ...local, 0x1a] : [...value, 0x21, ...local];
  }

  #address(): number[] {
    return [...this.#expression(T.i32, 2), ...i32(0x3ff8), 0x71];
  }

  #offset(): number[] {
    return [0, ...u32(this.#dice.one([0, 4, 8, 100, 127, 128, 4000, 30_000]))];
  }

  #store(): number[] {
    const type = this.#dice.one(types);
    const store = this.#dice.one(stores[type]);
    const target = this.#address();
    // Often what is there, changed.
    if (type !== T.f64 && this.#dice.below(3) === 0) {
      const local = u32(this.#localOf(T.i32));
      const offset = this.#offset();
      const load = type === T.i32 ? 0x28 : 0x29;
      const plain = type === T.i32 ? 0x36 : 0x37;
      const operation = this.#dice.one(
        type === T.i32 ? [0x6a, 0x6b, 0x71, 0x72, 0x73] : [0x7c, 0x7d, 0x83, 0x84, 0x85],
      );
      return [
        ...target,
        0x21,
        ...local,
        0x20,
        ...local,
        0x20,
        ...local,
        load,
        ...offset,
        ...this.#constantOrLocal(type),
        operation,
        plain,
        ...offset,
      ];
    }
    return [...target, ...this.#clean(type, 3), store, ...this.#offset()];
  }

  #constantOrLocal(type: ValueType): number[] {
    return this.#dice.below(2) ? constant(type, value(this.#dice, type)) : [0x20, ...u32(this.#localOf(type))];
  }

  #setGlobal(): number[] {
    const index = 1 + this.#dice.below(this.#globals.length - 1);
    return [...this.#clean(this.#globals[index]!, 3), 0x24, ...u32(index)];
  }

  /** A loop of a few rounds, counted in memory that nothing else touches. */
  #loop(): number[] {
    const counter = 60_000 + this.#labels.length * 4;
    const at = [0, ...u32(0)];
    const rounds = 1 + this.#dice.below(5);
    this.#labels.push('loop');
    const code = this.#statements(3);
    this.#labels.pop();
    const count = [...i32(counter), ...i32(counter), 0x28, ...at, ...i32(1), 0x6b, 0x36, ...at];
    return [
      ...i32(counter),
      ...i32(rounds),
      0x36,
      ...at,
      0x03,
      T.none,
      ...burn,
      ...code,
      ...count,
      ...i32(counter),
      0x28,
      ...at,
      ...i32(0),
      0x4a,
      0x0d,
      0,
      0x0b,
    ];
  }

  /** A jump outwards, where there is one, under a condition; or the end of the function. */
  #jump(): number[] {
    const targets = this.#labels.flatMap((label, index) =>
      label === undefined ? [this.#labels.length - 1 - index] : [],
    );
    if (targets.length > 0 && this.#dice.below(4) > 0)
      return [...this.#condition(), 0x0d, ...u32(this.#dice.one(targets))];
    if (this.#dice.below(8) > 0) return [];
    const condition = this.#condition();
    this.#labels.push('loop');
    const result = this.#gives === undefined ? [] : this.#clean(this.#gives, 2);
    this.#labels.pop();
    return [...condition, 0x04, T.none, ...result, this.#dice.below(30) === 0 ? 0x00 : 0x0f, 0x0b];
  }

  #jumpTable(): number[] {
    const many = 1 + this.#dice.below(5);
    const code: number[] = [];
    for (let index = 0; index <= many; index++) {
      code.push(0x02, T.none);
      this.#labels.push('loop');
    }
    code.push(
      ...this.#expression(T.i32, 2),
      ...i32(7),
      0x71,
      0x0e,
      ...u32(many),
      ...range(0, many - 1).flatMap((index) => u32(index)),
      ...u32(many),
    );
    for (let index = 0; index <= many; index++) {
      this.#labels.pop();
      code.push(0x0b, ...(index < many ? this.#statements(1) : []));
    }
    return code;
  }

  #bulk(): number[] {
    const at = (): number[] => [...this.#expression(T.i32, 1), ...i32(0x3fff), 0x71];
    const many = [...this.#expression(T.i32, 1), ...i32(this.#dice.one([0, 7, 63, 255])), 0x71];
    if (this.#dice.below(2)) return [...at(), ...this.#expression(T.i32, 1), ...many, 0xfc, 11, 0];
    return [...at(), ...at(), ...many, 0xfc, 10, 0, 0];
  }

  #callStatement(): number[] {
    const call = this.#call(undefined);
    if (call === undefined) return this.#assign();
    return call.gives === undefined ? call.code : [...call.code, 0x1a];
  }

  #call(gives: ValueType | undefined): { code: number[]; gives: ValueType | undefined } | undefined {
    const fitting = this.#earlier.flatMap((signature, index) =>
      gives === undefined || signature.gives === gives ? [index] : [],
    );
    if (fitting.length === 0) return undefined;
    const index = this.#dice.one(fitting);
    const { takes, gives: result } = this.#earlier[index]!;
    const values = takes.flatMap((type) => this.#expression(type, 2));
    if (index < this.#tableEntries && this.#dice.below(3) === 0) {
      // Mostly the right entry; now and then another one, or none.
      const entry = this.#dice.below(12) === 0 ? this.#expression(T.i32, 1) : i32(index);
      return { code: [...values, ...entry, 0x11, ...u32(index), 0], gives: result };
    }
    return { code: [...values, 0x10, ...u32(index)], gives: result };
  }

  #condition(): number[] {
    return this.#dice.below(4) > 0 ? this.#compare(3) : this.#expression(T.i32, 3);
  }

  #compare(depth: number): number[] {
    const type = this.#dice.one(types);
    const code = [
      ...this.#expression(type, depth - 1),
      ...(this.#dice.below(3) === 0 ? constant(type, value(this.#dice, type)) : this.#expression(type, depth - 1)),
    ];
    return [...code, this.#dice.one(compares[type]), ...(this.#dice.below(4) === 0 ? [0x45] : [])];
  }

  /** An expression whose bits are the same everywhere: what is no number has many. */
  #clean(type: ValueType, depth: number): number[] {
    const code = this.#expression(type, depth);
    if (type !== T.f64) return code;
    const local = u32(this.#localOf(T.f64));
    return [...code, 0x22, ...local, ...f64(0.25), 0x20, ...local, 0x20, ...local, 0x61, 0x1b];
  }

  #expression(type: ValueType, depth: number): number[] {
    this.#budget--;
    if (depth <= 0 || this.#budget < 0) return this.#leaf(type);
    switch (this.#dice.below(12)) {
      case 0:
        return this.#leaf(type);
      case 1:
        return [...this.#address(), this.#dice.one(loads[type]), ...this.#offset()];
      case 2:
        return [...this.#expression(type, depth - 1), ...this.#expression(type, depth - 1), ...this.#condition(), 0x1b];
      case 3:
        return this.#branches(type, depth);
      case 4:
        return this.#convert(type, depth);
      case 5:
        return this.#call(type)?.code ?? this.#leaf(type);
      case 6:
        return [...this.#expression(type, depth - 1), 0x22, ...u32(this.#localOf(type))];
      case 7:
        return type === T.i32
          ? this.#compare(depth)
          : [...this.#expression(type, depth - 1), this.#dice.one(unaries[type])];
      case 8:
        return [...this.#expression(type, depth - 1), this.#dice.one(unaries[type])];
      default:
        return this.#binary(type, depth);
    }
  }

  #branches(type: ValueType, depth: number): number[] {
    if (this.#dice.below(2)) {
      const condition = this.#condition();
      this.#labels.push('loop');
      const code = [
        0x04,
        type,
        ...this.#statements(1),
        ...this.#expression(type, depth - 1),
        0x05,
        ...this.#expression(type, depth - 1),
        0x0b,
      ];
      this.#labels.pop();
      return [...condition, ...code];
    }
    // A value that goes with a jump, or stays.
    this.#labels.push('loop');
    const code = [
      0x02,
      type,
      ...this.#expression(type, 1),
      ...this.#condition(),
      0x0d,
      0,
      0x1a,
      ...this.#leaf(type),
      0x0b,
    ];
    this.#labels.pop();
    return code;
  }

  #convert(type: ValueType, depth: number): number[] {
    const [from, code] = this.#dice.one(conversions[type]);
    const isBits = code[0] === 0xbd;
    return [...(isBits ? this.#clean(from, depth - 1) : this.#expression(from, depth - 1)), ...code];
  }

  #binary(type: ValueType, depth: number): number[] {
    const left = this.#expression(type, depth - 1);
    const operation = this.#dice.one(binaries[type]);
    const isDivision = (operation >= 0x6d && operation <= 0x70) || (operation >= 0x7f && operation <= 0x82);
    // Divisions by 0 end a program, so there are few.
    if (isDivision && this.#dice.below(20) > 0) {
      const odd = type === T.i32 ? [...i32(1), 0x72] : [0x42, 1, 0x84];
      return [...left, ...this.#expression(type, depth - 1), ...odd, operation];
    }
    return [
      ...left,
      ...(this.#dice.below(3) === 0 ? constant(type, value(this.#dice, type)) : this.#expression(type, depth - 1)),
      operation,
    ];
  }

  #leaf(type: ValueType): number[] {
    const kind = this.#dice.below(4);
    if (kind === 0) return constant(type, value(this.#dice, type));
    const globals = this.#globals.flatMap((global, index) => (global === type ? [index] : []));
    if (kind === 1 && globals.length > 0) return [0x23, ...u32(this.#dice.one(globals))];
    return [0x20, ...u32(this.#localOf(type))];
  }
}

/** A program: a module, and what its functions take. */
export interface RandomProgram {
  readonly bytes: Uint8Array;
  readonly functions: readonly { readonly name: string; readonly takes: readonly ValueType[] }[];
}

/** Makes a program out of a seed. */
export function randomProgram(seed: number): RandomProgram {
  const dice = new Dice(seed);
  const globals: ValueType[] = [T.i32, T.i32, T.i64, T.f64];
  for (let more = dice.below(8); more > 0; more--) globals.push(dice.one([T.i32, T.i64]));
  const signatures: Signature[] = [];
  const functions: WrittenFunction[] = [];
  const entries: WrittenFunction[] = [];
  const many = 2 + dice.below(6);
  const tableEntries = dice.below(many);
  for (let index = 0; index < many; index++) {
    const takes = Array.from({ length: dice.below(index === many - 1 ? 5 : 9) }, () => dice.one(types));
    const gives = dice.below(5) === 0 ? undefined : dice.one(types);
    const isGiven = takes.filter((type) => type !== T.f64).length <= 6;
    const maker = new FunctionMaker(dice, takes, gives, signatures, globals, tableEntries);
    functions.push(maker.make(takes, undefined));
    signatures.push({ takes, gives });
    if (!isGiven) continue;
    const body = [...i32(tank), 0x24, fuel, ...takes.flatMap((_, local) => [0x20, local]), 0x10, index];
    entries.push({ takes, gives, locals: [], body, name: `f${index}` });
  }
  functions.push(...entries);
  const bytes = writeModule({
    functions,
    globals: globals.map((type, index) => ({
      type,
      value: value(dice, type),
      ...(type === T.f64 ? {} : { name: `g${index}` }),
    })),
    table: range(0, tableEntries - 1),
    tableEntries: tableEntries + 1,
    data: [{ at: 16, bytes: Array.from({ length: 300 }, () => dice.below(256)) }],
  });
  return { bytes, functions: entries.map(({ name, takes }) => ({ name: name!, takes })) };
}
