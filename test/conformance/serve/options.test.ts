// The options: what each accepts, its default, the sentence that refuses it; the same for createServer() and the command.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inspect } from 'node:util';
import { createServer, OptionError, type ServeOptions } from '../../../src/index.js';
import { resolveOptions } from '../../../src/serve/options.js';
import { TestSite } from './servers.js';

const resolved = (options: object) => resolveOptions(options as ServeOptions, 10_000);

const bad: ReadonlyArray<readonly [options: object, sentence: RegExp]> = [
  [{ port: 'http' }, /^port is "http", and must be a whole number from 0 to 65535$/],
  [{ port: -1 }, /^port is -1/],
  [{ port: 80.5 }, /^port is 80.5/],
  [{ port: 65_536 }, /^port is 65536/],
  [{ engine: 'kqueue' }, /^engine is "kqueue", and must be one of auto, uring, epoll$/],
  [{ host: '127.1' }, /^host is "127.1", and must be an address such as 127.0.0.1 or ::1, or a host name$/],
  [{ host: '0x7f.1' }, /^host is/],
  [{ host: 'a b' }, /^host is/],
  [{ host: '[127.0.0.1]' }, /^host is/],
  [{ host: '[::1' }, /^host is/],
  [{ host: [] }, /^host is \[\], and must be 1 to 64 addresses or names$/],
  [{ host: ['::1', 7] }, /^host is 7/],
  [{ socket: '' }, /^socket is "", and must be the path of a Unix socket, or @NAME/],
  [{ socket: `/${'a'.repeat(107)}` }, /^socket is .*, and must be at most 107 bytes long as an absolute path/],
  [{ socket: 'a', socketMode: '999' }, /^socketMode is "999", and must be an octal number/],
  [{ socketMode: '600' }, /^socketMode is given without socket/],
  [{ listenFds: [3, 3] }, /^listenFds is \[3,3\], and must be a list of descriptors/],
  [{ listenFds: '3' }, /^listenFds is/],
  [{ host: '' }, /^host is ""/],
  [{ headTimeout: 'soon' }, /^headTimeout is "soon", and must be a time of 0\.001 s or more, such as/],
  [{ headTimeout: 0.0001 }, /^headTimeout is 0\.0001, and must be a time of 0\.001 s or more/],
  [{ headTimeout: '0.9ms' }, /^headTimeout is "0\.9ms", and must be a time of 0\.001 s or more/],
  [{ idleTimeout: '-1s' }, /^idleTimeout is "-1s"/],
  [{ idleTimeout: '1d' }, /^idleTimeout is "1d"/],
  [{ headTimeout: 0 }, /^headTimeout is 0, and must be a time of 0\.001 s or more, such as 500ms, 10s or 2m$/],
  [{ idleTimeout: '0s' }, /^idleTimeout is "0s", and must be a time of 0\.001 s or more/],
  [{ inlineLimit: '2M' }, /^inlineLimit is "2M", and must be at most 1M: larger files leave by sendfile$/],
  [
    { bypass: 'eth0', bypassPoll: '' },
    /^bypassPoll is "", and must be a whole number of microseconds from 0 to 100000$/,
  ],
  [{ bypass: 'eth0', bypassPoll: '0x10' }, /^bypassPoll is "0x10"/],
  [{ bypass: 'eth0', bypassPoll: '1e3' }, /^bypassPoll is "1e3"/],
  [{ bypass: 'eth0', bypassPoll: null }, /^bypassPoll is null/],
  [{ bypass: 'eth0', bypassPoll: true }, /^bypassPoll is true/],
  [{ grace: 'NaN' }, /^grace is "NaN", and must be a time such as 10, 500ms, 10s or 2m$/],
  [{ pace: 'fast' }, /^pace is "fast", and must be a number of bytes such as .*, or auto/],
  [{ minRate: '1P' }, /^minRate is "1P"/],
  [{ port: Number.NaN }, /^port is NaN/],
  [{ port: 10n }, /^port is 10n/],
  [{ port: [Symbol('s')] }, /^port is \[null\]/],
  [{ grace: 10n }, /^grace is 10n/],
  [{ minRate: Object.create(null) }, /^minRate is {}/],
  [{ metrics: [7] }, /^metrics is \[7\]/],
  [{ base: null }, /^base is null/],
  [{ listenFds: null }, /^listenFds is null/],
  [{ headers: { '/x': { 'X-A': 1n } } }, /^headers of "\/x"/],
  [[], /^options are an object of names and values, not \[\]$/],
  [{ workers: 0 }, /^workers is 0, and must be a whole number from 1 to 256$/],
  [{ workers: 'many' }, /^workers is "many"/],
  [{ maxConnections: 0 }, /^maxConnections is 0/],
  [{ metrics: 'localhost' }, /^metrics is "localhost", and must be HOST:PORT/],
  [{ metrics: '127.0.0.1:99999' }, /^metrics is "99999"/],
  [{ cacheControl: 'a\r\nSet-Cookie: b' }, /^cacheControl is/],
  [{ index: '../a' }, /^index is "..\/a", and must be file names without a slash$/],
  [{ index: ['..'] }, /^index is/],
  [{ index: '.' }, /^index is/],
  [{ index: 7 }, /^index is 7/],
  [{ dotfiles: 'maybe' }, /^dotfiles is "maybe", and must be one of ignore, allow, deny$/],
  [{ log: 'all' }, /^log is "all", and must be one of none, combined, json$/],
  [{ logFile: '' }, /^logFile is "", and must be a path$/],
  [{ log: 'none', logFile: 'a.log' }, /^log is "none", and logFile names "a\.log": leave one of them out$/],
  [{ listing: 'yes' }, /^listing is "yes", and must be true or false$/],
  [{ spa: 1 }, /^spa is 1/],
  [{ root: '/nonexistent' }, /^there is no directory \/nonexistent: name one that exists$/],
  [{ root: '/etc/passwd' }, /^\/etc\/passwd is not a directory/],
  [{ root: '/etc/passwd/x' }, /^there is no directory/],
  [{ root: 7 }, /^root is 7/],
  [{ root: 'a\0b' }, /^root is/],
  [{ root: '' }, /^root is "", and must be a directory$/],
  [JSON.parse('{"toString": 1}'), /^there is no option toString: /],
  [JSON.parse('{"__proto__": 1}'), /^there is no option __proto__: /],
  [{ rooot: '/' }, /^there is no option rooot: the options are root, /],
];

