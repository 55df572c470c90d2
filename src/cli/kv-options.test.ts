import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkKvOptions } from './kv-options.js';

const check = (given: Record<string, unknown>, onLinux = true) => checkKvOptions(given, onLinux);

test('what would have no effect is refused with what it goes with', () => {
  for (const [given, words] of [
    [{ tap: 'tap0' }, /^UsageError: --tap is for --vm: give both$/],
    [{ 'vm-address': '10.0.0.2/24' }, /^UsageError: --vm-address is for --vm: give both$/],
    [{ vm: true, bypass: 'eth1' }, /two ways to serve/],
    [{ vm: true, 'bypass-poll': '9' }, /two ways to serve/],
    [
      { vm: true, 'vm-address': '10.0.0.2/24' },
      /^UsageError: --vm-address is the address of a network card: give --tap, --xdp/,
    ],
    [{ vm: true, 'vm-gateway': '10.0.0.1' }, /^UsageError: --vm-gateway is the address of a network card/],
    [{ 'socket-mode': '600' }, /^UsageError: --socket-mode is given without --socket/],
  ] as const) {
    assert.throws(() => check(given), words, JSON.stringify(given));
  }
  for (const given of [
    {},
    { vm: true },
    { vm: true, xdp: 'eth1', 'vm-address': '10.0.0.2/24', 'vm-gateway': '10.0.0.1' },
    { bypass: 'eth1', 'bypass-poll': '0', metrics: '127.0.0.1:9121' },
    { socket: 'kv.sock', 'socket-mode': '600', engine: 'epoll', live: true },
  ]) {
    check(given);
  }
});

test('away from Linux an option that only Linux has is refused, and the others are not', () => {
  for (const name of ['vm', 'tap', 'bypass', 'bypass-gateway', 'socket-mode', 'metrics', 'live', 'engine']) {
    const given = { port: '0', [name]: 'x' };
    assert.throws(() => check(given, false), new RegExp(`^UsageError: --${name} requires Linux: `), name);
  }
  check({ port: '0', bind: ['127.0.0.1'], socket: 'a', maxmemory: '4m', snapshot: 'b', timeout: '9' }, false);
});
