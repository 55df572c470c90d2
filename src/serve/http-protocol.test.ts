// What the account says of an answer that did not leave, and how a connection ends after its last one. The protocol as a whole is tested with the server, over sockets.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection } from '../transport/connection.js';
import type { Loop } from '../transport/loop.js';
import { type Answerer, HttpProtocol, type HttpState } from './http-protocol.js';
import type { Metrics } from './metrics.js';

test('a 408 of which no byte left is accounted without a body, whatever the connection had sent before', () => {
  const counted: [number, number][] = [];
  const metrics = {
    add: () => {},
    countResponse: (status: number, _way: number, bytes: number) => counted.push([status, bytes]),
  } as unknown as Metrics;
  const answerer = {
    refuse: ({ state }: Connection<HttpState>, status: number) => {
      state.status = status;
      state.headBytes = 100;
      state.bodyBytes = 20;
    },
  } as unknown as Answerer;
  const loop = { nowMs: 1000 } as Loop;
  const timeouts = { headMs: 10, idleMs: 10 };
  const protocol = new HttpProtocol(loop, answerer, metrics, undefined, timeouts, 0, assert.fail);
  for (const [sent, left] of [
    [0, 0],
    [100, 0],
    [110, 10],
    [120, 20],
  ] as const) {
    const state = protocol.createState();
    state.headSinceMs = 1;
    const connection = { state, sentBytes: 50_000, flush: () => {} } as unknown as Connection<HttpState>;
    protocol.expired(connection);
    connection.sentBytes += sent;
    protocol.closed(connection);
    assert.deepEqual(counted.pop(), [408, left]);
  }
});

test('the last answer of a client closes at once where it left at once and nothing is unread; else the end waits for the client', () => {
  const loop = { nowMs: 5000 } as { nowMs: number };
  const metrics = { add: () => {}, countResponse: () => {} } as unknown as Metrics;
  const timeouts = { headMs: 10, idleMs: 10 };
  const answerer = {} as Answerer;
  const protocol = new HttpProtocol(loop as Loop, answerer, metrics, undefined, timeouts, 0, assert.fail);
  for (const [isLast, tookMs, hasInput, end] of [
    [true, 0, false, 'abort'],
    [true, 100, false, 'abort'],
    [true, 1000, false, 'finish'],
    [true, 0, true, 'finish'],
    [false, 0, false, 'finish'],
  ] as const) {
    const ends: string[] = [];
    const state = protocol.createState();
    Object.assign(state, { isLast, closeAfter: true, startedMs: loop.nowMs - tookMs });
    protocol.drained({
      ...{ state, hasInput },
      ...{ abort: () => ends.push('abort'), finish: () => ends.push('finish') },
    } as unknown as Connection<HttpState>);
    assert.deepEqual(ends, [end], `${isLast} ${tookMs} ${hasInput}`);
  }
});
