// Answers while frames are scarce: what an answer refers to stays its own until it is sent. What answers say is tested with
// the whole server (test/conformance/serve).

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Connection } from '../transport/connection.js';
import { Loop } from '../transport/loop.js';
import type { Lender } from '../transport/output.js';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, RequestHead } from '../wire/http1/request.js';
import { HttpState } from './http-protocol.js';
import { Metrics } from './metrics.js';
import { Responder } from './responder.js';

/** A connection that keeps what is queued on it until it is asked to send. */
class Queue {
  readonly state = new HttpState();
  readonly #segments: Array<{ address: number; length: number; lender: Lender; cookie: number }> = [];

  sendSegment(address: number, length: number, lender: Lender, cookie: number): void {
    this.#segments.push({ address, length, lender, cookie });
  }

  /** The text of what was queued, which goes back to its lenders. */
  send(responder: Responder): string {
    const { region } = responder.frames;
    let text = '';
    for (const { address, length, lender, cookie } of this.#segments) {
      const at = address - region.address;
      text += Buffer.from(region.bytes.buffer, region.bytes.byteOffset + at, length).toString('latin1');
      lender.release(cookie);
    }
    return text;
  }
}

test('the frame of a body is not given to the head before it', () => {
  const root = mkdtempSync(join(tmpdir(), 'clearway-answers-'));
  const contents = new Map<string, string>();
  // More files than frames, most of them in frames as large as those of heads.
  for (let number = 0; number < 1500; number++)
    contents.set(`${number}.txt`, `${number} `.padEnd(250 + (number % 300), 'x'));
  for (const [name, content] of contents) writeFileSync(join(root, name), content);
  const loop = new Loop('epoll');
  const site = { root, index: [], dotfiles: 'ignore' as const, maxFiles: 16 };
  const fields = { cacheControl: undefined, cors: false, headers: {} };
  const options = { ...fields, inlineBytes: 4096, frameBudget: 1, listing: false, spa: false };
  const responder = new Responder(loop, site, new Metrics(new SharedArrayBuffer(64 * 1024), 0), options);
  const ask = (line: string, close: boolean): Queue | undefined => {
    const bytes = Buffer.from(`${line}\r\n\r\n`, 'latin1');
    const head = new RequestHead();
    assert.ok(parseRequestHead(bytes, 0, bytes.length, head, DEFAULT_HEAD_LIMITS) > 0);
    const queue = new Queue();
    return responder.answerQuickly(queue as unknown as Connection<HttpState>, head, close) ? queue : undefined;
  };
  let quick = 0;
  const waiting: Array<{ queue: Queue; body: string }> = [];
  let random = 7;
  for (let request = 0; request < 20_000; request++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
    const number = (random >>> 8) % contents.size;
    const body = contents.get(`${number}.txt`)!;
    const isPart = random >>> 31 === 1;
    const field = isPart ? '\r\nRange: bytes=1-' : '';
    const queue = ask(`GET /${number}.txt HTTP/1.1\r\nHost: x${field}`, !isPart);
    if (queue !== undefined) waiting.push({ queue, body: isPart ? body.slice(1) : body });
    // How many are being sent goes up and down.
    while (waiting.length > (request >>> 4) % 64) {
      const first = waiting.shift()!;
      const text = first.queue.send(responder);
      assert.match(text, /^HTTP\/1\.1 20[06] /);
      assert.equal(text.slice(text.indexOf('\r\n\r\n') + 4), first.body);
      quick++;
    }
  }
  for (const { queue } of waiting) queue.send(responder);
  assert.ok(quick > 15_000, `${quick} were answered quickly`);
  responder.site.close();
  assert.equal(responder.frames.leased, 0);
  responder.unmap();
  loop.close();
  rmSync(root, { recursive: true });
});
