// Every instruction that is compiled, with values at the edges, against V8: its operands as arguments, as constants, out of memory, and where there is no register left.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { miscellaneous, type Opcode, opcodeOf, Type } from '../../src/compile/opcodes.js';
import { Both } from './both.js';
import { constant, f64, i32, i64, T, u32, type ValueType, type WrittenFunction, writeModule } from './module-writer.js';
import { nativeRefused } from './native.js';

const skip = nativeRefused();
const integers = [
  0n,
  1n,
  -1n,
  2n,
  31n,
  33n,
  64n,
  127n,
  128n,
  255n,
  -128n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x7fff_ffffn,
  -0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0001n,
  -(2n ** 63n),
  2n ** 63n - 1n,
  0x1234_5678_9abc_def0n,
];
const floats = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1e300,
  -1e-310,
  2 ** 31,
  -(2 ** 31),
  2 ** 31 - 1,
  2 ** 32,
  2 ** 32 - 1,
  2 ** 52 + 0.5,
  2 ** 53,
  2 ** 63,
  -(2 ** 63),
  2 ** 64,
  2 ** 65,
  -1e30,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];

const edgesOf = (type: Type): readonly (number | bigint)[] => {
  if (type === Type.f64) return floats;
  if (type === Type.i64) return integers;
  return [...new Set(integers.map((value) => Number(BigInt.asIntN(32, value))))];
};

const all = [
  ...Array.from({ length: 256 }, (_, number) => number),
  ...Array.from({ length: 18 }, (_, index) => miscellaneous + index),
];
const opcodes = all.flatMap((number) => {
  const opcode = opcodeOf(number);
  return opcode === undefined
    ? []
    : [{ opcode, code: number >= miscellaneous ? [0xfc, number - miscellaneous] : [number] }];
});
const pure = opcodes.filter(({ opcode: { family } }) => ['compare', 'test', 'binary', 'unary'].includes(family));

/** Runs calls in both; a module's functions are of any kind. */
function inBoth(functions: readonly WrittenFunction[], calls: (both: Both) => void): void {
  const both = new Both(writeModule({ functions }));
  try {
    calls(both);
    both.checkState('afterwards');
  } finally {
    both.close();
  }
}

const load = { [T.i32]: 0x28, [T.i64]: 0x29, [T.f64]: 0x2b };
const store = { [T.i32]: 0x36, [T.i64]: 0x37, [T.f64]: 0x39 };

/** Variables that are all alive: more than there are registers. */
const crowd = 16;

/** The instruction on its arguments, in the ways that make different machine code. */
function ways({ name, takes, gives }: Opcode, code: readonly number[]): WrittenFunction[] {
  const types = takes as readonly ValueType[];
  const result = gives as ValueType;
  const get = (index: number): number[] => [0x20, index];
  const inMemory = (index: number): number[] => [...i32(64 + index * 8), load[types[index]!], 0, 0];
  const put = types.flatMap((type, index) => [...i32(64 + index * 8), ...get(index), store[type], 0, 0]);
  const function_ = (way: string, body: readonly number[], locals: readonly ValueType[] = []): WrittenFunction => ({
    takes: types,
    gives: result,
    locals,
    body,
    name: `${name} ${way}`,
  });
  const many = Array.from({ length: crowd }, (_, index) => types.length + index);
  const fill = many.flatMap((local, index) => [...get(index % types.length), 0x21, local]);
  const kinds = many.map((_, index) => types[index % types.length]!);
  // All of them are read once more, behind the instruction.
  const drain = many.flatMap((local, index) => [...i32(256 + index * 8), ...get(local), store[kinds[index]!], 0, 0]);
  const crowded = many.slice(0, types.length).flatMap(get);
  const from = types.length + crowd;
  const list = [
    function_('of arguments', [...types.flatMap((_, index) => get(index)), ...code]),
    function_('of memory', [...put, ...types.flatMap((_, index) => inMemory(index)), ...code]),
    function_('in a crowd', [...fill, ...crowded, ...code, 0x21, from, ...drain, 0x20, from], [...kinds, result]),
  ];
  if (types.length === 2) {
    list.push(function_('with memory', [...put, ...get(0), ...inMemory(1), ...code]));
    list.push(function_('of one', [...get(0), ...get(0), ...code]));
    list.push(
      function_('into its own', [...get(0), ...get(1), ...code, ...(result === types[1] ? [0x21, 1, 0x20, 1] : [])]),
    );
  }
  if (result === T.i32) {
    const operands = types.flatMap((_, index) => get(index));
    list.push(function_('as a choice', [...operands, ...code, 0x04, T.i32, ...i32(17), 0x05, ...i32(4), 0x0b]));
    list.push(function_('as a selection', [...i64(5n), ...i64(6n), ...operands, ...code, 0x1b, 0xa7]));
    list.push(function_('as its opposite', [...operands, ...code, 0x45]));
  }
  return list;
}

