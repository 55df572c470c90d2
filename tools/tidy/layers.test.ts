import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config } from './config.js';
import { fixture, places } from './fixtures.js';
import { checkLayers } from './layers.js';

const check = (files: Record<string, string>) => checkLayers(fixture(files), config);

test('an import that goes down passes, one that climbs fails', () => {
  const files = {
    'src/kernel/file.ts': 'export const a = 1;',
    'src/memory/region.ts': "import { a } from '../kernel/file.js';",
  };
  assert.deepEqual(check(files), []);
  const found = check({ ...files, 'src/kernel/bad.ts': "\nimport {\n  b,\n} from '../memory/region.js';" });
  assert.deepEqual(places(found), ['src/kernel/bad.ts:5']);
  assert.match(found[0]?.message ?? '', /kernel\/ is below memory\//);
});

test('every form of import counts', () => {
  const forms = [
    "import '../memory/a.js';",
    "import a from '../memory/a.js';",
    "import * as a from '../memory/a.js';",
    "import type { A } from '../memory/a.js';",
    "import { type A } from '../memory/a.js';",
    "export * from '../memory/a.js';",
    "export { a } from '../memory/a.js';",
    "const a = await import('../memory/a.js');",
    "let a: typeof import('../memory/a.js');",
    "const a = require('../memory/a.js');",
    "export interface B {}\nimport a from '../memory/a.js';",
  ];
  for (const form of forms) {
    assert.equal(check({ 'src/kernel/x.ts': form, 'src/memory/a.ts': '' }).length, 1, form);
  }
  assert.deepEqual(check({ 'src/kernel/x.ts': "// import a from '../memory/a.js' says this header comment" }), []);
});

test('a test climbs no more than its source; what needs more is in test/', () => {
  const files = { 'src/serve/server.ts': '' };
  assert.equal(check({ ...files, 'src/kernel/x.test.ts': "import '../serve/server.js';" }).length, 1);
  assert.equal(check({ ...files, 'test/x.test.ts': "import '../src/serve/server.js';" }).length, 0);
});

test('folders side by side: one direction passes, a circle fails at each of its imports', () => {
  const one = { 'src/serve/a.ts': "import '../pages/b.js';", 'src/pages/b.ts': '' };
  assert.deepEqual(check(one), []);
  const circle = {
    'src/serve/a.ts': "import '../pages/b.js';",
    'src/pages/b.ts': "import '../media/c.js';",
    'src/media/c.ts': "import '../serve/a.js';",
  };
  assert.deepEqual(places(check(circle)), ['src/serve/a.ts:2', 'src/pages/b.ts:2', 'src/media/c.ts:2']);
});

test('entry points stand above all but the command line', () => {
  assert.deepEqual(check({ 'src/index.ts': "export * from './serve/a.js';", 'src/serve/a.ts': '' }), []);
  assert.equal(check({ 'src/index.ts': '', 'src/serve/a.ts': "import '../index.js';" }).length, 1);
  assert.equal(check({ 'src/index.ts': "import './cli/main.js';", 'src/cli/main.ts': '' }).length, 1);
});

test('nothing but kernel/ imports koffi, in no form and nowhere', () => {
  assert.deepEqual(
    check({ 'package.json': '{"dependencies":{"koffi":"1"}}', 'src/kernel/ffi.ts': "import 'koffi';" }),
    [],
  );
  for (const text of [
    "import koffi from 'koffi';",
    "import type { K } from 'koffi';",
    "const k = createRequire(import.meta.url)('koffi');",
    "type K = typeof import('koffi');",
    "const k = await import('koffi');",
  ]) {
    assert.ok(check({ 'bench/x.ts': text }).length >= 1, text);
    assert.ok(check({ 'src/memory/x.ts': text }).length >= 1, text);
  }
});

test('pure folders reach kernel/ neither directly nor through what they run', () => {
  const files = { 'src/kernel/k.ts': '', 'src/memory/m.ts': "import '../kernel/k.js';", 'src/memory/pure.ts': '' };
  assert.equal(check({ ...files, 'src/wire/a.ts': "import type { K } from '../kernel/k.js';" }).length, 1);
  const found = check({ ...files, 'src/plan/a.ts': "import { m } from '../memory/m.js';" });
  assert.match(found[0]?.message ?? '', /src\/memory\/m\.ts -> src\/kernel\/k\.ts/);
  assert.deepEqual(check({ ...files, 'src/wire/a.ts': "import type { M } from '../memory/m.js';" }), []);
  assert.deepEqual(check({ ...files, 'src/wire/a.ts': "import '../memory/pure.js';" }), []);
});

test('a folder inside a pure one may be excepted; its neighbours stay pure, also through it', () => {
  const files = { 'src/kernel/k.ts': '', 'src/media/serving/s.ts': "import '../../kernel/k.js';" };
  assert.deepEqual(check(files), []);
  assert.equal(check({ ...files, 'src/media/a.ts': "import '../kernel/k.js';" }).length, 1);
  assert.equal(check({ ...files, 'src/media/b/a.ts': "import '../serving/s.js';" }).length, 1);
  assert.equal(check({ ...files, 'src/media/serving-too/a.ts': "import '../../kernel/k.js';" }).length, 1);
});

test('a closed folder imports nothing but its own files; its tests may', () => {
  const files = { 'src/core/tcp.ts': '', 'src/text/units.ts': '' };
  assert.deepEqual(check({ ...files, 'src/core/a.ts': "import './tcp.js';" }), []);
  for (const specifier of ['node:fs', '../text/units.js', 'mrmime']) {
    const found = check({
      ...files,
      'package.json': '{"dependencies":{"mrmime":"1"}}',
      'src/core/a.ts': `import '${specifier}';`,
    });
    assert.deepEqual(places(found), ['src/core/a.ts:2'], specifier);
  }
  assert.deepEqual(check({ ...files, 'src/core/a.test.ts': "import 'node:test';" }), []);
});

test('folders to come have their places', () => {
  for (const folder of ['core', 'media', 'virtio', 'xdp', 'kvm', 'kv', 'bypass', 'vmm', 'audio', 'ui']) {
    assert.deepEqual(check({ [`src/${folder}/a.ts`]: '' }), [], folder);
  }
});

test('what the package ships imports only what the package declares', () => {
  const manifest = '{"name":"clearway","dependencies":{"mrmime":"1","@a/b":"1"}}';
  const ship = (text: string) => check({ 'package.json': manifest, 'src/serve/a.ts': text });
  assert.deepEqual(ship("import 'mrmime'; import '@a/b/c'; import 'node:fs';"), []);
  assert.equal(ship("import 'fast-check';").length, 1);
  assert.equal(ship("import { createServer } from 'clearway';").length, 1);
  assert.equal(ship("import '../../tools/run.js';").length, 1);
  assert.equal(ship("import './a.test.js';").length, 1);
  const development = '{"devDependencies":{"uplot":"1"}}';
  assert.deepEqual(check({ 'package.json': development, 'src/dashboard/page/a.ts': "import 'uplot';" }), []);
  assert.equal(check({ 'package.json': development, 'src/dashboard/a.ts': "import 'uplot';" }).length, 1);
  assert.deepEqual(check({ 'package.json': manifest, 'src/serve/a.test.ts': "import 'fast-check';" }), []);
});

test('a folder without a place in the layers is said', () => {
  assert.deepEqual(places(check({ 'src/misc/a.ts': '' })), ['src/misc/a.ts:1']);
});
