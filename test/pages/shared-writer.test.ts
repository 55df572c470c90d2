// Answers of one process that are made at the same time: what one writes is never found in another, a page that fails
// early takes nothing down with it, and a head that changes at the last moment is kept to.

import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { page, respond, slot, template, writeGather } from '../../src/pages/index.js';
import { startServer, WireClient } from '../node/support.js';

test('a page that waits for a slot does not write into the list of another response', async (context) => {
  let fill!: (text: string) => void;
  const filled = new Promise<string>((resolve) => {
    fill = resolve;
  });
  let begun = false;
  const late = (): Promise<string> => {
    begun = true;
    return filled;
  };
  const waiting = page(template`(${slot('late')})`, { late }, { streamAfterMs: 60_000 });
  const large = Buffer.alloc(16 * 1024 * 1024, 'L');
  let sending: Promise<unknown> | undefined;
  const { port } = await startServer(context, (request, response) => {
    if (request.url === '/page') void respond(request, response, waiting);
    else sending = writeGather(response, ['begin', large, 'end']);
  });
  const answer = fetch(`http://127.0.0.1:${port}/page`, { headers: { connection: 'close' } });
  const slow = new WireClient(port);
  slow.socket.pause();
  while (!begun) await new Promise((resolve) => setImmediate(resolve));
  slow.request(['/large'], 'Connection: close\r\n');
  while (sending === undefined) await new Promise((resolve) => setImmediate(resolve));
  fill('mine');
  assert.equal(await (await answer).text(), '(mine)');
  slow.socket.resume();
  await slow.closed;
  const bytes = slow.received();
  const body = bytes.subarray(bytes.indexOf('\r\n\r\n') + 4);
  assert.equal(body.length, large.length + 8);
  assert.equal(body.subarray(0, 5).toString() + body.subarray(-3).toString(), 'beginend');
});

test('parts that are given by a generator which itself answers stay where they belong', async (context) => {
  let held: ServerResponse | undefined;
  const { port } = await startServer(context, (request, response) => {
    if (request.url === '/held') {
      held = response;
      return;
    }
    const parts = function* (): Generator<string> {
      yield 'one ';
      void writeGather(held!, ['of the other']);
      yield 'two';
    };
    void writeGather(response, parts());
  });
  const other = fetch(`http://127.0.0.1:${port}/held`);
  while (held === undefined) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'one two');
  assert.equal(await (await other).text(), 'of the other');
});

test('a slot that throws at once leaves no rejection behind of the slots that were begun', async (context) => {
  const unhandled: unknown[] = [];
  const seen = (error: unknown): number => unhandled.push(error);
  process.on('unhandledRejection', seen);
  context.after(() => process.off('unhandledRejection', seen));
  const failing = page(template`${slot('first')}${slot('second')}`, {
    first: ({ signal }) =>
      new Promise<string>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    second: () => {
      throw new Error('at once');
    },
  });
  const { port } = await startServer(context, (request, response) => void respond(request, response, failing));
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 500);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(unhandled, []);
});

test('a listener of the head that takes the length away gets chunks', async (context) => {
  const { port } = await startServer(context, (_request, response) => {
    const writeHead = response.writeHead.bind(response);
    response.writeHead = ((status: number) => {
      response.removeHeader('Content-Length');
      return writeHead(status);
    }) as typeof response.writeHead;
    void writeGather(response, ['x'.repeat(5000), Buffer.alloc(5000, 'y')]);
  });
  const body = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  assert.equal(body, 'x'.repeat(5000) + 'y'.repeat(5000));
});