test('every pure instruction gives what V8 gives', { skip }, () => {
  assert.ok(pure.length > 90);
  let calls = 0;
  for (const { opcode, code } of pure)
    inBoth(ways(opcode, code), (both) => {
      for (const { name } of ways(opcode, code))
        for (const first of edgesOf(opcode.takes[0]!)) {
          if (opcode.takes.length === 1) {
            both.call(name!, first);
            calls++;
          } else if (name!.endsWith('of arguments') || name!.endsWith('as a choice'))
            for (const second of edgesOf(opcode.takes[1]!)) {
              both.call(name!, first, second);
              calls++;
            }
          else for (const second of edgesOf(opcode.takes[1]!).slice(calls++ % 3, 12)) both.call(name!, first, second);
        }
    });
  assert.ok(calls > 20_000, `${calls}`);
});

test('constants on the right and on the left give what V8 gives', { skip }, () => {
  for (const { opcode, code } of pure.filter(({ opcode: { takes } }) => takes.length === 2)) {
    const type = opcode.takes[0] as ValueType;
    const functions = edgesOf(type).flatMap((edge, index): WrittenFunction[] => [
      {
        takes: [type],
        gives: opcode.gives as ValueType,
        locals: [],
        body: [0x20, 0, ...constant(type, edge), ...code],
        name: `${opcode.name} right ${index}`,
      },
      {
        takes: [type],
        gives: opcode.gives as ValueType,
        locals: [],
        body: [...constant(type, edge), 0x20, 0, ...code],
        name: `${opcode.name} left ${index}`,
      },
    ]);
    inBoth(functions, (both) => {
      for (const { name } of functions) for (const value of edgesOf(type)) both.call(name!, value);
    });
  }
});

test('loads and stores of every size give what V8 gives', { skip }, () => {
  for (const { opcode, code } of opcodes.filter(({ opcode: { family } }) => family === 'load' || family === 'store')) {
    const isLoad = opcode.family === 'load';
    const type = (isLoad ? opcode.gives : opcode.takes[1]) as ValueType;
    const offsets = [0, 1, 127, 128, 5000];
    const functions = offsets.flatMap((offset, index): WrittenFunction[] => {
      const at = [0, ...u32(offset)];
      if (isLoad) {
        return [
          { takes: [T.i32], gives: type, locals: [], body: [0x20, 0, ...code, ...at], name: `load ${index}` },
          {
            takes: [T.i32],
            gives: type,
            locals: [],
            body: [...i32(32), ...code, ...at],
            name: `load of a constant ${index}`,
          },
        ];
      }
      return [
        {
          takes: [T.i32, type],
          gives: undefined,
          locals: [],
          body: [0x20, 0, 0x20, 1, ...code, ...at],
          name: `store ${index}`,
        },
        {
          takes: [T.i32, type],
          gives: undefined,
          locals: [],
          body: [...i32(64), 0x20, 1, ...code, ...at],
          name: `store to a constant ${index}`,
        },
        {
          takes: [T.i32, type],
          gives: undefined,
          locals: [],
          body: [0x20, 0, ...constant(type, type === T.f64 ? 1.5 : -3), ...code, ...at],
          name: `store of a constant ${index}`,
        },
      ];
    });
    const bytes = Array.from({ length: 6000 }, (_, index) => (index * 89) & 255);
    const both = new Both(writeModule({ functions, data: [{ at: 0, bytes }] }));
    for (const { name, takes } of functions)
      for (const address of [0, 3, 255, 500])
        for (const value of takes.length === 2 ? edgesOf(type).filter((each) => !Number.isNaN(each)) : [0]) {
          const result = takes.length === 2 ? both.call(name!, address, value) : both.call(name!, address);
          assert.ok(!isLoad || result !== undefined);
        }
    both.checkState(opcode.name);
    both.close();
  }
});

