import assert from 'node:assert/strict';
import { test } from 'node:test';
import { config } from './config.js';
import { fixture, places } from './fixtures.js';
import { emptyRatchet } from './ratchet.js';
import { checkSizes, measureSizes } from './sizes.js';

const lines = (count: number) => '  step();\n'.repeat(count);
const law = { ...config, maxFileLines: 100, maxFunctionLines: 10 };
const long = { 'src/a.ts': `// A header that is long enough.\nfunction run() {\n${lines(9)}}\n` };

test('a function one line too long fails, one that just fits passes', () => {
  assert.deepEqual(places(checkSizes(fixture(long), law, emptyRatchet)), ['src/a.ts:2']);
  const fits = { 'src/a.ts': `// A header that is long enough.\nfunction run() {\n${lines(8)}}\n` };
  assert.deepEqual(checkSizes(fixture(fits), law, emptyRatchet), []);
});

test('a file one line too long fails, one that just fits passes; tests are files too', () => {
  const of = (count: number, path: string) => fixture({ [path]: `// x\n${lines(count - 1)}` });
  assert.deepEqual(checkSizes(of(100, 'src/a.ts'), law, emptyRatchet), []);
  assert.deepEqual(places(checkSizes(of(101, 'src/a.ts'), law, emptyRatchet)), ['src/a.ts:1']);
  assert.equal(checkSizes(of(101, 'test/a.test.ts'), law, emptyRatchet).length, 1);
});

test('functions of tests are not measured', () => {
  const project = fixture({ 'test/a.test.ts': `test('a', () => {\n${lines(60)}});\n` });
  assert.deepEqual(checkSizes(project, law, emptyRatchet), []);
});

test('what the ratchet lists may be as long as listed, and no longer', () => {
  const listed = (count: number) => ({ ...emptyRatchet, functionLines: { 'src/a.ts run': count } });
  assert.deepEqual(checkSizes(fixture(long), law, listed(11)), []);
  const longer = fixture({ 'src/a.ts': `// A header that is long enough.\nfunction run() {\n${lines(10)}}\n` });
  assert.deepEqual(places(checkSizes(longer, law, listed(11))), ['src/a.ts:2']);
  assert.deepEqual([...measureSizes(longer, law).functionLines], [['src/a.ts run', 12]]);
});
