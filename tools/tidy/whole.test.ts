import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config } from './config.js';
import { fixture } from './fixtures.js';
import { checkWhole } from './whole.js';

const law = { ...config, wholePrograms: ['machine', 'browser'] };
const check = (files: Record<string, string>) =>
  checkWhole(fixture(files), law).map(({ file, line, message }) => `${file}:${line} ${message}`);

test('a test that starts a program of somebody else’s is called so', () => {
  const starts = "spawn('machine', []);";
  assert.deepEqual(check({ 'test/vm/a.test.ts': starts }), [
    'test/vm/a.test.ts:2 it starts machine: name it a.whole.test.ts',
  ]);
  assert.deepEqual(check({ 'test/vm/a.whole.test.ts': starts, 'test/vm/guest.ts': starts, 'src/vm.ts': starts }), []);
  assert.deepEqual(check({ 'test/a.test.ts': "spawn('machine-image', []); // 'machine'" }), []);
});

test('so is one that does by a file of tests, however indirectly, and not for types alone', () => {
  const files = {
    'test/support/places.ts': "export const path = '/usr/bin/browser'; export type Path = string;",
    'test/support/pages.ts': "export * from './places.js';",
    'test/a.test.ts': "import { path } from './support/pages.js';",
    'test/b.test.ts': "import type { Path } from './support/pages.js';",
    'src/c.ts': "export const path = '/usr/bin/browser';",
    'src/c.test.ts': "import { path } from './c.js';",
  };
  assert.deepEqual(check(files), [
    'test/a.test.ts:1 it starts browser (test/support/places.ts): name it a.whole.test.ts',
  ]);
});