test('what changes memory in place gives what V8 gives', { skip }, () => {
  const kinds = [
    { type: T.i32, load: [0x28, 0x2d, 0x2f], store: [0x36, 0x3a, 0x3b], operations: [0x6a, 0x6b, 0x71, 0x72, 0x73] },
    {
      type: T.i64,
      load: [0x29, 0x31, 0x33, 0x35],
      store: [0x37, 0x3c, 0x3d, 0x3e],
      operations: [0x7c, 0x7d, 0x83, 0x84, 0x85],
    },
  ] as const;
  for (const { type, load: loads, store: stores, operations } of kinds) {
    const functions = loads.flatMap((from, index) =>
      operations.flatMap((operation): WrittenFunction[] => {
        const change = (right: readonly number[]): number[] => [
          0x20,
          0,
          0x20,
          0,
          from,
          0,
          8,
          ...right,
          operation,
          stores[index]!,
          0,
          8,
        ];
        return [
          {
            takes: [T.i32, type],
            gives: undefined,
            locals: [],
            body: change([0x20, 1]),
            name: `${from} ${operation} by a variable`,
          },
          {
            takes: [T.i32, type],
            gives: undefined,
            locals: [],
            body: change(constant(type, 1)),
            name: `${from} ${operation} by 1`,
          },
          {
            takes: [T.i32, type],
            gives: undefined,
            locals: [],
            body: change(constant(type, -12345)),
            name: `${from} ${operation} by -12345`,
          },
        ];
      }),
    );
    inBoth(functions, (both) => {
      for (const [at, { name }] of functions.entries())
        for (const edge of edgesOf(type)) both.call(name!, 128 + at * 16, edge);
    });
  }
});

test('traps are those of V8, and nothing that comes behind them is done', { skip }, () => {
  const mark = [...i32(200), ...i32(1), 0x36, 0, 0];
  const functions: WrittenFunction[] = [
    { takes: [], gives: T.i32, locals: [], body: [...mark, 0x00], name: 'unreachable' },
    { takes: [T.i32, T.i32], gives: T.i32, locals: [], body: [0x20, 0, 0x20, 1, 0x6d, ...mark], name: 'division' },
    { takes: [T.i64, T.i64], gives: T.i64, locals: [], body: [0x20, 0, 0x20, 1, 0x81, ...mark], name: 'remainder' },
    {
      takes: [T.i32, T.i32, T.i32],
      gives: undefined,
      locals: [],
      body: [0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 11, 0],
      name: 'fill',
    },
    {
      takes: [T.i32, T.i32, T.i32],
      gives: undefined,
      locals: [],
      body: [0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 10, 0, 0],
      name: 'copy',
    },
    {
      takes: [T.i32, T.i32],
      gives: T.i32,
      locals: [],
      body: [0x20, 1, 0x20, 1, 0x20, 0, 0x11, 1, 0],
      name: 'indirect',
    },
    { takes: [T.f64], gives: T.f64, locals: [], body: [0x20, 0, ...f64(2), 0xa2], name: 'double' },
  ];
  const both = new Both(writeModule({ functions, table: [1, 0, 6, 5], tableEntries: 8 }));
  assert.equal(both.call('division', -0x8000_0000, -1), undefined);
  assert.equal(both.call('remainder', -(2n ** 63n), -1n), 0n);
  for (const name of ['unreachable']) both.call(name);
  for (const [left, right] of [
    [1, 0],
    [7, -2],
    [0, 5],
  ] as const)
    both.call('division', left, right);
  both.call('remainder', 5n, 0n);
  const places = [0, 1, 100, 65_535, 65_536, 65_537, -1, -65_536];
  for (const at of places)
    for (const other of places)
      for (const many of [0, 1, 50, 65_536, -1]) {
        both.call('fill', at, other, many);
        both.call('copy', at, other, many);
      }
  for (let entry = -1; entry < 9; entry++) both.call('indirect', entry, 2);
  both.call('double', 1.25);
  both.checkState('afterwards');
  both.close();
});
