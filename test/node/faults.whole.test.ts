// What goes wrong while a body is on its way: the client leaves at every stage, the server destroys the socket and its
// number is used again, time runs out, the application or a middleware interferes. No byte may reach a wrong connection,
// nothing may stay open.

import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import { spawn } from 'node:child_process';
import type { RequestListener, ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type SendResult, sendFile, serveStatic } from '../../src/node/index.js';
import { nodeRuntime } from '../../src/node/runtime.js';
import { openDescriptors } from '../support/open-descriptors.js';
import { until } from '../support/until.js';
import { makeFiles, numberedBytes, parseResponses, startServer, WireClient } from './support.js';

const large = numberedBytes(16 * 1024 * 1024);
const { shared, reason } = nodeRuntime();
const skip = shared !== undefined ? false : `no sendfile here: ${reason}`;

async function allTransfersEnded(): Promise<void> {
  await until('the end of all transfers', () => shared!.transfers === 0);
}

test('the client leaves at every stage', { skip }, async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const stages: Record<string, (client: WireClient, response: ServerResponse) => void> = {
    'before the head': (_client, response) => response.socket!.destroy(),
    'right after the head': (client, response) => setImmediate(() => response.headersSent && client.socket.destroy()),
    'while the socket is full': (client) => setTimeout(() => client.socket.destroy(), 40),
    'with a reset': (client) => setTimeout(() => client.socket.resetAndDestroy(), 40),
    'by the server': (_client, response) => setTimeout(() => response.destroy(), 40),
    'by the server, in the same turn': (_client, response) => setImmediate(() => response.destroy()),
  };
  for (const [stage, leave] of Object.entries(stages)) {
    let client: WireClient | undefined;
    let result: SendResult | undefined;
    const { port } = await startServer(context, async (request, response) => {
      leave(client!, response);
      result = await sendFile(request, response, '/large.bin', { root });
    });
    client = new WireClient(port);
    client.socket.pause();
    client.request(['/large.bin']);
    await until(stage, () => result !== undefined);
    assert.equal(result!.outcome, 'aborted', stage);
    client.socket.resume();
    await client.closed;
    assert.ok(client.receivedBytes < large.length, stage);
    await allTransfersEnded();
  }
});

test('a client that left before the file was asked for is an aborted answer', async (context) => {
  const root = makeFiles(context, { 'large.bin': large, 'a.txt': 'small' });
  for (const path of ['/a.txt', '/large.bin']) {
    for (const first of ['the server', 'the client']) {
      let result: SendResult | undefined;
      const { port } = await startServer(context, async (request, response) => {
        const closed = new Promise((resolve) => response.once('close', resolve));
        if (first === 'the server') response.destroy();
        else client.socket.destroy();
        await closed;
        result = await sendFile(request, response, path, { root });
      });
      const client = new WireClient(port);
      client.request([path]);
      await until(`${path}, left by ${first}`, () => result !== undefined);
      assert.equal(result!.outcome, 'aborted');
    }
  }
  // The cache keeps one of each, and nobody else does.
  const open = openDescriptors(/large\.bin/).filter((link) => link.startsWith(root));
  assert.ok(open.length <= 1, open.join());
});

test('over HTTP/2 as well', async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  let result: SendResult | undefined;
  const server = createHttp2Server(async (request, response) => {
    const closed = new Promise((resolve) => response.once('close', resolve));
    stream.close();
    await closed;
    result = await sendFile(request as never, response as never, '/large.bin', { root });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stream = session.request({ ':path': '/' });
  await until('the end', () => result !== undefined);
  assert.equal(result!.outcome, 'aborted');
  session.destroy();
  await new Promise((resolve) => server.close(resolve));
});

test('waiting behind another answer, a body whose client leaves is let go', { skip }, async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const results: SendResult[] = [];
  let asked = 0;
  const { port } = await startServer(context, async (request, response) => {
    asked++;
    results.push(await sendFile(request, response, '/large.bin', { root }));
  });
  const client = new WireClient(port);
  client.socket.pause();
  client.request(new Array(12).fill('/large.bin'));
  await until('all twelve are asked for', () => asked === 12);
  await sleep(60);
  client.socket.destroy();
  await until('all twelve', () => results.length === 12);
  assert.deepEqual([...new Set(results.map((each) => each.outcome))], ['aborted']);
  await allTransfersEnded();
});

