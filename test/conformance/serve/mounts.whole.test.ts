// File systems that are mounted over what is served, and below it: what is mounted is seen within the second for which a path
// is believed, and what nobody asks for can be unmounted. In a mount namespace of the server's own.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { mountsImpossible, runInMounts, withOwnMounts } from '../../support/mounts.js';
import { until } from '../../support/until.js';
import { ask, RawClient } from './client.js';
import { forEachEngine, patterned, program, runServer, type ServerProcess, TestSite } from './servers.js';

const skip = mountsImpossible(withOwnMounts('true'));
/** How long a path is believed, and what a busy machine adds. */
const believeMs = 1000;
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** What is mounted over, and paths that lead there; N is the case's number. */
const cases = [
  ['a file at the root', 'fileN.txt', ['/fileN.txt']],
  ['a folder', 'folderN', ['/folderN/file.txt', '/folderN/deep/', '/folderN/deep/index.html']],
  ['a file in a folder', 'folderN/file.txt', ['/folderN/file.txt']],
  ['a folder in a folder', 'folderN/deep', ['/folderN/deep/']],
] as const;

forEachEngine('mounts', (engine) => {
  const site = new TestSite({ 'root/tmpfs/x.txt': '', 'root/plain.txt': 'plain' });
  cases.forEach((_, number) => {
    const trees = { root: 'below', other: 'above' };
    for (const [tree, text] of Object.entries(trees)) {
      site.write(`${tree}/file${number}.txt`, text);
      site.write(`${tree}/folder${number}/file.txt`, text);
      site.write(`${tree}/folder${number}/deep/index.html`, text);
    }
  });
  let server: ServerProcess;
  before(async () => {
    if (skip !== false) return;
    const line = withOwnMounts(process.execPath, [program]);
    server = await runServer([site.at('root'), '--engine', engine, '--workers', '1'], {}, line);
  });
  after(async () => {
    server?.child.kill('SIGTERM');
    await server?.ended;
    site.remove();
  });
  const mount = (...command: string[]): void => {
    const { status, stderr } = runInMounts(server.child.pid!, ...command);
    assert.equal(status, 0, `${command.join(' ')}: ${stderr}`);
  };
  const text = async (path: string): Promise<string> => (await ask(server, `GET ${path}`)).text;

  cases.forEach(([what, overWhat, pathsOf], number) => {
    // Each has its own place: they wait side by side.
    const over = overWhat.replace('N', String(number));
    const paths = pathsOf.map((path) => path.replace('N', String(number)));
    const first = paths[0]!;
    const file = `${first.slice(1)}${first.endsWith('/') ? 'index.html' : ''}`;
    test(`over ${what}, and taken away again`, { skip }, async () => {
      for (const path of paths) assert.equal(await text(path), 'below', path);
      mount('mount', '--bind', site.at(`other/${over}`), site.at(`root/${over}`));
      await pause(believeMs + 50);
      for (const path of paths) assert.equal(await text(path), 'above', path);
      site.write(`other/${file}`, 'changed inside');
      await pause(believeMs + 50);
      assert.equal(await text(first), 'changed inside');
      site.write(`other/${file}`, 'above');
      // Lazily: what was just sent is still open.
      mount('umount', '-l', site.at(`root/${over}`));
      await pause(believeMs + 50);
      for (const path of paths) assert.equal(await text(path), 'below', path);
      site.write(`root/${file}`, 'changed below');
      await pause(over.endsWith('.txt') ? 0 : believeMs + 50);
      assert.equal(await text(first), 'changed below');
      site.write(`root/${file}`, 'below');
      assert.equal(await text(first), 'below');
    });
  });

  test('a file system that nobody asked for in ten seconds can be unmounted', { skip }, async () => {
    mount('mount', '-t', 'tmpfs', 'none', site.at('root/tmpfs'));
    const content = patterned(400_000);
    const put = (name: string, bytes: string): void => {
      mount('sh', '-c', `head -c ${bytes} /dev/zero > "$1"`, 'sh', site.at(`root/tmpfs/${name}`));
    };
    put('small.txt', '10');
    put('large.bin', String(content.length));
    put('huge.bin', '60000000');
    const client = await RawClient.open(server);
    for (const path of ['small.txt', 'large.bin', 'small.txt']) {
      client.send(`GET /tmpfs/${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
      assert.equal((await client.response()).status, 200);
    }
    assert.equal((await ask(server, 'GET /tmpfs/large.bin', ['Range: bytes=5-9'])).status, 206);
    assert.equal((await ask(server, 'GET /tmpfs/missing')).status, 404);
    assert.equal((await ask(server, 'GET /tmpfs/')).status, 404);
    // A reader that stalls in the middle of a file, and goes away.
    const stalled = await RawClient.open(server);
    stalled.socket.pause();
    stalled.send('GET /tmpfs/huge.bin HTTP/1.1\r\nHost: x\r\n\r\n');
    await pause(300);
    stalled.destroy();
    const asked = Date.now();
    await until(
      'it can be unmounted',
      async () => {
        // Other requests go on meanwhile.
        assert.equal(await text('/plain.txt'), 'plain');
        await pause(250);
        return runInMounts(server.child.pid!, 'umount', site.at('root/tmpfs')).status === 0;
      },
      40_000,
    );
    assert.ok(Date.now() - asked > 5000, 'the descriptors were kept a while');
    assert.equal((await client.send('GET /tmpfs/x.txt HTTP/1.1\r\nHost: x\r\n\r\n').response()).status, 200);
    client.destroy();
  });
});
