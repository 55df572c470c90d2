import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkDocstrings } from './docstrings.js';
import { fixture, places } from './fixtures.js';

const check = (code: string, more: Record<string, string> = {}) =>
  checkDocstrings(fixture({ 'src/a.ts': `// A header that is long enough.\n${code}`, ...more }));
const doc = '/** Says what it does. */\n';

test('exported functions need a docstring, in each form; others do not', () => {
  for (const form of [
    'export function a() {}',
    'export async function* a() {}',
    'export const a = () => 1;',
    'export const a = async (b: number): Promise<void> => {};',
    'export const a: Handler = (b) => b;',
    'export const a = function () {};',
    'export const a = b => b;',
  ]) {
    assert.deepEqual(places(check(form)), ['src/a.ts:2'], form);
    assert.deepEqual(check(doc + form), [], form);
    assert.deepEqual(check(`/**\n * Says what\n * it does.\n */\n${form}`), [], form);
  }
  assert.deepEqual(check('function a() {}\nexport const b = 1;\nexport const c = f(() => 1);\nexport type D = 1;'), []);
});

test('the docstring stands right above, and says something', () => {
  assert.equal(check(`${doc}const b = 1;\nexport function a() {}`).length, 1);
  assert.equal(check('/** */\nexport function a() {}').length, 1);
  assert.equal(check('/* Says what it does. */\nexport function a() {}').length, 1);
  assert.equal(check('// Says what it does.\nexport function a() {}').length, 1);
  assert.deepEqual(check(`${doc}// biome-ignore lint: for a reason\nexport function a() {}`), []);
});

test('of overloads the first is documented', () => {
  assert.deepEqual(
    check(`${doc}export function a(b: 1): 1;\nexport function a(b: 2): 2;\nexport function a(b: any) {}`),
    [],
  );
});

test('an exported class and its public methods', () => {
  const body = [
    'export class A {',
    '  constructor() {}',
    '  hook() {}',
    '  override known() { this.e(); }',
    '  private b() {}',
    '  #c() {}',
    '  protected d() {}',
    '  [Symbol.dispose]() {}',
    '  toString() {}',
    '  field = () => { inner(); };',
    '  static async e() {',
    '    if (x) { y(); }',
    '    const inner = { f() {} };',
    '  }',
    '  get g() { return 1; }',
    '  set g(value) { this.h(); }',
    '}',
  ];
  assert.deepEqual(places(check(body.join('\n'))), ['src/a.ts:2', 'src/a.ts:12', 'src/a.ts:16']);
  body.splice(10, 0, '  /** Says what it does. */');
  body.splice(15, 0, '  /** Says what it is. */');
  assert.deepEqual(check(doc + body.join('\n')), []);
  assert.deepEqual(check('class Hidden { a() {} }'), []);
});

test('a method documented by the interface it implements needs no second docstring', () => {
  const files = {
    'src/b.ts':
      '// A header long enough.\nexport interface B {\n  /** Begins. */\n  start(): void;\n  stop(): void;\n}',
  };
  const found = check(`${doc}export class A implements B {\n  start() { a(); }\n  stop() { b(); }\n}`, files);
  assert.deepEqual(places(found), ['src/a.ts:5']);
});

test('tests, benches and documents are exempt', () => {
  const project = fixture({ 'src/a.test.ts': 'export function a() {}', 'bench/a.ts': 'export function a() {}' });
  assert.deepEqual(checkDocstrings(project), []);
});
