import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno, errnoName } from '../kernel/errno.js';
import { statusOfTrouble, TroubleTeller, troubleWords } from './file-trouble.js';

test('every errno has one status, and only what says "not there" is 404', () => {
  const by: Record<number, string[]> = { 403: [], 404: [], 500: [], 503: [] };
  for (const errno of Object.values(Errno)) by[statusOfTrouble(errno)]!.push(errnoName(errno));
  assert.deepEqual(by[403], ['EPERM', 'EACCES']);
  assert.deepEqual(by[404], ['ENOENT', 'ENXIO', 'EXDEV', 'ENODEV', 'ENOTDIR', 'ENAMETOOLONG', 'ELOOP']);
  assert.deepEqual(by[503], ['EINTR', 'EAGAIN', 'ENOMEM', 'EBUSY', 'ENFILE', 'EMFILE', 'ENOBUFS']);
  for (const name of [
    'EIO',
    'ENOTCONN',
    'ESTALE',
    'ETIMEDOUT',
    'EHOSTDOWN',
    'ECONNABORTED',
    'EUCLEAN',
    'ENOSYS',
    'EINVAL',
  ]) {
    assert.ok(by[500]!.includes(name), name);
  }
  assert.equal(statusOfTrouble(4242), 500);
});

test('a cause is said once a second, another one at once', () => {
  const said: string[] = [];
  const teller = new TroubleTeller((message) => said.push(message));
  teller.tell(Errno.EIO, 'first', 0);
  teller.tell(Errno.EIO, 'second', 999);
  teller.tell(Errno.ENOTCONN, 'third', 999);
  teller.tell(Errno.EIO, 'fourth', 1000);
  assert.deepEqual(said, ['first', 'third', 'fourth']);
  assert.equal(troubleWords(Errno.EIO, 'line\nbreak'), 'cannot open "line\\nbreak": input/output error (EIO)');
  // A limit is told with what raises it.
  assert.match(troubleWords(Errno.EMFILE, 'a.mp4'), /: too many open files \(EMFILE\); .*ulimit -n, LimitNOFILE=/);
  assert.match(troubleWords(Errno.ENFILE, 'a.mp4'), / \(ENFILE\); .*sysctl fs\.file-max/);
});
