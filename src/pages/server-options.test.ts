import assert from 'node:assert/strict';
import { test } from 'node:test';
import { page } from './page.js';
import { type PageServerOptions, resolvePageOptions } from './server-options.js';

const front = page('front');
const resolved = (options: unknown) => resolvePageOptions(options as PageServerOptions<unknown>);

test('the defaults are those that the types say', () => {
  const { route, onError, ...rest } = resolved({ routes: { '/': front } });
  assert.equal(route('/'), front);
  assert.equal(route('/other'), undefined);
  assert.equal(typeof onError, 'function');
  assert.deepEqual(rest, {
    data: undefined,
    root: undefined,
    host: '127.0.0.1',
    port: 8080,
    engine: 'auto',
    maxConnections: 10_000,
    minRate: 256,
    headMs: 10_000,
    idleMs: 60_000,
    onPage: undefined,
  });
});

test('what an option does not take is refused by its name', () => {
  const bad: readonly (readonly [options: unknown, sentence: RegExp])[] = [
    [undefined, /^options are an object of names and values, not undefined$/],
    [null, /^options are an object/],
    [[], /^options are an object/],
    [{ routes: undefined }, /^routes is undefined, and must be pages by their paths/],
    [{ routes: [front] }, /^routes is/],
    [{ routes: { '/': 'text' } }, /^the route "\/" leads to no page: make one with page\(\.\.\.\)$/],
    [{ port: Number.NaN }, /^port is NaN, and must be a whole number from 0 to 65535$/],
    [{ port: 10n }, /^port is 10n/],
    [{ host: 7 }, /^host is 7/],
    [{ engine: 'kqueue' }, /^engine is "kqueue"/],
    [{ maxConnections: 0 }, /^maxConnections is 0/],
    [{ minRate: -1 }, /^minRate is -1/],
    [{ headTimeoutMs: '1s' }, /^headTimeoutMs is "1s"/],
    [{ idleTimeoutMs: Number.POSITIVE_INFINITY }, /^idleTimeoutMs is Infinity/],
    [{ onPage: null }, /^onPage is null, and must be a function$/],
    [{ onError: {} }, /^onError is {}, and must be a function$/],
    [{ onerror: () => {} }, /^there is no option onerror: the options are routes, data, root, /],
  ];
  for (const [options, message] of bad) {
    const given = typeof options === 'object' && options !== null && !Array.isArray(options);
    assert.throws(() => resolved(given ? { routes: { '/': front }, ...options } : options), {
      code: 'CLEARWAY_OPTION',
      message,
    });
  }
  assert.throws(() => resolved({ routes: { news: front } }), { code: 'CLEARWAY_PAGE_VALUE' });
});
