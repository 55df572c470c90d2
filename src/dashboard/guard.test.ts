import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Guard, hostIsDirect, isLoopback } from './guard.js';

const ask = (guard: Guard, path: string, fields: { host?: string; cookie?: string; site?: string } = {}) =>
  guard.judge({
    host: 'host' in fields ? fields.host : '127.0.0.1:81',
    url: new URL(`http://dashboard${path}`),
    cookie: fields.cookie,
    site: fields.site,
  });

test('only an address or localhost, with the port, is a Host', () => {
  for (const host of ['127.0.0.1:81', 'localhost:81', 'LOCALHOST:81', '[::1]:81', '192.168.1.7:81']) {
    assert.ok(hostIsDirect(host, 81), host);
  }
  const others = [undefined, '', 'evil.example:81', '127.0.0.1', '127.0.0.1:82', 'localhost.evil.example:81', '[::1]'];
  for (const host of [
    ...others,
    '127.0.0.1.evil.example:81',
    '[evil]:81',
    '::1:81',
    '127.0.0.1:81:81',
    '127.0.0.1:0x51',
  ]) {
    assert.ok(!hostIsDirect(host, 81), host);
  }
  assert.ok(hostIsDirect('127.0.0.1', 80), 'browsers leave out port 80');
});

test('loopback is 127/8 and ::1, nothing else', () => {
  assert.deepEqual(['127.0.0.1', '127.9.9.9', '::1', '0.0.0.0', '::', '10.0.0.1', '127.evil.example'].map(isLoopback), [
    true,
    true,
    true,
    false,
    false,
    false,
    false,
  ]);
});

test('on loopback no token is asked for; a rebound name and another site are refused', () => {
  const guard = new Guard(81, true);
  assert.equal(guard.token, undefined);
  assert.ok(ask(guard, '/').allowed);
  assert.ok(ask(guard, '/', { site: 'cross-site' }).allowed, 'a link from elsewhere may lead here');
  assert.deepEqual(
    [ask(guard, '/', { host: 'evil.example:81' }), ask(guard, '/events', { site: 'cross-site' })].map(
      (verdict) => !verdict.allowed && verdict.status,
    ),
    [403, 403],
  );
});

test('elsewhere the token of the address opens it, then the cookie does, and nothing near them', () => {
  const guard = new Guard(81, false);
  const { token } = guard;
  assert.match(token!, /^[\w-]{43}$/);
  const opened = ask(guard, `/?token=${token}`);
  assert.ok(opened.allowed);
  assert.match(opened.setCookie!, /^clearway_dashboard_81=[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/$/);
  assert.ok(!opened.setCookie!.includes(token!));
  const cookie = opened.setCookie!.split(';')[0]!;
  assert.deepEqual(ask(guard, '/events', { cookie: `a=b; ${cookie}; c=d` }), { allowed: true, setCookie: undefined });
  const refused = [
    ask(guard, '/'),
    ask(guard, '/?token='),
    ask(guard, `/?token=${token!.slice(1)}`),
    ask(guard, '/', { cookie: `x${cookie}` }),
    ask(guard, '/', { cookie: `clearway_dashboard_81=${token}` }),
    ask(guard, '/', { cookie: 'clearway_dashboard_81=' }),
    ask(new Guard(81, false), `/?token=${token}`),
  ];
  assert.deepEqual(
    refused.map((verdict) => !verdict.allowed && verdict.status),
    refused.map(() => 401),
  );
});
