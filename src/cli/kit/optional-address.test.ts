import assert from 'node:assert/strict';
import { test } from 'node:test';
import { optionalAddress } from './optional-address.js';

test('an address behind the option is its value; anything else is not', () => {
  const join = (...args: string[]) => optionalAddress(args, '--open');
  assert.deepEqual(join('--open'), ['--open=127.0.0.1:0']);
  assert.deepEqual(join('--open', '0.0.0.0:80', '--all'), ['--open=0.0.0.0:80', '--all']);
  assert.deepEqual(join('--open', '[::]:80'), ['--open=[::]:80']);
  assert.deepEqual(join('--open', 'site'), ['--open=127.0.0.1:0', 'site']);
  assert.deepEqual(join('--open', './a:1'), ['--open=127.0.0.1:0', './a:1']);
  assert.deepEqual(join('--open', '--all'), ['--open=127.0.0.1:0', '--all']);
  assert.deepEqual(join('--open=1.2.3.4:5'), ['--open=1.2.3.4:5']);
  assert.deepEqual(join(), []);
});
