import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { PortableServer } from './portable-server.js';
import { Store } from './store.js';

const options = {
  maxMemory: 8 << 20,
  policy: 'noeviction',
  password: undefined,
  port: 0,
  maxClients: 10,
  timeoutSeconds: 0,
  snapshot: undefined,
} as const;

async function open(port: number): Promise<(bytes: string, wanted: string) => Promise<string>> {
  const socket: Socket = connect(port, '127.0.0.1').setEncoding('latin1');
  let text = '';
  socket.on('data', (more: string) => {
    text += more;
  });
  await once(socket, 'connect');
  return async (bytes, wanted) => {
    socket.write(bytes);
    while (text.length < wanted.length) await once(socket, 'data', { signal: AbortSignal.timeout(5000) });
    const all = text;
    text = '';
    return all;
  };
}

test('over sockets of Node: commands, long values, clients that wait, what they sent ahead in its order', async () => {
  const server = new PortableServer(new Store(options), () => {});
  try {
    const port = await server.listen({ host: '127.0.0.1', port: 0 });
    const [waiting, giver] = [await open(port), await open(port)];
    assert.equal(await giver('SET a 1\r\nINCR a\r\n', '+OK\r\n:2\r\n'), '+OK\r\n:2\r\n');
    const value = 'v'.repeat(300_000);
    const stored = `*3\r\n$3\r\nSET\r\n$1\r\nb\r\n$${value.length}\r\n${value}\r\nGET b\r\n`;
    const reply = `+OK\r\n$${value.length}\r\n${value}\r\n`;
    assert.ok((await giver(stored, reply)) === reply);
    assert.equal(await waiting('BLPOP l 0.05\r\n', '*-1\r\n'), '*-1\r\n');
    void waiting('BLPOP l 0\r\nECHO one\r\n', '');
    await new Promise((resolve) => setTimeout(resolve, 20));
    void waiting('ECHO two\r\nBLPOP l 0\r\nECHO three\r\n', '');
    await new Promise((resolve) => setTimeout(resolve, 20));
    void waiting('ECHO four\r\n', '');
    assert.equal(await giver('RPUSH l x y\r\n', ':2\r\n'), ':2\r\n');
    const served = (element: string): string => `*2\r\n$1\r\nl\r\n$1\r\n${element}\r\n`;
    const all = `${served('x')}$3\r\none\r\n$3\r\ntwo\r\n${served('y')}$5\r\nthree\r\n$4\r\nfour\r\n`;
    assert.equal(await waiting('', all), all);
  } finally {
    await server.close();
  }
});
