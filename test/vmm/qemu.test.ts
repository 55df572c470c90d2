// The same images under another monitor: QEMU's microvm without KVM boots them by their PVH door, with split and packed queues. It shows that it works, never how fast.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { after, describe, test } from 'node:test';
import { until } from '../conformance/serve/servers.js';
import { RawClient } from '../support/kv-process.js';
import { imageOf, imagesRefused } from './support.js';

const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

function qemuRefused(): string | false {
  const refused = imagesRefused();
  if (refused !== false) return refused;
  return spawnSync('qemu-system-x86_64', ['--version']).status === 0
    ? false
    : 'there is no qemu-system-x86_64: apt-get install qemu-system-x86';
}

function boot(image: string, words: string, device?: { readonly forward: string; readonly packed: boolean }) {
  const net =
    device === undefined
      ? []
      : [
          ...['-netdev', `user,id=n0,hostfwd=${device.forward}`, '-global', 'virtio-mmio.force-legacy=false'],
          ...['-device', `virtio-net-device,netdev=n0${device.packed ? ',packed=on' : ''}`],
        ];
  const child = spawn('qemu-system-x86_64', [
    ...['-accel', 'tcg', '-M', 'microvm,acpi=off', '-cpu', 'max', '-m', '64', '-nodefaults', '-display', 'none'],
    ...['-serial', 'stdio', '-device', 'isa-debug-exit,iobase=0xf4', '-kernel', imageOf(image), '-append', words],
    ...net,
  ]);
  running.add(child);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
  const ended = new Promise<number | null>((resolve) =>
    child.on('exit', (code) => {
      running.delete(child);
      resolve(code);
    }),
  );
  return { said: () => said, ended, child };
}

/** A port that is free now. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const network = 'ip=10.0.2.15/24 gw=10.0.2.2';

describe('images under QEMU', { skip: qemuRefused(), timeout: 180_000 }, () => {
  test('the end has a status, a trap is said', async () => {
    const ends = boot('probe', 'do=1');
    // isa-debug-exit: twice the status, and 1.
    assert.equal(await ends.ended, 15, ends.said());
    const trap = boot('probe', 'do=3');
    assert.equal(await trap.ended, 253, trap.said());
    assert.match(trap.said(), /page fault at 0x[0-9a-f]+, writing 0x[0-9a-f]+ \(outside of linear memory\)/);
  });

  for (const packed of [false, true]) {
    const layout = packed ? 'packed' : 'split';

    test(`the store answers over its own TCP/IP, ${layout} queues`, async () => {
      const port = await freePort();
      const guest = boot('kv', network, { forward: `tcp:127.0.0.1:${port}-:6379`, packed });
      await until('it serves', () => guest.said().includes('serves TCP port 6379'), 30_000);
      const client = new RawClient(port);
      assert.equal(await client.ask('SET a 1\r\nINCR a\r\n', '+OK\r\n:2\r\n'), '+OK\r\n:2\r\n');
      const value = 'abcdefg'.repeat(30_000);
      const request = `*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$${value.length}\r\n${value}\r\n`;
      assert.equal(await client.ask(request, '+OK\r\n'), '+OK\r\n');
      const wanted = `$${value.length}\r\n${value}\r\n`;
      assert.ok((await client.ask('GET big\r\n', wanted)) === wanted);
      const time = Number(/\d{10}/.exec(await client.ask('TIME\r\n', 'x'.repeat(30)))?.[0]);
      assert.ok(Math.abs(time - Date.now() / 1000) < 30, `${time}`);
      client.socket.write('SHUTDOWN NOSAVE\r\n');
      assert.equal(await guest.ended, 1, guest.said());
    });

    test(`datagrams come back, ${layout} queues`, async () => {
      const port = await freePort();
      const guest = boot('echo', network, { forward: `udp:127.0.0.1:${port}-:7`, packed });
      await until('it is ready', () => guest.said().includes('echo: ready'), 30_000);
      const socket = createSocket('udp4');
      const heard: string[] = [];
      socket.on('message', (bytes) => heard.push(bytes.toString()));
      for (let index = 0; index < 20; index++) {
        socket.send(`datagram ${index}`, port, '127.0.0.1');
        await until(`${index} comes back`, () => heard.includes(`datagram ${index}`), 10_000);
      }
      socket.close();
      guest.child.kill('SIGKILL');
    });
  }
});
