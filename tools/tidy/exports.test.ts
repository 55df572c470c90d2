import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config } from './config.js';
import { checkExports } from './exports.js';
import { fixture } from './fixtures.js';

const manifest = JSON.stringify({
  exports: {
    '.': { types: './dist/src/index.d.ts', default: './dist/src/index.js' },
    './package.json': './package.json',
  },
  bin: { clearway: './dist/src/cli/main.js' },
});

function dead(files: Record<string, string>): string[] {
  const found = checkExports(fixture({ 'package.json': manifest, ...files }), config);
  return found.map(({ file, message }) => `${file} ${message.split(':')[0]}`);
}

test('an export that nothing imports is dead, in each form of export', () => {
  const forms: [string, string[]][] = [
    ['export function a() {}', ['a']],
    ['export async function* a() {}', ['a']],
    ['export class A {}', ['A']],
    ['export abstract class A {}', ['A']],
    ['export const a = 1;', ['a']],
    ['export const enum A { b }', ['A']],
    ['export const { a, b: c, ...d } = e;', ['a', 'c', 'd']],
    ['export const [a, b] = c;', ['a', 'b']],
    ['const a = 1; const b = 2;\nexport { a, b as c };', ['a', 'c']],
    ['export default function a() {}', ['default']],
    ['export interface A { b: 1 }', ['A']],
    ['export type A = 1;', ['A']],
  ];
  for (const [text, names] of forms) {
    assert.deepEqual(
      dead({ 'src/serve/a.ts': text }),
      names.map((name) => `src/serve/a.ts ${name}`),
      text,
    );
  }
});

test('every form of import is a use', () => {
  const a = { 'src/serve/a.ts': 'export function a() {}' };
  for (const text of [
    "import { a } from './a.js';",
    "import { a as b } from './a.js';",
    "import { type a } from './a.js';",
    "import type { a } from './a.js';",
    "import * as all from './a.js'; all.a();",
    "import * as all from './a.js'; hand(all);",
    "import * as all from './a.js'; hand({ ...all });",
    "const { a } = await import('./a.js');",
    "new Worker(new URL('./a.js', import.meta.url));",
  ]) {
    assert.deepEqual(dead({ ...a, 'src/serve/b.ts': text }), [], text);
  }
  assert.deepEqual(dead({ ...a, 'src/serve/b.ts': "import * as all from './a.js'; all.b();" }), ['src/serve/a.ts a']);
  assert.deepEqual(dead({ ...a, 'src/serve/b.ts': "import { b } from './a.js';" }), ['src/serve/a.ts a']);
  assert.deepEqual(dead({ ...a, 'bench/b.ts': "import { a } from '../src/serve/a.js';" }), []);
  assert.deepEqual(dead({ ...a, 'tools/b.mjs': "import { a } from '../dist/src/serve/a.js';" }), []);
});

test('a use by a test is none, and is said', () => {
  const files = { 'src/serve/a.ts': 'export function a() {}', 'src/serve/a.test.ts': "import { a } from './a.js';" };
  const found = checkExports(fixture({ 'package.json': manifest, ...files }), config);
  assert.match(found[0]?.message ?? '', /^a: only tests import it/);
});

test('a test may look into a module for what the module itself uses', () => {
  const files = {
    'src/serve/a.ts': 'export function a() {}\nexport function b() { a(); }',
    'src/serve/a.test.ts': "import { a } from './a.js';",
    'src/serve/c.ts': "import { b } from './a.js';",
  };
  assert.deepEqual(dead(files), []);
});

test('what the public entry points export is alive, through re-exports too', () => {
  const files = {
    'src/index.ts': "export { a } from './serve/a.js';\nexport * from './serve/b.js';\nexport function c() {}",
    'src/serve/a.ts': 'export function a() {}\nexport function unused() {}',
    'src/serve/b.ts': "export * from './c.js';\nexport const d = 1;",
    'src/serve/c.ts': 'export const e = 1;',
  };
  assert.deepEqual(dead(files), ['src/serve/a.ts unused']);
});

test('a re-export that nobody uses keeps nothing alive', () => {
  const files = { 'src/serve/index.ts': "export { a } from './a.js';", 'src/serve/a.ts': 'export function a() {}' };
  assert.deepEqual(dead(files), ['src/serve/index.ts a', 'src/serve/a.ts a']);
  assert.deepEqual(dead({ ...files, 'src/cli/b.ts': "import { a } from '../serve/index.js';" }), []);
});

test('a type that its file goes on using is left alone', () => {
  const text = 'export interface Options { port: number }\nexport function a(options: Options) {}';
  assert.deepEqual(dead({ 'src/serve/a.ts': text, 'src/serve/b.ts': "import { a } from './a.js';" }), []);
});

test('what is loaded by import() is alive, and what a convention asks for: fakes for tests', () => {
  const command = { 'src/cli/plan.ts': 'export async function run() {}' };
  assert.deepEqual(dead({ ...command, 'src/cli/commands.ts': "const load = () => import('./plan.js');" }), []);
  assert.deepEqual(dead({ 'src/engine/fake.ts': 'export class FakeEngine {}' }), []);
  assert.deepEqual(dead({ 'src/cli/plan.ts': 'export function other() {}' }), ['src/cli/plan.ts other']);
});