test('a number that is used again never gets the bytes of the connection that had it', { skip }, async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const numbers = new Set<number>();
  let reused = 0;
  const sockets: Socket[] = [];
  const { port } = await startServer(context, (request, response) => {
    const fd = (request.socket as unknown as { _handle: { fd: number } })._handle.fd;
    if (numbers.has(fd)) reused++;
    if (request.url === '/mine') {
      response.end('mine alone');
      return;
    }
    numbers.add(fd);
    sockets.push(request.socket);
    void sendFile(request, response, '/large.bin', { root });
  });
  for (let round = 0; round < 40; round++) {
    const first = new WireClient(port);
    first.socket.pause();
    first.request(['/large.bin']);
    await until('the transfer', () => sockets.length === round + 1);
    // The socket is destroyed while its transfer waits for room, and the next connection takes the lowest free number.
    if (round % 2 === 0) await sleep(5);
    sockets[round]!.destroy();
    const second = new WireClient(port);
    second.request(['/mine'], 'Connection: close\r\n');
    first.socket.resume();
    await second.closed;
    const [answer] = parseResponses(second.received());
    assert.equal(answer!.body.toString(), 'mine alone');
    await first.closed;
  }
  await allTransfersEnded();
  assert.ok(reused > 0, 'no number was used again: the test shows nothing');
});

test('progress puts the time-out of a socket off, a stall does not', { skip }, async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const results: SendResult[] = [];
  const { server, port } = await startServer(context, async (request, response) => {
    results.push(await sendFile(request, response, '/large.bin', { root }));
  });
  server.setTimeout(1500);
  const slow = new WireClient(port);
  slow.request(['/large.bin']);
  const begun = performance.now();
  while (results.length === 0 && performance.now() - begun < 3500) {
    slow.socket.pause();
    await sleep(60);
    const before = slow.receivedBytes;
    slow.socket.resume();
    await until('progress', () => slow.receivedBytes > before || slow.socket.closed);
  }
  slow.socket.resume();
  await until('the slow one', () => results.length === 1);
  assert.equal(results[0]!.outcome, 'sent');
  slow.socket.destroy();
  const stalled = new WireClient(port);
  stalled.socket.pause();
  stalled.request(['/large.bin']);
  await until('the stalled one', () => results.length === 2);
  assert.equal(results[1]!.outcome, 'aborted');
  stalled.socket.destroy();
  await allTransfersEnded();
});

test('an application that ends the response early gets no foreign bytes into the next one', {
  skip,
}, async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  let result: SendResult | undefined;
  let isEnded = false;
  const { port } = await startServer(context, (request, response) => {
    if (request.url === '/next') {
      response.end('next');
      return;
    }
    void sendFile(request, response, '/large.bin', { root }).then((ended) => {
      result = ended;
    });
    setTimeout(() => {
      response.end();
      isEnded = true;
    }, 30);
  });
  const client = new WireClient(port);
  client.socket.pause();
  client.request(['/large.bin']);
  await until('it is ended', () => isEnded);
  client.socket.resume();
  await client.closed;
  assert.equal(result?.outcome, 'aborted');
  assert.ok(client.receivedBytes < large.length);
  await allTransfersEnded();
});

test('what was written before stays in front, and a middleware that replaces write sees the bytes', async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const results: SendResult[] = [];
  let seen = 0;
  const listener: RequestListener = async (request, response) => {
    if (request.url === '/watched') {
      const write = response.write.bind(response);
      response.write = ((chunk: Buffer, ...rest: []) => {
        seen += chunk.length;
        return write(chunk, ...rest);
      }) as typeof response.write;
    } else if (request.url === '/corked') {
      response.cork();
    } else if (request.url === '/chunked') {
      // As a listener of the head may do: the length is taken away at the last moment.
      const writeHead = response.writeHead.bind(response);
      response.writeHead = ((status: number) => {
        response.removeHeader('Content-Length');
        return writeHead(status);
      }) as typeof response.writeHead;
    }
    results.push(await sendFile(request, response, '/large.bin', { root }));
  };
  const { port } = await startServer(context, listener);
  for (const path of ['/watched', '/corked', '/chunked', '/plain']) {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    assert.ok(Buffer.from(await response.arrayBuffer()).equals(large), path);
  }
  assert.equal(seen, large.length);
  const best = shared === undefined ? 'stream' : 'sendfile';
  assert.deepEqual(
    results.map((each) => each.way),
    ['stream', best, 'stream', best],
  );
  // Also where the head said nothing of it.
  assert.deepEqual(
    results.map((each) => each.bytes),
    new Array(4).fill(large.length),
  );
});

