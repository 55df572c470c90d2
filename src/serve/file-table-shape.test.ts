// That a table keeps its hidden class while it is used: where one of its fields gets a number of another form late, V8 throws away all code that
// was compiled for it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

test('a table has the same hidden class when its counts were halved, and when it grew', () => {
  const program = `
    import { FileTable } from ${JSON.stringify(new URL('./file-table.js', import.meta.url).href)};
    const [fresh, used] = [0, 1].map(() => new FileTable(10_000, 4));
    const same = [%HaveSameMap(fresh, used)];
    used.age(10_000.5);
    used.age(1e7 + 0.25);
    same.push(%HaveSameMap(fresh, used));
    for (let index = 0; index < 3000; index++) {
      const key = Buffer.from('/' + index);
      used.add(key, 0, key.length);
    }
    same.push(%HaveSameMap(fresh, used));
    console.log(JSON.stringify(same));
  `;
  const words = ['--allow-natives-syntax', '--input-type=module', '-e', program];
  assert.deepEqual(JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' })), [true, true, true]);
});
