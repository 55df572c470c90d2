import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Errno } from './errno.js';
import { platformIsLinux } from './ffi.js';
import { examineUring, nameUringRefusal, type UringRefusal, type UringRefusalEvidence } from './probe-uring.js';

/** An old kernel's host without walls; each row says what is different. */
const plain: UringRefusalEvidence = {
  ...{ errno: Errno.EPERM, disabled: undefined, privileged: false, seccompMode: 0, compiledIn: true },
};

test('each cause of a refusal is named apart', () => {
  const rows: [Partial<UringRefusalEvidence>, UringRefusal][] = [
    [{ disabled: 2 }, 'sysctl'],
    [{ disabled: 2, privileged: true }, 'sysctl'],
    [{ disabled: 2, seccompMode: 2 }, 'sysctl'],
    [{ disabled: 1 }, 'sysctl'],
    [{ disabled: 1, privileged: true }, 'policy'],
    [{ disabled: 1, privileged: true, seccompMode: 2 }, 'seccomp'],
    [{ disabled: 0, seccompMode: 2 }, 'seccomp'],
    [{ seccompMode: 2 }, 'seccomp'],
    [{ errno: Errno.EACCES, seccompMode: 2 }, 'seccomp'],
    [{ disabled: 0 }, 'policy'],
    [{ seccompMode: undefined }, 'policy'],
    [{ errno: Errno.ENOSYS }, 'absent'],
    [{ errno: Errno.ENOSYS, seccompMode: 2, compiledIn: false }, 'absent'],
    [{ errno: Errno.ENOSYS, seccompMode: 2, compiledIn: undefined }, 'absent'],
    [{ errno: Errno.ENOSYS, seccompMode: 2 }, 'seccomp'],
    [{ errno: Errno.ENOSYS, seccompMode: 2, compiledIn: undefined, disabled: 0 }, 'seccomp'],
    [{ errno: Errno.ENOMEM }, 'memory'],
    [{ errno: Errno.EMFILE }, 'descriptors'],
    [{ errno: Errno.ENFILE, seccompMode: 2 }, 'descriptors'],
    [{ errno: Errno.EINVAL }, 'other'],
  ];
  for (const [difference, refusal] of rows) {
    assert.equal(nameUringRefusal({ ...plain, ...difference }), refusal, JSON.stringify(difference));
  }
});

test('io_uring on this host: it works with named operations, or says who refused', {
  skip: !platformIsLinux && 'needs Linux',
}, () => {
  const capability = examineUring();
  if (!capability.works) {
    assert.ok(capability.refusal !== undefined && capability.refusedCall !== undefined && capability.errorCode);
    return;
  }
  for (const name of ['NOP', 'READV', 'POLL_ADD', 'ASYNC_CANCEL'])
    assert.ok(capability.operations.includes(name), name);
  assert.ok(capability.features.includes('NODROP'));
  assert.equal(new Set(capability.operations).size, capability.operations.length);
});

test('examining leaves no descriptor behind', { skip: !platformIsLinux && 'needs Linux' }, () => {
  const open = () => readdirSync('/proc/self/fd').length;
  examineUring();
  const before = open();
  for (let count = 0; count < 5; count++) examineUring();
  assert.equal(open(), before);
});
