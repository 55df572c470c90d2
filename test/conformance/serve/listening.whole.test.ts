// What a server listens on: every address of a name, Unix sockets, sockets that somebody passes; and how it says so.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { after, describe, test } from 'node:test';
import { takePassedSockets } from '../../../src/cli/kit/listen-fds.js';
import { closeDescriptor, listenTcp, localAddress } from '../../../src/kernel/socket.js';
import { probeUnix } from '../../../src/kernel/unix-socket.js';
import { addressesOf, urlOf } from '../../../src/serve/addresses.js';
import { until, untilSaid } from '../../support/until.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, program, runServer, startServer, TestSite } from './servers.js';

const hasIPv6 = Object.values(networkInterfaces()).some((each) => each?.some(({ family }) => family === 'IPv6'));
const get = 'GET /a.txt HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n';

/** Asks at a Unix socket. */
async function askUnix(path: string): Promise<string> {
  const socket = connect({ path });
  const client = new RawClient(socket);
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  const { text } = await client.send(get).response();
  client.destroy();
  return text;
}

/** Runs `clearway serve` with arguments that make it end by itself: its status and what it said. */
async function refused(
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): Promise<[number | null, string]> {
  const child = spawn(process.execPath, [program, 'serve', ...args], { env, timeout: 60_000 });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  return new Promise((resolve) => child.on('close', (status) => resolve([status, said])));
}

/** Starts it by a shell, which passes descriptor 3 on. */
const passing = (environment: string) => ({
  command: 'sh',
  args: ['-c', `${environment} exec "$0" "$@"`, process.execPath, program],
});

