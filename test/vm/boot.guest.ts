// In a guest: the kernel is the one that was asked for, and patches functions, which locked-down hosts refuse.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { test } from 'node:test';

test('the guest runs a Debian kernel with BTF and loopback', () => {
  assert.match(release(), /^\d+\.\d+.*-amd64$/);
  assert.ok(existsSync('/sys/kernel/btf/vmlinux'));
  assert.match(readFileSync('/proc/net/dev', 'utf8'), /lo:/);
});
