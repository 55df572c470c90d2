// `clearway serve` as a program: the ready line, what it says and returns when it cannot run, signals and the grace, options
// from a file, workers, addresses.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmdirSync } from 'node:fs';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { until } from '../../support/until.js';
import { ask, parseHead, RawClient } from './client.js';
import { engineRefused, engines, patterned, program, runServer, type ServerProcess, TestSite } from './servers.js';

const get = (path: string): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`;
const size = 24 * 1024 * 1024;

/** Runs `clearway serve` with arguments that make it end by itself. */
async function refused(...args: string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [program, 'serve', ...args], { timeout: 60_000 });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  return new Promise((resolve) => {
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
}

/** Asks for a large file and reads nothing but its head. */
async function download(server: ServerProcess): Promise<RawClient> {
  const client = await RawClient.open(server);
  client.send(get('/large.bin'));
  parseHead(await client.head());
  client.socket.pause();
  return client;
}

/** Settled when all of its workers have heard that it ends: nobody is let in any more. */
async function refusesNewcomers(running: ServerProcess): Promise<void> {
  await until('a refusal', async () => {
    const late = await RawClient.open(running).catch((error: NodeJS.ErrnoException) => error);
    if (late instanceof RawClient) late.destroy();
    return 'code' in late && late.code === 'ECONNREFUSED';
  });
}

describe('serve as a program', { concurrency: 2 }, () => {
  const site = new TestSite({ 'a.txt': 'hello', 'large.bin': patterned(size) });
  after(() => site.remove());
  const server = (...args: string[]): Promise<ServerProcess> => runServer([site.root, ...args]);

  test('ready is the address alone on a line, then who is there, and nothing else is said', async () => {
    const running = await server('--workers', '2');
    assert.match(
      running.ready,
      /^http:\/\/127\.0\.0\.1:\d+\nclearway serves \S+ there \((uring|epoll), 2 workers\)\n$/,
    );
    assert.equal((await ask(running, 'GET /a.txt')).text, 'hello');
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
    assert.deepEqual(running.output(), { stdout: running.ready, stderr: '' });
  });

  for (const [name, args, status, sentence] of [
    ['an unknown option', ['--bad'], 2, /there is no option --bad: see clearway serve --help/],
    ['an option without its value', ['--port'], 2, /--port/],
    ['a port that is none', ['--port', '70000'], 2, /: --port is "70000", and must be a whole number from 0 to 65535/],
    ['a flag of two words', ['--max-connections', '0'], 2, /: --max-connections is "0", and must be a whole number/],
    ['a flag with its value', ['--head-timeout=soon'], 2, /: --head-timeout is "soon", and must be a time/],
    ['an address of the metrics', ['--metrics', 'here'], 2, /: --metrics is "here", and must be HOST:PORT/],
    ['an address of the dashboard', ['--dashboard=here'], 2, /: --dashboard is "here", and must be HOST:PORT/],
    [
      'two options that contradict each other',
      ['--log', 'none', '--log-file', 'a.log'],
      2,
      /: --log is "none", and --log-file names "a\.log": leave one of them out/,
    ],
    ['a time in the unit of the option', ['--head-timeout', '0.0001'], 2, /: --head-timeout is "0\.0001", .* 0\.001 s/],
    ['a short option', ['-p', 'x'], 2, /: --port is "x", and must be a whole number/],
    ['a value whose words are options', ['--log', 'a and port'], 2, /: --log is "a and port", and must be/],
    [
      'an option of the kernel beside --bypass',
      ['--bypass', 'lo', '--host', '::1'],
      2,
      /: --host is of the kernel's sockets, .* or leave --bypass out/,
    ],
    ['no directory', [''], 2, /root is "", and must be a directory/],
    ['two directories', ['/', '/'], 2, /one directory/],
    [
      'a directory that is not there',
      ['/nonexistent/folder'],
      2,
      /there is no directory \/nonexistent\/folder: name one that exists/,
    ],
    ['a file in the place of a directory', [program], 2, /is not a directory/],
    [
      'a configuration that is not there',
      ['--config', '/nonexistent.json'],
      2,
      /configuration file \/nonexistent\.json cannot be read/,
    ],
    ['an address that is not ours', ['--host', '192.0.2.1', '--port', '0'], 1, /this host has no such address/],
  ] as const) {
    test(`refused with ${status}: ${name}`, async () => {
      const result = await refused(...args);
      assert.equal(result.status, status, result.stderr);
      assert.match(result.stderr, sentence);
      assert.equal(result.stderr.trimEnd().split('\n').length, 1, result.stderr);
      assert.equal(result.stdout, '');
    });
  }

  test('a directory that may not be opened is refused with 2, and what to look at', async () => {
    const closed = mkdtempSync(join(tmpdir(), 'clearway-closed-'));
    chmodSync(closed, 0o000);
    const asUser = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : ['env'];
    const [command = '', ...words] = [...asUser, process.execPath, program, 'serve', closed, '--port', '0'];
    const { status, stderr } = spawnSync(command, words, { encoding: 'utf8', timeout: 60_000 });
    // Whoever was given the right to read everything may open it, whoever he is.
    if (process.getuid?.() === 0) {
      const options = JSON.stringify(new URL('../../../src/serve/options.js', import.meta.url));
      const script = `import(${options}).then(({ resolveOptions }) => resolveOptions({ root: ${JSON.stringify(closed)} }, 1024))`;
      const right = ['--inh-caps', '+dac_read_search', '--ambient-caps', '+dac_read_search'];
      const other = [
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--clear-groups',
        ...right,
        process.execPath,
        '-e',
        script,
      ];
      const opened = spawnSync('setpriv', other, { encoding: 'utf8', timeout: 60_000 });
      assert.equal(opened.status, 0, opened.stderr);
    }
    rmdirSync(closed);
    assert.equal(status, 2, stderr);
    assert.match(
      stderr,
      /^clearway serve: the directory \S* cannot be opened \(EACCES\): check the permissions[^\n]*\n$/,
    );
  });

  test('a taken port is refused with 1 and the fix, for one worker and for several, also of the metrics', async () => {
    const other = createTcpServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const { port } = other.address() as { port: number };
    for (const args of [
      ['--workers', '1'],
      ['--workers', '2'],
    ]) {
      const result = await refused(site.root, '--port', String(port), ...args);
      assert.equal(result.status, 1);
      assert.match(result.stderr, /address already in use.*choose another port/);
      assert.equal(result.stderr.trimEnd().split('\n').length, 1);
    }
    const result = await refused(site.root, '--port', '0', '--metrics', `127.0.0.1:${port}`);
    assert.equal(result.status, 1, result.stderr);
    assert.match(result.stderr, /metrics.*in use.*another port/);
    assert.equal(result.stderr.trimEnd().split('\n').length, 1);
    other.close();
  });

  test('two servers do not share a port by accident', async () => {
    const first = await server('--workers', '2');
    const second = await refused(site.root, '--port', String(first.port), '--workers', '2');
    assert.equal(second.status, 1);
    assert.match(second.stderr, /in use/);
    first.child.kill('SIGTERM');
    assert.equal(await first.ended, 0);
  });

  test('--help is on stdout with 0', async () => {
    const result = await refused('--help');
    assert.equal(result.status, 0);
    assert.match(result.stdout, /^Usage: clearway serve \[DIR\]/);
    for (const flag of ['--spa', '--grace', '--metrics', '--min-rate', '--config'])
      assert.ok(result.stdout.includes(flag));
  });

  test('--config gives options, flags win, what is wrong in it is said by its name', async () => {
    site.write(
      'conf/a.json',
      `\ufeff${JSON.stringify({ root: site.root, listing: true, cacheControl: 'max-age=7', workers: 1, port: 1 })}`,
    );
    const running = await runServer(['--config', site.at('conf/a.json'), '--cache-control', 'max-age=8']);
    assert.equal((await ask(running, 'GET /')).status, 200);
    assert.equal((await ask(running, 'GET /a.txt')).fields.get('cache-control'), 'max-age=8');
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
    for (const [text, sentence] of [
      ['{"ports": 1}', /: [^ ]+b\.json:1: there is no option ports/],
      ['{"port":\n "x"}', /: [^ ]+b\.json:1: port is "x"/],
      ['{\n"maxConnections": 0}', /: [^ ]+b\.json:2: maxConnections is 0/],
      ['{"media": true,\n\n"listing": "yes"}', /: [^ ]+b\.json:3: listing is "yes", and must be true or false/],
      ['{"types": {\n"a": 5}}', /: [^ ]+b\.json:1: types: the type of "a" must be/],
      ['{\n"headers": {"/a": 5}}', /: [^ ]+b\.json:2: headers of "\/a" must be/],
      ['{\n"root": "/nonexistent"}', /: [^ ]+b\.json:2: there is no directory \/nonexistent/],
      ['{\n"bypass": 5}', /: [^ ]+b\.json:2: bypass is 5/],
      ['[1]', /must hold one JSON object/],
      ['{', /is not JSON/],
    ] as const) {
      site.write('conf/b.json', text);
      const result = await refused('--config', site.at('conf/b.json'));
      assert.equal(result.status, 2);
      assert.match(result.stderr, sentence);
    }
    // What stands on the command line is none of the file's.
    site.write('conf/b.json', '{"maxConnections": 7}');
    const result = await refused('--config', site.at('conf/b.json'), '--max-connections', '0');
    assert.match(result.stderr, /: --max-connections is "0"/);
  });

  test('IPv6: the address is in brackets and answers', async (context) => {
    const running = await server('--host', '::1').catch((error: Error) => error);
    if (running instanceof Error) {
      assert.match(running.message, /EADDRNOTAVAIL|EAFNOSUPPORT/);
      context.skip('this host has no IPv6');
      return;
    }
    assert.match(running.ready, /http:\/\/\[::1\]:\d+/);
    assert.equal((await ask(running, 'GET /a.txt')).text, 'hello');
    running.child.kill('SIGTERM');
    assert.equal(await running.ended, 0);
  });
});

for (const engine of engines) {
  describe(`signals, ${engine}`, { skip: engineRefused(engine), concurrency: 2 }, () => {
    const site = new TestSite();
    before(() => {
      site.write('a.txt', 'hello');
      site.write('large.bin', patterned(size));
    });
    after(() => site.remove());
    const server = (...args: string[]): Promise<ServerProcess> =>
      runServer([site.root, '--engine', engine, '--workers', '2', ...args]);

    test('who connects during the grace is refused at once, and does not wait for its end', async () => {
      // Longer than the download takes on the slowest machine: what ends is the download, never the grace.
      const running = await server('--grace', '2m');
      const client = await download(running);
      running.child.kill('SIGTERM');
      await refusesNewcomers(running);
      client.socket.resume();
      assert.equal((await client.bytes(size)).length, size);
      client.destroy();
      assert.equal(await running.ended, 0);
    });

    test('a terminal that closes breaks no download off, however often SIGHUP comes, and is told apart', async () => {
      const running = await server();
      const client = await download(running);
      running.child.kill('SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, 300));
      running.child.kill('SIGHUP');
      await new Promise((resolve) => setTimeout(resolve, 300));
      client.socket.resume();
      assert.equal((await client.bytes(size)).length, size);
      client.destroy();
      assert.equal(await running.ended, 128 + 1);
    });

    test('SIGTERM lets a download finish, takes no one new, ends what is idle', async () => {
      const running = await server();
      const client = await download(running);
      const idle = await RawClient.open(running);
      await idle.stays('/a.txt');
      running.child.kill('SIGTERM');
      await idle.closes();
      idle.destroy();
      await assert.rejects(RawClient.open(running).then((late) => late.head(500)));
      client.socket.resume();
      assert.equal((await client.bytes(size)).length, size);
      await client.closes();
      client.destroy();
      assert.equal(await running.ended, 0);
      assert.equal(running.output().stderr, '');
    });

    test('an answer within the grace ends its connection, what was pipelined behind it is answered no more', async () => {
      const running = await server();
      const client = await RawClient.open(running);
      client.send(get('/large.bin') + get('/a.txt'));
      parseHead(await client.head());
      client.socket.pause();
      running.child.kill('SIGTERM');
      await refusesNewcomers(running);
      client.socket.resume();
      await client.bytes(size);
      await client.closes();
      client.destroy();
      assert.equal(await running.ended, 0);
    });

    test('the grace ends what does not end by itself', async () => {
      const running = await server('--grace', '600ms');
      const client = await download(running);
      const started = Date.now();
      running.child.kill('SIGTERM');
      assert.equal(await running.ended, 0);
      // 10 s is what it has without the option.
      assert.ok(Date.now() - started >= 500 && Date.now() - started < 9000, `${Date.now() - started} ms`);
      client.socket.resume();
      assert.ok((await client.rest()).length < size);
    });

    test('a second SIGTERM, or SIGINT, ends everything at once', async () => {
      for (const signal of ['SIGTERM', 'SIGINT'] as const) {
        // Longer than a timer can be.
        const running = await server('--grace', '1000h');
        const client = await download(running);
        running.child.kill(signal);
        await refusesNewcomers(running);
        assert.equal(running.child.exitCode, null, 'it waits for the download');
        const started = Date.now();
        running.child.kill(signal);
        assert.equal(await running.ended, 0);
        assert.ok(Date.now() - started < 20_000, `${Date.now() - started} ms`);
        client.destroy();
      }
    });

    test('both workers serve, and each is what the address says', async () => {
      const running = await server('--metrics', '127.0.0.1:0');
      assert.match(running.ready, /\nthe metrics are at\nhttp:\/\/127\.0\.0\.1:\d+\/metrics\n$/);
      const clients = await Promise.all(Array.from({ length: 40 }, () => RawClient.open(running)));
      for (const client of clients) await client.stays('/a.txt');
      const url = /metrics are at\n(\S+)\n/.exec(running.ready)![1]!;
      // An answer is counted when it has left, a moment after it was read.
      await until('forty answers', async () => {
        const text = await (await fetch(url)).text();
        return /^clearway_responses_total\{way="inline"\} 40$/m.test(text);
      });
      for (const client of clients) client.destroy();
      running.child.kill('SIGTERM');
      assert.equal(await running.ended, 0);
    });
  });
}
