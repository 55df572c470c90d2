// Paths and what keeps them inside the root: one canonical form, symbolic links, names that begin with a dot, files that
// are none, permissions.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer as createSocketServer } from 'node:net';
import { after, before, test } from 'node:test';
import type { Server } from '../../../src/serve/server.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, startServer, TestSite } from './servers.js';

const secret = 'outside the root';

/** What is not there, whatever it looks like. */
const missing = [
  '/..',
  '/../',
  '/../secret.txt',
  '/../../../../../../etc/passwd',
  '/folder/../a.txt',
  '/folder/..',
  '/./a.txt',
  '/folder/./b.txt',
  '/%2e%2e/secret.txt',
  '/%2E%2E/secret.txt',
  '/.%2e/secret.txt',
  '/%2e/a.txt',
  '/folder/%2e%2e/a.txt',
  '/%252e%252e/secret.txt',
  '/..%2fsecret.txt',
  '/..%5csecret.txt',
  '/..\\secret.txt',
  '/folder%2fb.txt',
  '/folder%2Fb.txt',
  '/folder%5cb.txt',
  '/folder\\b.txt',
  '//a.txt',
  '/folder//b.txt',
  '///',
  '/folder//',
  '/a.txt%00',
  '/a.txt%00.html',
  '/%00',
  '/a.txt/',
  '/a.txt/.',
  '/a.txt/../a.txt',
  '/A.TXT',
  '/a.txt%20',
  '/a.txt.',
  '/a.txt::$DATA',
  '/%',
  '/%4',
  '/%zz',
  '/a.txt%',
  '/%u0061.txt',
  // Overlong and otherwise malformed UTF-8, and surrogates.
  '/%c0%ae%c0%ae/secret.txt',
  '/%c0%af',
  '/folder%c0%afb.txt',
  '/%e0%80%af',
  '/%e0%80%ae%e0%80%ae/secret.txt',
  '/%f0%80%80%ae',
  '/%c1%81.txt',
  '/%80',
  '/%ff%fe',
  '/%ed%a0%80',
  '/%f4%90%80%80',
  '/%ef%bc%8f',
  '/%e2%80%a5/secret.txt',
  `/${'a'.repeat(256)}`,
  `/${'a/'.repeat(2000)}`,
  `/${'a'.repeat(5000)}`,
  `/${'%61'.repeat(2600)}`,
  `/${'%f0%9f%98%80'.repeat(600)}`,
  '/proc/self/environ',
  '/etc/passwd',
  '/self/root/etc/passwd',
];