for (const [options, sentence] of bad) {
  test(`refused: ${inspect(options)}`, () => {
    assert.throws(
      () => resolved(options),
      (error) => error instanceof OptionError && error.code === 'CLEARWAY_OPTION' && sentence.test(error.message),
    );
  });
}

test('the defaults are those of a server that may stand in the open', () => {
  const options = resolved({});
  assert.equal(options.root, process.cwd());
  assert.deepEqual(options.hosts, ['127.0.0.1']);
  assert.equal(options.port, 8080);
  assert.equal(options.socket, undefined);
  assert.deepEqual(options.listenFds, []);
  assert.equal(options.engine, 'auto');
  assert.deepEqual(options.index, ['index.html']);
  assert.equal(options.listing, false);
  assert.equal(options.dotfiles, 'ignore');
  assert.equal(options.log, 'none');
  assert.equal(options.metrics, undefined);
  assert.ok(options.headTimeoutMs > 0 && options.headTimeoutMs <= 60_000);
  assert.ok(options.idleTimeoutMs > 0 && options.minRate > 0 && options.graceMs > 0);
  assert.ok(options.maxConnections < 10_000, 'below the limit on open files');
});

test('units, numbers as texts, lists', () => {
  const options = resolved({
    port: '0',
    workers: 'auto',
    headTimeout: '1500ms',
    idleTimeout: 5,
    grace: '2m',
    minRate: '4K',
    pace: '1.5M',
    index: 'a.html,b.html',
    host: ['localhost', '[::1]'],
    socket: '@clearway',
    socketMode: '0600',
    metrics: '[::1]:9100',
    inlineLimit: '16KiB',
  });
  assert.equal(options.port, 0);
  assert.ok(options.workers >= 1);
  assert.equal(options.headTimeoutMs, 1500);
  assert.equal(options.idleTimeoutMs, 5000);
  assert.equal(options.graceMs, 120_000);
  assert.equal(options.minRate, 4096);
  assert.equal(options.pace, 1.5 * 1024 * 1024);
  assert.deepEqual(options.index, ['a.html', 'b.html']);
  assert.deepEqual(options.hosts, ['localhost', '::1']);
  assert.equal(options.socket, '@clearway');
  assert.equal(options.socketMode, 0o600);
  assert.deepEqual(options.metrics, { host: '::1', port: 9100 });
  assert.equal(options.inlineBytes, 16_384);
  assert.equal(resolved({ inlineLimit: '1M' }).inlineBytes, 1024 * 1024);
  assert.equal(resolved({ grace: 0 }).graceMs, 0);
  assert.equal(resolved({ bypass: 'eth0', bypassPoll: '50' }).bypass?.pollUs, 50);
});

test('createServer() listens, says where, and closes; its address is not known before', async () => {
  const site = new TestSite({ 'a.txt': 'hello' });
  const server = createServer({ root: site.root, port: 0, workers: 1 });
  assert.throws(() => server.address, /listen/);
  await server.listen();
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.equal(await (await fetch(`${server.url}/a.txt`)).text(), 'hello');
  await server.close();
  await server.close();
  await assert.rejects(fetch(`${server.url}/a.txt`));
  site.remove();
});

test('options that are no object are refused as such, and so is a time to close in that is none', async () => {
  for (const given of [null, 3, 'site', () => {}])
    assert.throws(() => createServer(given as unknown as ServeOptions), { code: 'CLEARWAY_OPTION' });
  const server = createServer({ port: 0 });
  for (const graceMs of [Number.NaN, -1, '1', null, {}])
    await assert.rejects(server.close(graceMs as number), { code: 'CLEARWAY_ARGUMENT' });
  await server.close(0);
});

test('a server that never listened can be closed', async () => {
  await createServer({ port: 0 }).close();
});
