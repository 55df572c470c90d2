import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from './kit/usage.js';
import { run } from './lab.js';

test('a name that is no experiment is refused before anything is made, and an empty one is none', async () => {
  for (const name of ['', 'nothing', '/', 'none/nothing', 'nothing/sendfile', 'none/sendfile/more', '/sendfile']) {
    await assert.rejects(
      run([name]),
      (error) => error instanceof UsageError && /^there is no experiment "/.test(error.message),
      name,
    );
  }
});
