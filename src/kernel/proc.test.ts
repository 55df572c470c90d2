import assert from 'node:assert/strict';
import { test } from 'node:test';
import { processStatus, readSysctl, readSysctlNumber, readText, versionAtLeast } from './proc.js';

test('the status of a process: capabilities by name, seccomp, no_new_privs', () => {
  const text = 'Name:\tnode\nCapEff:\t000000c000203400\nNoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n';
  const status = processStatus(text);
  assert.deepEqual([...status.capabilities].sort(), [
    'CAP_BPF',
    'CAP_NET_ADMIN',
    'CAP_NET_BIND_SERVICE',
    'CAP_NET_RAW',
    'CAP_PERFMON',
    'CAP_SYS_ADMIN',
  ]);
  assert.equal(status.seccompMode, 2);
  assert.equal(status.noNewPrivileges, true);
});

test('a status that says nothing gives nothing', () => {
  const status = processStatus('');
  assert.equal(status.capabilities.size, 0);
  assert.equal(status.seccompMode, undefined);
  assert.equal(status.noNewPrivileges, false);
});

test('what is not there is undefined, never an error', () => {
  assert.equal(readText('/proc/no/such/file'), undefined);
  assert.equal(readText('/proc'), undefined);
  assert.equal(readSysctl('kernel.no_such_sysctl'), undefined);
  assert.equal(readSysctlNumber('kernel.no_such_sysctl'), undefined);
});

test('sysctls that are not numbers are not numbers', { skip: process.platform !== 'linux' && 'needs Linux' }, () => {
  assert.equal(readSysctl('kernel.ostype'), 'Linux');
  assert.equal(readSysctlNumber('kernel.ostype'), undefined);
  assert.ok((readSysctlNumber('kernel.pid_max') ?? 0) > 0);
});

test('versions compare by number, not by letter', () => {
  assert.ok(versionAtLeast('6.18.44-fc-v669', 6, 2));
  assert.ok(versionAtLeast('6.1', 6, 1));
  assert.ok(versionAtLeast('10.0.0', 6, 1));
  assert.ok(versionAtLeast('v20.20.2', 20, 19));
  assert.ok(!versionAtLeast('6.0.19', 6, 1));
  assert.ok(!versionAtLeast('5.15.0', 6, 1));
  assert.ok(!versionAtLeast('20.9.0', 20, 19));
  assert.ok(!versionAtLeast('unknown', 1, 0));
});