describe('listening', { concurrency: 2 }, () => {
  const site = new TestSite({ 'a.txt': 'hello' });
  after(() => site.remove());

  test('a name is resolved, and every address of it answers on one port and is printed alone', async () => {
    const local = await addressesOf('localhost');
    const running = await runServer([site.root, '--workers', '2', '--host', 'localhost']);
    const ours = local.filter((host) => hasIPv6 || !host.includes(':'));
    assert.deepEqual(
      running.urls,
      ours.map((host) => urlOf({ host, port: running.port })),
    );
    for (const host of ours) assert.equal((await ask({ host, port: running.port }, 'GET /a.txt')).text, 'hello');
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
  });

  test('the name of this host', async (context) => {
    const ours = await addressesOf(hostname()).catch(() => []);
    const own = Object.values(networkInterfaces()).flatMap((each) => each?.map(({ address }) => address) ?? []);
    if (!ours.some((address) => own.includes(address) || address.startsWith('127.')))
      return context.skip('it leads elsewhere');
    const running = await runServer([site.root, '--host', hostname()]);
    assert.equal((await ask(running, 'GET /a.txt')).text, 'hello');
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
  });

  test('several addresses, brackets, a zone; both families', { skip: !hasIPv6 && 'needs IPv6' }, async () => {
    const hosts = ['127.0.0.1', '[::1]', '127.0.0.2'].flatMap((host) => ['--host', host]);
    const running = await runServer([site.root, ...hosts]);
    assert.equal(running.urls.length, 3);
    for (const host of ['127.0.0.1', '::1', '127.0.0.2']) {
      assert.equal((await ask({ host, port: running.port }, 'GET /a.txt')).text, 'hello', host);
    }
    running.child.kill('SIGTERM');
    await running.ended;
    for (const args of [['::'], ['0.0.0.0', '::'], ['::', '0.0.0.0']]) {
      const both = await runServer([site.root, ...args.flatMap((host) => ['--host', host])]);
      for (const host of ['127.0.0.1', '::1']) {
        assert.equal((await ask({ host, port: both.port }, 'GET /a.txt')).text, 'hello', `${args} ${host}`);
      }
      both.child.kill('SIGTERM');
      await both.ended;
    }
    const zone = await refused(['--host', 'fe80::1']);
    assert.deepEqual([zone[0], /a link-local address needs its interface/.test(zone[1])], [1, true], zone[1]);
  });

  test('a name that leads nowhere, or not here, is one sentence', async () => {
    for (const [host, sentence] of [
      ['no-such-host.invalid', /the host name no-such-host\.invalid cannot be resolved \(\w+\): give an address/],
      ['192.0.2.1', /this host has no such address/],
    ] as const) {
      const [status, said] = await refused([site.root, '--port', '0', '--host', host]);
      assert.equal(status, 1);
      assert.match(said, sentence);
      assert.equal(said.trimEnd().split('\n').length, 1, said);
    }
  });

  test('metrics at a name: a link for each address, alone on its line', async () => {
    const running = await runServer([site.root, '--metrics', 'localhost:0']);
    const links = running.ready.split('the metrics are at\n')[1]!.trimEnd().split('\n');
    for (const link of links) assert.equal((await fetch(link)).status, 200, link);
    for (const line of running.ready.split('\n')) assert.ok(!/\S+:\/\//.test(line) || /^\S+$/.test(line), line);
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
  });

  test('a Unix socket: its mode, its place alone, several workers, its end', async () => {
    const path = site.at('run/site.sock');
    mkdirSync(site.at('run'));
    const running = await runServer([site.root, '--workers', '2', '--socket', path]);
    assert.deepEqual(running.urls, [`unix:${path}`]);
    assert.equal(statSync(path).mode & 0o777, 0o660);
    for (let count = 0; count < 8; count++) assert.equal(await askUnix(path), 'hello');
    const [status, said] = await refused([site.root, '--socket', path]);
    assert.equal(status, 1);
    assert.match(said, /another process listens at unix:.*site\.sock: choose another path/);
    assert.equal(await askUnix(path), 'hello', 'the one that is there is not disturbed');
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
    assert.equal(existsSync(path), false);
  });

  test('the socket file of a server that was killed is replaced; what is no socket is not', async () => {
    const path = site.at('stale.sock');
    const first = await runServer([site.root, '--socket', path, '--socket-mode', '600', '--workers', '1']);
    first.child.kill('SIGKILL');
    await first.ended;
    assert.ok(existsSync(path));
    const second = await runServer([
      site.root,
      '--socket',
      path,
      '--port',
      '0',
      '--workers',
      '1',
      '--socket-mode',
      '666',
    ]);
    assert.equal(statSync(path).mode & 0o777, 0o666);
    assert.equal(await askUnix(path), 'hello');
    assert.equal((await ask(second, 'GET /a.txt')).text, 'hello', 'a port too, since one is given');
    second.child.kill('SIGTERM');
    await second.ended;
    writeFileSync(path, 'precious');
    const [status, said] = await refused([site.root, '--socket', path]);
    assert.equal(status, 1);
    assert.match(said, /is there and is no socket: remove it/);
    assert.ok(existsSync(path));
    assert.match(
      (await refused([site.root, '--socket', site.at('none/a.sock')]))[1],
      /its directory is not there: make it first/,
    );
  });

  test('an abstract Unix socket', async () => {
    const name = `@clearway-test-${process.pid}`;
    const running = await runServer([site.root, '--socket', name, '--workers', '2']);
    assert.deepEqual(running.urls, [`unix:${name}`]);
    // Node pads abstract names with zeros, which makes them others.
    assert.equal(probeUnix(name), 0);
    assert.match((await refused([site.root, '--socket', name]))[1], /another process listens at unix:@/);
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
    assert.ok(probeUnix(name) < 0);
  });
});

describe('passed sockets', { concurrency: 2 }, () => {
  const site = new TestSite({ 'a.txt': 'hello' });
  after(() => site.remove());
  const stdio = (...fds: number[]) => ['pipe', 'pipe', 'pipe', ...fds] as const;
  const env = { ...process.env, LISTEN_FDS: '1' };

  test('by systemd: listened on in the place of a port, by several workers, and left open at the end', async () => {
    const fd = listenTcp({ host: '127.0.0.1', port: 0 });
    const { port } = localAddress(fd);
    for (const more of [[], ['--port', String(port)]]) {
      const running = await runServer(
        [site.root, '--workers', '2', ...more],
        { stdio: [...stdio(fd)], env },
        passing('LISTEN_PID=$$'),
      );
      assert.deepEqual(running.urls, [`http://127.0.0.1:${port}`]);
      for (let count = 0; count < 8; count++) assert.equal((await ask(running, 'GET /a.txt')).text, 'hello');
      running.child.kill('SIGTERM');
      assert.equal(await running.ended, 0);
      const waiting = await RawClient.open({ host: '127.0.0.1', port });
      waiting.destroy();
    }
    closeDescriptor(fd);
  });

  test('for another process: not used, said, and the default stands', async () => {
    const fd = listenTcp({ host: '127.0.0.1', port: 0 });
    const running = await runServer(
      [site.root, '--port', '0'],
      { stdio: [...stdio(fd)], env },
      passing('LISTEN_PID=1'),
    );
    assert.notEqual(running.port, localAddress(fd).port);
    await untilSaid(
      () => running.output().stderr,
      /sockets were passed to process "1" \(LISTEN_PID\), not to this one/,
    );
    running.child.kill('SIGTERM');
    await running.ended;
    closeDescriptor(fd);
  });

  test('what makes no sense is refused in a sentence', async () => {
    const cases = [
      ['LISTEN_FDS=many', /LISTEN_FDS is "many", and must be a number/],
      ['LISTEN_FDS=40', /LISTEN_FDS is 40, but descriptor \d+ is not open/],
      ['LISTEN_FDS=1 3</dev/null', /descriptor 3, handed over to listen on, is no socket/],
    ] as const;
    for (const [environment, sentence] of cases) {
      const [variable, redirect = ''] = environment.split(' ');
      const script = `LISTEN_PID=$$ ${variable} exec "$0" "$@" ${redirect}`;
      const child = spawn('sh', ['-c', script, process.execPath, program, 'serve', site.root], { timeout: 60_000 });
      let said = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      const status = await new Promise((resolve) => child.on('close', resolve));
      assert.ok(status === 1 || status === 2, said);
      assert.match(said, sentence);
      assert.equal(said.trimEnd().split('\n').length, 1, said);
    }
  });

  test('the variables leave the environment, whoever they were for', () => {
    for (const pid of ['7', '8']) {
      const environment = { LISTEN_FDS: '0', LISTEN_PID: pid, LISTEN_FDNAMES: 'a', PATH: 'x' };
      const { fds, note } = takePassedSockets(environment, 7);
      assert.deepEqual([fds, note === undefined, environment], [[], pid === '7', { PATH: 'x' }]);
    }
  });
});

forEachEngine('a Unix socket as a library', (engine) => {
  test('drains: what was asked is answered, then nobody is there', async () => {
    const site = new TestSite({ 'a.txt': 'hello' });
    const path = site.at('x.sock');
    const server = await startServer({ root: site.root, engine, workers: 2, socket: path, port: undefined as never });
    assert.deepEqual(server.addresses, [{ path }]);
    assert.throws(() => server.address, /listens on no address and port/);
    assert.equal(await askUnix(path), 'hello');
    await server.close(500);
    assert.equal(existsSync(path), false);
    await until('nobody is there', () =>
      askUnix(path).then(
        () => false,
        () => true,
      ),
    );
    site.remove();
  });
});
