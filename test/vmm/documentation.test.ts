// The example of a monitor in docs/vm.md, run as it stands there. Not here: what guests do with anything else (life.test.ts).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { patient } from '../support/patience.js';
import { guestsRefused, imageOf } from './support.js';

const root = new URL('../../../', import.meta.url);

test('a guest in a program of one page, and how it ended', { skip: guestsRefused() }, () => {
  const document = readFileSync(new URL('docs/vm.md', root), 'utf8');
  const program = /```js\n([^`]*new Guest\([\s\S]*?)```/.exec(document)![1]!.replace('program.elf', imageOf('echo'));
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    ...{ cwd: fileURLToPath(root), encoding: 'utf8', timeout: patient(60_000) },
  });
  assert.equal(stderr, '');
  assert.match(stdout, /^echo: it needs a network card and ip=ADDRESS\/LENGTH\r?\nit ended with status 2\n$/);
  assert.equal(status, 0);
});