forEachEngine('paths', (engine) => {
  const outer = new TestSite({ 'secret.txt': secret, 'root-twin/a.txt': secret, 'elsewhere/x.txt': secret });
  const site = {
    root: outer.at('root'),
    at: (path: string) => outer.at(`root/${path}`),
    write: (path: string, content: string) => outer.write(`root/${path}`, content),
  };
  let server: Server;
  before(async () => {
    for (const path of [
      'a.txt',
      'folder/b.txt',
      'folder/sub/c.txt',
      'ünï ☃/d.txt',
      '~tilde',
      'per%cent',
      'plus+',
      'co:lon',
      '-dash',
    ]) {
      site.write(path, path);
    }
    server = await startServer({ root: site.root, engine });
  });
  after(async () => {
    await server.close(0);
    outer.remove();
  });

  test('what is not canonical is not there, twice', async () => {
    for (const path of [...missing, ...missing]) {
      const { status, text } = await ask(server.address, `GET ${path}`);
      assert.equal(status, 404, path.slice(0, 100));
      assert.ok(!text.includes(secret) && !text.includes('root:'));
    }
  });

  test('absolute-form is held to the same', async () => {
    for (const path of missing) assert.equal((await ask(server.address, `GET http://test${path}`)).status, 404, path);
  });

  test('a name is decoded once', async () => {
    for (const [path, name] of [
      ['/a.txt', 'a.txt'],
      ['/%61%2e%74xt', 'a.txt'],
      ['/folder/b.txt', 'folder/b.txt'],
      ['/%C3%BCn%C3%AF%20%E2%98%83/d.txt', 'ünï ☃/d.txt'],
      ['/%c3%bcn%c3%af%20%e2%98%83/d.txt', 'ünï ☃/d.txt'],
      ['/~tilde', '~tilde'],
      ['/%7etilde', '~tilde'],
      ['/per%25cent', 'per%cent'],
      ['/plus+', 'plus+'],
      ['/plus%2B', 'plus+'],
      ['/co:lon', 'co:lon'],
      ['/-dash', '-dash'],
      ['/a.txt?../../x', 'a.txt'],
      ['/a.txt?', 'a.txt'],
    ] as const) {
      const { status, body } = await ask(server.address, `GET ${path}`);
      assert.equal(status, 200, path);
      assert.equal(body.toString(), name);
    }
  });

  test('links inside the root work, out of it they are not there', async () => {
    mkdirSync(site.at('links'));
    const links: ReadonlyArray<readonly [name: string, target: string, status: number]> = [
      ['inside', '../folder/b.txt', 200],
      ['absolute-inside', site.at('folder/b.txt'), 200],
      ['twice', 'inside', 200],
      ['absolute-twice', site.at('links/absolute-inside'), 200],
      ['outside', '../../secret.txt', 404],
      ['absolute-outside', outer.at('secret.txt'), 404],
      ['twin', outer.at('root-twin/a.txt'), 404],
      ['out-and-in', '../../root/folder/b.txt', 200],
      ['dangling', 'nothing', 404],
      ['itself', 'itself', 404],
      ['proc', '/proc/self/environ', 404],
      ['slash', '/', 404],
    ];
    for (const [name, target] of links) symlinkSync(target, site.at(`links/${name}`));
    symlinkSync('../folder', site.at('links/directory'));
    symlinkSync(site.at('folder'), site.at('links/absolute-directory'));
    symlinkSync('../../elsewhere', site.at('links/outer-directory'));
    for (let time = 0; time < 2; time++) {
      for (const [name, , status] of links) {
        const response = await ask(server.address, `GET /links/${name}`);
        assert.equal(response.status, status, name);
        if (status === 200) assert.equal(response.text, 'folder/b.txt');
      }
      for (const name of ['directory', 'absolute-directory']) {
        assert.equal((await ask(server.address, `GET /links/${name}/sub/c.txt`)).text, 'folder/sub/c.txt', name);
        assert.equal((await ask(server.address, `GET /links/${name}`)).status, 301);
      }
      assert.equal((await ask(server.address, 'GET /links/outer-directory/x.txt')).status, 404);
      assert.equal((await ask(server.address, 'GET /links/outer-directory')).status, 404);
    }
  });

  test('a link that is led elsewhere is followed at once', async () => {
    site.write('versions/1/x.txt', 'one');
    site.write('versions/2/x.txt', 'two');
    symlinkSync('versions/1', site.at('current'));
    symlinkSync('versions/1/x.txt', site.at('current.txt'));
    const client = await RawClient.open(server.address);
    const get = async (path: string): Promise<string> => {
      client.send(`GET ${path} HTTP/1.1\r\nHost: test\r\n\r\n`);
      return (await client.response()).text;
    };
    for (let round = 0; round < 20; round++) {
      const [number, word] = round % 2 === 0 ? (['1', 'one'] as const) : (['2', 'two'] as const);
      symlinkSync(`versions/${number}`, site.at('next'));
      renameSync(site.at('next'), site.at('current'));
      assert.equal(await get('/current/x.txt'), word);
      symlinkSync(site.at(`versions/${number}/x.txt`), site.at('next.txt'));
      renameSync(site.at('next.txt'), site.at('current.txt'));
      assert.equal(await get('/current.txt'), word);
    }
    rmSync(site.at('current.txt'));
    symlinkSync(outer.at('secret.txt'), site.at('current.txt'));
    client.send('GET /current.txt HTTP/1.1\r\nHost: test\r\n\r\n');
    assert.equal((await client.response()).status, 404);
    client.destroy();
  });

  test('what is no file is not there, and nobody waits for it', async (context) => {
    execFileSync('mkfifo', [site.at('fifo')]);
    symlinkSync('/dev/zero', site.at('zero'));
    const socket = createSocketServer().listen(site.at('socket'));
    context.after(() => socket.close());
    let device = true;
    try {
      execFileSync('mknod', [site.at('device'), 'c', '1', '5'], { stdio: 'ignore' });
    } catch {
      device = false; // An ordinary user may not.
    }
    for (const name of ['fifo', 'socket', 'zero', ...(device ? ['device'] : [])]) {
      for (const line of [`GET /${name}`, `HEAD /${name}`, `GET /${name}/`]) {
        assert.equal((await ask(server.address, line)).status, 404, line);
      }
    }
  });
});

