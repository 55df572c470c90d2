// The same images under another monitor: QEMU's microvm without KVM boots them by their PVH door, with split and packed queues. It shows that it works, never how fast.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { freePort } from '../../bench/host/port.js';
import { isInstalled } from '../support/installed.js';
import { RawClient } from '../support/kv-process.js';
import { until } from '../support/until.js';
import { startDevices } from '../support/vhost-process.js';
import { buildImage, missingTools } from './image-tool.js';
import { imageOf, imagesRefused } from './support.js';

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

function qemuRefused(): string | false {
  const refused = imagesRefused();
  if (refused !== false) return refused;
  return isInstalled('qemu-system-x86_64') ? false : 'there is no qemu-system-x86_64: apt-get install qemu-system-x86';
}

/** A guest's card: forwarded by QEMU, or worked for by the back end at a socket. */
interface Card {
  readonly forward?: string;
  readonly socket?: string;
  readonly packed: boolean;
  /** Its address; QEMU gives all guests the same one. */
  readonly mac?: string;
}

function cardArgs({ forward, socket, packed, mac = '52:54:00:00:00:01' }: Card): string[] {
  const card = ['-device', `virtio-net-device,netdev=n0,mac=${mac}${packed ? ',packed=on' : ''}`];
  const common = ['-global', 'virtio-mmio.force-legacy=false', ...card];
  if (socket === undefined) return ['-netdev', `user,id=n0,hostfwd=${forward}`, ...common];
  return [
    ...['-object', 'memory-backend-memfd,id=memory,size=64M,share=on', '-machine', 'memory-backend=memory'],
    ...['-chardev', `socket,id=c0,path=${socket}`, '-netdev', 'vhost-user,id=n0,chardev=c0', ...common],
  ];
}