test('more waiting answers than sockets have listeners, and two hundred aborted ones, leave nothing behind', {
  skip,
}, async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const warnings: Error[] = [];
  const warned = (warning: Error): number => warnings.push(warning);
  process.on('warning', warned);
  context.after(() => process.off('warning', warned));
  const { port } = await startServer(context, (request, response) => {
    serveStatic(root)(request, response, () => response.end());
  });
  for (let round = 0; round < 200; round++) {
    const client = new WireClient(port);
    client.request(['/large.bin', '/large.bin']);
    await client.receive(1);
    client.socket.destroy();
  }
  await sleep(10);
  await allTransfersEnded();
  assert.deepEqual(warnings, []);
});

test('an answer that has no body has none, whatever the application calls the method', async (context) => {
  const root = makeFiles(context, { 'large.bin': large, 'a.txt': 'small' });
  const { port } = await startServer(context, (request, response) => {
    if (request.url!.startsWith('/204')) response.statusCode = 204;
    if (request.url!.startsWith('/304')) response.statusCode = 304;
    if (request.method === 'HEAD') request.method = 'GET';
    void sendFile(request, response, request.url!.slice(4), { root });
  });
  const client = new WireClient(port);
  client.request(['/204/large.bin', '/304/a.txt', '/304/large.bin', 'HEAD /200/large.bin', '/200/a.txt']);
  await until('the last answer', () => client.received().subarray(-5).toString() === 'small');
  client.socket.destroy();
  const responses = parseResponses(client.received(), (index) => index < 4);
  assert.deepEqual(
    responses.map((each) => each.status),
    [204, 304, 304, 200, 200],
  );
});

test('listeners of the response keep the context of their request', { skip }, async (context) => {
  const root = makeFiles(context, { 'large.bin': large });
  const storage = new AsyncLocalStorage<string>();
  const seen: (string | undefined)[] = [];
  const { port } = await startServer(context, (request, response) => {
    storage.run(request.url!, () => {
      response.on('finish', () => seen.push(storage.getStore()));
      void sendFile(request, response, '/large.bin', { root }).then(() => seen.push(storage.getStore()));
    });
  });
  await Promise.all(
    ['/one', '/two'].map(async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).arrayBuffer()),
  );
  assert.deepEqual(seen.sort(), ['/one', '/one', '/two', '/two']);
});

test('the shared loop does not keep a process alive, and a transfer does', { skip }, async () => {
  const program = `
    import { createServer, get } from 'node:http';
    import { writeFileSync, rmSync, mkdtempSync } from 'node:fs';
    const { serveStatic } = await import(${JSON.stringify(new URL('../../src/node/index.js', import.meta.url).href)});
    const root = mkdtempSync('/tmp/clearway-exit-');
    writeFileSync(root + '/large.bin', Buffer.alloc(8 << 20));
    const serve = serveStatic(root);
    const server = createServer((request, response) => serve(request, response, () => response.end()));
    server.listen(0, '127.0.0.1', () => {
      get({ port: server.address().port, path: '/large.bin', agent: false }, (response) => {
        let bytes = 0;
        server.close();
        response.on('data', (chunk) => { bytes += chunk.length; });
        response.on('end', () => { rmSync(root, { recursive: true }); console.log(bytes); });
      });
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
  });
  let output = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output += chunk;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) => {
    child.once('close', (...ended) => resolve(ended));
  });
  clearTimeout(timer);
  assert.deepEqual([code, signal, output.trim()], [0, null, String(8 << 20)]);
});
