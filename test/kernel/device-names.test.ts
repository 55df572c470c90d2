// Network devices by name, in a network namespace whose /sys is another one's: what is found are the devices of the namespace.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { interfaceIndex } from '../../src/bpf/link.js';
import { inOwnNetworkNamespace } from '../../src/kernel/namespace.js';
import { deviceNames, deviceState } from '../../src/kernel/network-device.js';

const name = 'of-own-space';
const index = 4711;

/** Why there is no namespace with a device in it here; false where there is. */
function refused(): string | false {
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  return spawnSync('ip', ['-V']).error === undefined ? false : 'there is no ip (iproute2)';
}

test('devices are those of the thread\u2019s namespace, by their numbers there', { skip: refused() }, () => {
  inOwnNetworkNamespace(() => {
    const made = spawnSync('ip', ['link', 'add', name, 'index', `${index}`, 'type', 'veth', 'peer', 'name', 'other']);
    assert.equal(made.status, 0, String(made.stderr));
    // The other source of them is that of whoever mounted it.
    assert.equal(existsSync(`/sys/class/net/${name}`), false);
    assert.deepEqual([...deviceNames()].sort(), ['lo', name, 'other']);
    assert.equal(deviceState(name)?.index, index);
    assert.equal(interfaceIndex(name), index);
    assert.equal(deviceState('lo')?.index, 1);
  });
  assert.equal(deviceNames().includes(name), false);
  assert.throws(() => interfaceIndex(name), /there is no network interface "of-own-space" here/);
  assert.throws(() => interfaceIndex('../../kernel'), RangeError);
});