/** A guest that boots. @param image its file */
function boot(image: string, words: string, device?: Card) {
  const net = device === undefined ? [] : cardArgs(device);
  const child = spawn('qemu-system-x86_64', [
    ...['-accel', 'tcg', '-M', 'microvm,acpi=off', '-cpu', 'max', '-m', '64', '-nodefaults', '-display', 'none'],
    ...['-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4', '-kernel', image, '-append', words],
    ...net,
  ]);
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = new Promise<number | null>((resolve) =>
    child.on('close', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  return { said: () => said, ended, child };
}

const network = 'ip=10.0.2.15/24 gw=10.0.2.2';

/** The store over its own TCP/IP, once it serves. @param image its file */
async function bootStore(image: string, packed: boolean) {
  const port = await freePort();
  const guest = boot(image, network, { forward: `tcp:127.0.0.1:${port}-:6379`, packed });
  await until('it serves', () => guest.said().includes('kv: TCP port 6379'), 30_000);
  return { port, guest, client: new RawClient(port) };
}

describe('images under QEMU', { skip: qemuRefused(), timeout: 240_000 }, () => {
  test('the end has a status, a trap is said', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clearway-qemu-'));
    const byGcc = join(folder, 'probe');
    const isThere = missingTools() === undefined;
    if (isThere) await buildImage('probe', byGcc, 'gcc');
    for (const image of [imageOf('probe'), ...(isThere ? [byGcc] : [])]) {
      const ends = boot(image, 'do=1');
      // isa-debug-exit: twice the status, and 1.
      assert.equal(await ends.ended, 15, ends.said());
      const trap = boot(image, 'do=3');
      assert.equal(await trap.ended, 253, trap.said());
      assert.match(trap.said(), /page fault at 0x[0-9a-f]+, writing 0x[0-9a-f]+ \(outside of linear memory\)/);
    }
    rmSync(folder, { recursive: true });
  });

  test('the store by wasm2c and gcc answers', { skip: missingTools() ?? false }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'clearway-qemu-'));
    const byGcc = join(folder, 'kv');
    await buildImage('kv', byGcc, 'gcc');
    const { guest, client } = await bootStore(byGcc, false);
    const asked = 'SET a 1\r\nINCR a\r\nZADD z 1.5 m\r\nZINCRBY z 0.25 m\r\nCONFIG GET maxmemory-policy\r\n';
    const wanted = '+OK\r\n:2\r\n:1\r\n$4\r\n1.75\r\n*2\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n';
    assert.equal(await client.ask(asked, wanted), wanted);
    client.socket.write('SHUTDOWN NOSAVE\r\n');
    assert.equal(await guest.ended, 1, guest.said());
    rmSync(folder, { recursive: true });
  });

  for (const packed of [false, true]) {
    const layout = packed ? 'packed' : 'split';

    test(`the store answers over its own TCP/IP, ${layout} queues`, async () => {
      const { port, guest, client } = await bootStore(imageOf('kv'), packed);
      assert.equal(await client.ask('SET a 1\r\nINCR a\r\n', '+OK\r\n:2\r\n'), '+OK\r\n:2\r\n');
      const value = 'abcdefg'.repeat(30_000);
      const request = `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n${value}\r\n`;
      assert.equal(await client.ask(request, '+OK\r\n'), '+OK\r\n');
      const wanted = `$${value.length}\r\n${value}\r\n`;
      assert.ok((await client.ask('GET big\r\n', wanted)) === wanted);
      const time = Number(/\d{10}/.exec(await client.ask('TIME\r\n', 'x'.repeat(30)))?.[0]);
      assert.ok(Math.abs(time - Date.now() / 1000) < 30, `${time}`);
      const run = (command: string, ...words: string[]): string =>
        spawnSync(command, ['-p', `${port}`, ...words], { encoding: 'utf8', timeout: 60_000 }).stdout;
      assert.equal(run('redis-cli', 'GET', 'a'), '2\n');
      const rates = run('redis-benchmark', ...'-c 10 -P 4 -n 1000 -q --csv -t set,get,lpush,zadd'.split(' '));
      for (const name of ['SET', 'GET', 'LPUSH', 'ZADD']) assert.match(rates, new RegExp(`"${name}`), name);
      client.socket.write('SHUTDOWN NOSAVE\r\n');
      assert.equal(await guest.ended, 1, guest.said());
    });

    test(`datagrams come back, ${layout} queues`, async () => {
      const port = await freePort();
      const guest = boot(imageOf('echo'), network, { forward: `udp:127.0.0.1:${port}-:7`, packed });
      await until('it is ready', () => guest.said().includes('echo: ready'), 30_000);
      const socket = createSocket('udp4');
      const heard: string[] = [];
      socket.on('message', (bytes) => heard.push(bytes.toString()));
      for (let index = 0; index < 20; index++) {
        socket.send(`datagram ${index}`, port, '127.0.0.1');
        await until(`${index} comes back`, () => heard.includes(`datagram ${index}`));
      }
      socket.close();
      guest.child.kill('SIGKILL');
    });

    test(`cards that \`clearway net\` works for: one guest asks another, ${layout} queues`, async () => {
      const folder = mkdtempSync(join(tmpdir(), 'clearway-qemu-'));
      const sockets = ['one', 'two'].map((name) => join(folder, name)) as [string, string];
      const devices = await startDevices(['net', ...sockets.flatMap((each) => ['--socket', each])], sockets);
      const echo = boot(imageOf('echo'), 'ip=10.96.0.3/24', { socket: sockets[1], packed, mac: '52:54:00:00:00:02' });
      await until('it is ready', () => echo.said().includes('echo: ready'), 30_000);
      const ask = boot(imageOf('ask'), 'ip=10.96.0.2/24 to=10.96.0.3 count=50', { socket: sockets[0], packed });
      assert.equal(await ask.ended, 1, ask.said());
      assert.match(ask.said(), /ask: 50 answers/);
      echo.child.kill('SIGKILL');
      await devices.end();
      rmSync(folder, { recursive: true, force: true });
    });
  }
});
