import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findFunctions } from './functions.js';
import { SourceFile } from './project.js';

const names = (code: string) => findFunctions(new SourceFile('src/a.ts', code)).map(({ name }) => name);

test('functions in the forms in which TypeScript writes them', () => {
  assert.deepEqual(names('function a() {}'), ['a']);
  assert.deepEqual(names('export async function* a<T extends { x: 1 }>(b: T): AsyncGenerator<T> {}'), ['a']);
  assert.deepEqual(names('const a = (b: number) => { };'), ['a']);
  assert.deepEqual(names('const a = async (b: number): Promise<void> => { };'), ['a']);
  assert.deepEqual(names('const a: Handler = function () {};'), ['a']);
  assert.deepEqual(names('const a = function named() {};'), ['named']);
  assert.deepEqual(names('list.map((x) => { return x; })'), ['anonymous']);
  assert.deepEqual(
    names('class A { constructor() {} get b() {} static async #c(d = f()) {} [Symbol.iterator]() {} }'),
    ['constructor', 'b', '#c', '[Symbol.iterator]'],
  );
  assert.deepEqual(names('const o = { a() {}, b: () => {} }'), ['a', 'b']);
});

test('return types of every shape are read over', () => {
  for (const type of [
    'void',
    'string | undefined',
    '{ a: number; b: { c: 1 } }',
    'readonly [string, { a: 1 }][]',
    'Map<string, Set<{ a: 1 }>>',
    'value is Uint8Array',
    'asserts value is string',
    "'a' | 'b'",
    '(x: number) => { a: 1 }',
    'typeof table',
    'Promise<{ a: 1 } | null>',
    '(typeof names)[number]',
  ]) {
    const code = `function f(value: unknown): ${type} { return g(); }`;
    const [outer] = findFunctions(new SourceFile('src/a.ts', code));
    assert.equal(outer?.name, 'f', type);
    assert.equal(outer?.bodyStart, code.lastIndexOf('{'), type);
    assert.equal(names(`class A { f(value: unknown): ${type} {} }`)[0], 'f', type);
  }
});

test('what has no body of its own is no function', () => {
  assert.deepEqual(names('if (a) {} for (;;) {} while (a) {} switch (a) {} try {} catch (e) {}'), []);
  assert.deepEqual(names('function a(): void; interface B { c(): { d: 1 }; e(): void }'), []);
  assert.deepEqual(names('abstract class A { abstract b(): void; c = 1; }'), []);
  assert.deepEqual(names('a(); b({}); c(() => 1); const d = x ? e() : { f: 1 };'), []);
  assert.deepEqual(names('super(a); new B({ c });'), []);
});

test('lines are counted from the head to the closing brace', () => {
  const source = new SourceFile('src/a.ts', '\nfunction a(\n  b: number,\n) {\n  c();\n}\n');
  assert.equal(findFunctions(source)[0]?.lines, 5);
});
