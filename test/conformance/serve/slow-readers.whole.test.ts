// The minimum rate of a reader and the pace of a sender. The window of the command is 20 s, too long for a test: here the
// listener is given a short one, on a loop of its own, with the protocol of the server.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { listenTcp, localAddress } from '../../../src/kernel/socket.js';
import { HttpProtocol, type HttpState } from '../../../src/serve/http-protocol.js';
import { Metrics, metricsBytes } from '../../../src/serve/metrics.js';
import { Responder } from '../../../src/serve/responder.js';
import { Listener } from '../../../src/transport/listener.js';
import { Loop } from '../../../src/transport/loop.js';
import { parseHead, RawClient } from './client.js';
import { forEachEngine, patterned, startServer, TestSite } from './servers.js';

const request = 'GET /large.bin HTTP/1.1\r\nHost: test\r\n\r\n';

forEachEngine('slow readers', (engine) => {
  const size = 24 * 1024 * 1024;
  const content = patterned(size);
  const site = new TestSite({ 'large.bin': content });
  after(() => site.remove());

  test('one that stalls is ended within two windows, one that is slow but fast enough is not', async () => {
    const loop = new Loop(engine);
    const listenFd = listenTcp({ host: '127.0.0.1', port: 0, nonBlocking: loop.engine.nonBlockingSockets });
    const address = localAddress(listenFd);
    const metrics = new Metrics(new SharedArrayBuffer(metricsBytes), 0);
    const where = { root: site.root, index: [], dotfiles: 'ignore' as const, maxFiles: 16 };
    const policy = { cacheControl: undefined, cors: false, headers: {}, listing: false, spa: false };
    const responder = new Responder(loop, where, metrics, { ...policy, inlineBytes: 1024, frameBudget: 1 << 20 });
    const timeouts = { headMs: 5000, idleMs: 5000 };
    const failed = (error: Error): never => assert.fail(error);
    const protocol = new HttpProtocol(loop, responder, metrics, undefined, timeouts, 0, failed);
    const limits = { maxConnections: 10, minRate: 64 * 1024, rateWindowMs: 1500, backlogLimit: 65_536 };
    const listener = new Listener<HttpState>(loop, listenFd, protocol, limits, '');
    loop.attach();

    const stalled = await RawClient.open(address);
    const steady = await RawClient.open(address);
    for (const client of [stalled, steady]) {
      client.send(request);
      parseHead(await client.head());
      client.socket.pause();
    }
    // Some 4 MiB a second: far above the minimum, far below what the socket could take.
    let done = false;
    const reading = (async () => {
      while (!done) {
        steady.socket.resume();
        await new Promise((resolve) => setTimeout(resolve, 5));
        steady.socket.pause();
        await new Promise((resolve) => setTimeout(resolve, 45));
      }
    })();
    const started = Date.now();
    while (listener.counts.slowReaders === 0 && Date.now() - started < 20_000) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(listener.counts.slowReaders, 1);
    stalled.socket.resume();
    assert.ok((await stalled.rest()).length < size);
    done = true;
    await reading;
    steady.socket.resume();
    assert.ok((await steady.bytes(size)).equals(content));

    steady.destroy();
    await new Promise<void>((resolve) => {
      listener.drain(resolve);
      listener.abortAll();
    });
    responder.site.retire();
    loop.detach();
    loop.close();
  });
});

forEachEngine('pace', (engine) => {
  const size = 3 * 1024 * 1024;
  const site = new TestSite({ 'large.bin': patterned(size) });
  after(() => site.remove());

  test('a connection is sent no more bytes a second than asked for', async () => {
    const server = await startServer({ root: site.root, engine, pace: '2M' });
    const client = await RawClient.open(server.address);
    const started = performance.now();
    client.send(request);
    assert.equal((await client.response({ timeoutMs: 10_000 })).body.length, size);
    const seconds = (performance.now() - started) / 1000;
    // Loopback has no queue that paces, TCP does it itself and lets the first bytes go.
    assert.ok(seconds > 0.7 && seconds < 30, `${seconds} s`);
    client.destroy();
    await server.close(0);
  });
});
