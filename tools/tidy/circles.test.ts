import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCircles, circleName, findCircles } from './circles.js';
import { fixture } from './fixtures.js';
import { checkRatchet, emptyRatchet, lowered } from './ratchet.js';

const circlesOf = (files: Record<string, string>) => findCircles(fixture(files));
const names = (files: Record<string, string>) => circlesOf(files).map(circleName);

test('files that import one another in a line pass, two that need each other are named', () => {
  assert.deepEqual(names({ 'src/a/x.ts': "import './y.js';", 'src/a/y.ts': "import './z.js';", 'src/a/z.ts': '' }), []);
  const files = { 'src/a/x.ts': "\nimport './y.js';", 'src/a/y.ts': "import './x.js';" };
  assert.deepEqual(names(files), ['src/a/x.ts <-> src/a/y.ts']);
  const [found] = checkCircles(circlesOf(files), {});
  assert.equal(found?.file, 'src/a/x.ts');
  assert.equal(found?.line, 3);
  assert.match(found?.message ?? '', /through src\/a\/y\.ts: move what both need/);
});

test('types and dynamic imports count, what is started as a thread or a program does not', () => {
  for (const back of [
    "import type { X } from './x.js';",
    "let x: typeof import('./x.js');",
    "await import('./x.js');",
  ]) {
    assert.equal(names({ 'src/a/x.ts': "import './y.js';", 'src/a/y.ts': back }).length, 1, back);
  }
  const thread = "new Worker(new URL('./x.js', import.meta.url));";
  assert.deepEqual(names({ 'src/a/x.ts': "import './y.js';", 'src/a/y.ts': thread }), []);
});

test('a file that imports itself is a circle; files outside of src/ are not looked at', () => {
  assert.deepEqual(names({ 'src/a/x.ts': "import './x.js';" }), ['src/a/x.ts']);
  assert.deepEqual(names({ 'bench/x.ts': "import './y.js';", 'bench/y.ts': "import './x.js';" }), []);
});

test('a long circle is found whole, beside one it only leads to', () => {
  const files: Record<string, string> = {};
  for (let index = 0; index < 2000; index++) files[`src/a/f${index}.ts`] = `import './f${(index + 1) % 2000}.js';`;
  files['src/a/f7.ts'] += "\nimport '../b/x.js';";
  files['src/b/x.ts'] = "import './y.js';";
  files['src/b/y.ts'] = "import './x.js';";
  assert.deepEqual(
    circlesOf(files).map((circle) => circle.files.length),
    [2000, 2],
  );
});

test('the ratchet excuses a circle that is listed, and asks for its removal when it is gone', () => {
  const circles = circlesOf({ 'src/a/x.ts': "import './y.js';", 'src/a/y.ts': "import './x.js';" });
  const listed = { ...emptyRatchet, circles: { 'src/a/x.ts <-> src/a/y.ts': 2 } };
  assert.deepEqual(checkCircles(circles, listed.circles), []);
  const measured = (count: number) => ({
    fileLines: new Map(),
    functionLines: new Map(),
    copyMarkers: new Map(),
    circles: new Map(count > 0 ? [['src/a/x.ts <-> src/a/y.ts', count]] : []),
  });
  assert.deepEqual(checkRatchet(listed, measured(2)), []);
  assert.equal(checkRatchet(listed, measured(0)).length, 1);
  assert.deepEqual(lowered(listed, measured(0)), emptyRatchet);
});