forEachEngine('dotfiles', (engine) => {
  const site = new TestSite({
    '.env': 'secret',
    '.git/config': 'secret',
    'folder/.hidden/a.txt': 'secret',
    'folder/a.txt': 'a',
    '.well-known/security.txt': 'contact',
    '.well-known/.secret': 'secret',
    '..a': 'two dots',
  });
  const hidden = [
    '/.env',
    '/.git/config',
    '/.git/',
    '/.git',
    '/folder/.hidden/a.txt',
    '/.well-known/.secret',
    '/%2eenv',
    '/..a',
  ];
  const servers = new Map<string, Server>();
  before(async () => {
    for (const dotfiles of ['ignore', 'deny', 'allow'] as const) {
      servers.set(dotfiles, await startServer({ root: site.root, engine, dotfiles, listing: true }));
    }
    servers.set('default', await startServer({ root: site.root, engine }));
  });
  after(async () => {
    for (const server of servers.values()) await server.close(0);
    site.remove();
  });

  for (const [policy, status] of [
    ['ignore', 404],
    ['deny', 403],
    ['default', 404],
  ] as const) {
    test(`${policy}: ${status}, also of what is not there`, async () => {
      const { address } = servers.get(policy)!;
      for (const path of [...hidden, '/.nothing']) {
        const response = await ask(address, `GET ${path}`);
        assert.equal(response.status, status, path);
        assert.ok(!response.text.includes('secret'));
      }
      assert.equal((await ask(address, 'GET /.well-known/security.txt')).text, 'contact');
      assert.equal((await ask(address, 'GET /folder/a.txt')).text, 'a');
    });
  }

  test('allow: as any other', async () => {
    const { address } = servers.get('allow')!;
    assert.equal((await ask(address, 'GET /.env')).text, 'secret');
    assert.equal((await ask(address, 'GET /folder/.hidden/a.txt')).text, 'secret');
    assert.equal((await ask(address, 'GET /..a')).text, 'two dots');
    assert.equal((await ask(address, 'GET /..')).status, 404);
    assert.match((await ask(address, 'GET /')).text, /\.env/);
    assert.doesNotMatch((await ask(servers.get('ignore')!.address, 'GET /')).text, /\.env/);
  });
});

forEachEngine('a root that is a link', (engine) => {
  test('is followed when it is opened', async () => {
    const site = new TestSite({ 'real/a.txt': 'a' });
    symlinkSync('real', site.at('link'));
    writeFileSync(site.at('outside.txt'), 'x');
    symlinkSync(site.at('link/a.txt'), site.at('real/absolute'));
    const server = await startServer({ root: site.at('link'), engine });
    assert.equal((await ask(server.address, 'GET /a.txt')).text, 'a');
    assert.equal((await ask(server.address, 'GET /absolute')).text, 'a');
    assert.equal((await ask(server.address, 'GET /../outside.txt')).status, 404);
    await server.close(0);
    site.remove();
  });
});
