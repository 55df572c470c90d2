import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Errno } from '../../kernel/errno.js';
import { SystemError } from '../../kernel/system-error.js';
import { shortageSentence } from './shortage.js';

test('what the host is short of is one sentence, whoever ran into it; other errors are none of it', () => {
  const loader = Object.assign(new Error("EMFILE: too many open files, open 'some/module.js'"), { code: 'EMFILE' });
  const worker = Object.assign(new Error('Worker initialization failure: EMFILE'), { code: 'ERR_WORKER_INIT_FAILED' });
  const thread = Object.assign(new Error('EAGAIN'), { code: 'ERR_WORKER_INIT_FAILED' });
  const heap = Object.assign(new Error('Worker terminated due to reaching memory limit'), {
    code: 'ERR_WORKER_OUT_OF_MEMORY',
  });
  for (const error of [loader, worker, new SystemError(Errno.EMFILE, 'eventfd')]) {
    assert.match(shortageSentence(error)!, /^the limit on open files( \(\w+\))? is too low: .*ulimit -n 1024.*$/);
  }
  assert.match(shortageSentence(thread)!, /^no thread can be started: .*ulimit -u.*$/);
  assert.match(shortageSentence(new SystemError(Errno.ENOMEM, 'mmap'))!, /^memory is short: .*ulimit -v.*$/);
  assert.match(shortageSentence(heap)!, /^memory is short: /);
  assert.match(shortageSentence(new SystemError(Errno.ENFILE, 'socket'))!, /fs\.file-max/);
  const nowhere = Object.assign(new Error('ENOENT: no such file or directory, uv_cwd'), { syscall: 'uv_cwd' });
  assert.match(shortageSentence(nowhere)!, /^the current directory is not there any more: /);
  for (const error of [
    new Error('E'),
    new SystemError(Errno.EADDRINUSE, 'bind'),
    new SystemError(Errno.ENOMEM, 'io_uring_setup', undefined, 'raise the memory-lock limit with `ulimit -l`'),
    'EMFILE',
    undefined,
    new Error('EX'),
  ]) {
    assert.equal(shortageSentence(error), undefined);
  }
});
