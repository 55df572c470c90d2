import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fixture } from './fixtures.js';
import { projectOf } from './project.js';
import { checkTexts } from './texts.js';

const rules = (files: Record<string, string>) =>
  checkTexts(projectOf(files)).map(({ rule, line }) => `${rule}:${line}`);
const header = '// What this fixture is for, in some words.\n';
const folder = (name: string) => `/${name}/`;

test('every source begins with a comment of some words', () => {
  assert.deepEqual(rules({ 'src/a.ts': `${header}export {};` }), []);
  assert.deepEqual(rules({ 'src/a.ts': `#!/usr/bin/env node\n${header}export {};` }), []);
  assert.deepEqual(rules({ 'src/a.ts': '/**\n * What this fixture is for.\n */\n' }), []);
  assert.deepEqual(rules({ 'src/a.ts': `export {};\n${header}` }), ['header:1']);
  assert.deepEqual(rules({ 'src/a.ts': '// a.ts\nexport {};' }), ['header:1']);
  assert.deepEqual(rules({ 'src/a.ts': '#!/usr/bin/env node\nexport {};' }), ['header:1']);
  assert.deepEqual(rules({ 'src/a.ts': '// biome-ignore lint: this is a long reason\nexport {};' }), ['header:1']);
});

test("a unit test's header is its name; a test without a source beside it needs one", () => {
  assert.deepEqual(rules({ 'src/a.ts': header, 'src/a.test.ts': 'test();' }), []);
  assert.deepEqual(rules({ 'src/a.ts': header, 'src/a.whole.test.ts': 'test();' }), []);
  assert.deepEqual(rules({ 'test/b.test.ts': 'test();' }), ['header:1']);
});

test('paths of one machine, in code, strings, comments and documents', () => {
  for (const name of ['work', 'root', 'home']) {
    assert.deepEqual(rules({ 'README.md': `see\n${folder(name)}file` }), ['path:2'], name);
    assert.deepEqual(rules({ 'src/a.ts': `${header}open('${folder(name)}x');` }), ['path:2'], name);
    assert.deepEqual(rules({ 'README.md': `a${folder(name)}b and .${folder(name)}b` }), [], name);
  }
});

test('hosts of registries, and a lock file that names any host', () => {
  const host = ['registry', 'example', 'org'].join('.');
  assert.deepEqual(rules({ 'a.md': `from ${host}` }), ['path:1']);
  assert.deepEqual(rules({ 'a.md': 'a registry. example' }), []);
  assert.deepEqual(rules({ 'package-lock.json': '{\n"resolved": "https://mirror.example/a.tgz"}' }), ['path:2']);
});

test('.only in a test', () => {
  for (const text of ["test.only('a')", "it.only('a')", "describe.only('a')", "test('a', { only: true })"]) {
    assert.deepEqual(rules({ 'test/a.test.ts': `${header}${text};` }), ['only:2'], text);
  }
  assert.deepEqual(rules({ 'test/a.test.ts': `${header}check('test.only(');` }), []);
});

test('a comment that leaves something for later', () => {
  for (const word of ['TO' + 'DO', 'FIX' + 'ME']) {
    assert.deepEqual(rules({ 'src/a.ts': `${header}a(); // ${word}: more` }), ['unfinished:2'], word);
    assert.deepEqual(rules({ 'src/a.ts': `${header}a('${word}');` }), [], word);
  }
});

test('the fixtures of other rules have headers of their own', () => {
  assert.deepEqual(checkTexts(fixture({ 'src/a.ts': 'export {};' })), []);
});
