import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { cpuMs } from '../../test/support/cpu-time.js';
import { ClientAddresses, proxyProblem } from './client-address.js';

const clients = new ClientAddresses(['127.0.0.1', '10.0.0.0/8', 'fd00::/8', 'unix']);

test('the right-most address that no trusted proxy has is the client', () => {
  for (const [peer, field, client] of [
    ['192.0.2.9', '198.51.100.1', '192.0.2.9'],
    ['127.0.0.1', undefined, '127.0.0.1'],
    ['127.0.0.1', '', '127.0.0.1'],
    ['127.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['127.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['127.0.0.1', '1.1.1.1, 198.51.100.1, 10.1.2.3', '198.51.100.1'],
    ['127.0.0.1', '10.0.0.1,10.0.0.2', '10.0.0.1'],
    ['127.0.0.1', '198.51.100.1, unknown', '127.0.0.1'],
    ['127.0.0.1', '198.51.100.1, bad"thing, 10.0.0.1', '10.0.0.1'],
    ['127.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
    ['127.0.0.1', '[2001:DB8::1]:80', '2001:db8::1'],
    ['127.0.0.1', '2001:db8::1', '2001:db8::1'],
    ['127.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['127.0.0.1', '::FFFF:c633:6401', '198.51.100.1'],
    ['127.0.0.1', '198.51.100.1, ::ffff:a00:1', '198.51.100.1'],
    ['127.0.0.1', '0:0:0:0:0:ffff:c633:6401', '198.51.100.1'],
    ['127.0.0.1', '0000:0::0000:FFFF:198.51.100.1', '198.51.100.1'],
    ['127.0.0.1', '::ffff:1:2:3', '::ffff:1:2:3'],
    ['127.0.0.1', '::ffff:0:c633:6401', '::ffff:0:c633:6401'],
    ['127.0.0.1', '1::ffff:c633:6401', '1::ffff:c633:6401'],
    // What an empty field leaves, to which a proxy adds, or a second field that is empty.
    ['127.0.0.1', ', 198.51.100.1', '198.51.100.1'],
    ['127.0.0.1', '198.51.100.1,', '198.51.100.1'],
    ['127.0.0.1', '198.51.100.1, , 10.0.0.1, ', '198.51.100.1'],
    ['127.0.0.1', ' , ', '127.0.0.1'],
    ['fd00::1', 'fe80::1%eth0', 'fd00::1'],
    ['unix:', '198.51.100.1', '198.51.100.1'],
    ['10.9.9.9', `1.1.1.1, ${'10.0.0.1, '.repeat(40)}10.0.0.2`, '10.0.0.1'],
  ] as const) {
    assert.equal(clients.of(peer, field, undefined), client, `${peer} ${field}`);
  }
});

test('Forwarded says it where X-Forwarded-For does not', () => {
  for (const [field, client] of [
    ['for=198.51.100.1', '198.51.100.1'],
    ['For="[2001:db8::1]:4711";proto=https', '2001:db8::1'],
    ['for=1.1.1.1, proto=http;for=198.51.100.1;by=10.0.0.1, for=10.0.0.2', '198.51.100.1'],
    ['for=198.51.100.1, for=_hidden', '127.0.0.1'],
    ['for=198.51.100.1, proto=http', '127.0.0.1'],
    ['by=10.0.0.1;host="a,for=1.1.1.1";for=198.51.100.2', '198.51.100.2'],
    ['xfor=1.1.1.1', '127.0.0.1'],
    [', for=198.51.100.1', '198.51.100.1'],
    ['for=198.51.100.1, ,for=10.0.0.1 , ', '198.51.100.1'],
    [' , ', '127.0.0.1'],
  ] as const) {
    for (const other of [undefined, '', ' , '])
      assert.equal(clients.of('127.0.0.1', other, field), client, `${other} ${field}`);
  }
  assert.equal(clients.of('127.0.0.1', '198.51.100.1', 'for=1.1.1.1'), '198.51.100.1');
  assert.equal(new ClientAddresses(['127.0.0.1']).of('unix:', '1.1.1.1', undefined), 'unix:');
});

test('whatever a client writes, the answer is an address, and within a time', () => {
  const hop = fc.oneof(fc.ipV4(), fc.ipV6(), fc.string(), fc.constantFrom('10.0.0.1', 'for="', 'unknown', ',', ';'));
  fc.assert(
    fc.property(fc.array(hop, { maxLength: 60 }), (hops) => {
      for (const text of [hops.join(', '), hops.map((each) => `for=${each}`).join(',')]) {
        assert.match(clients.of('127.0.0.1', text, undefined), /^[0-9a-f.:]+$/);
        assert.match(clients.of('127.0.0.1', undefined, text), /^[0-9a-f.:]+$/);
      }
    }),
  );
  const before = cpuMs();
  for (const text of ['"'.repeat(4096), '",'.repeat(2048), ','.repeat(60_000), `${'a;'.repeat(2000)}"`]) {
    clients.of('127.0.0.1', text, undefined);
    clients.of('127.0.0.1', undefined, text);
  }
  assert.ok(cpuMs() - before < 1000, `${cpuMs() - before} ms`);
});

test('proxies that are none are told', () => {
  for (const proxy of ['::1', '10.0.0.0/8', 'fd00::/8', '0.0.0.0/0', 'unix'])
    assert.equal(proxyProblem(proxy), undefined);
  for (const proxy of [
    '',
    'localhost',
    '10.0.0.0/33',
    '::/129',
    '10.0.0.0/8/8',
    '10.0.0.0/',
    'fe80::1%eth0',
    7,
    '10.0.0.0/-1',
  ]) {
    assert.match(proxyProblem(proxy) ?? '', /^an address, a network/, String(proxy));
  }
});
