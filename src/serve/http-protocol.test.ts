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

/** A connection of a protocol alone. */
function madeUp(protocol: HttpProtocol): { connection: Connection<HttpState>; ends: string[] } {
  const ends: string[] = [];
  const connection = {
    ...{ state: protocol.createState(), sentBytes: 0, deadlineMs: 77, rate: 0, sending: false },
    ...{ abort: () => ends.push('abort'), finish: () => ends.push('finish'), flush: () => {} },
  } as unknown as Connection<HttpState>;
  return { connection, ends };
}

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

function protocolOf(answerer: Partial<Answerer>, failed: (error: Error) => void = assert.fail): HttpProtocol {
  const metrics = { add: () => {}, countResponse: () => {} } as unknown as Metrics;
  const timeouts = { headMs: 10, idleMs: 10 };
  return new HttpProtocol({ nowMs: 1000 } as Loop, answerer as Answerer, metrics, undefined, timeouts, 0, failed);
}

test('where there is no memory for a refusal either its connection ends, and nothing else', () => {
  const failures: string[] = [];
  const none = (): never => {
    throw new Error('no memory');
  };
  const answerer = { answerQuickly: () => false, answer: none, refuse: none };
  const protocol = protocolOf(answerer, (error) => failures.push(error.message));
  const offer = (text: string) => (connection: Connection<HttpState>) => {
    const bytes = bytesOf(text);
    assert.equal(protocol.received(connection, bytes, 0, bytes.length), bytes.length);
  };
  const cases = [
    offer('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
    offer('no request\r\n\r\n'),
    (connection: Connection<HttpState>) => {
      connection.state.headSinceMs = 1;
      protocol.expired(connection);
    },
  ];
  for (const each of cases) {
    const { connection, ends } = madeUp(protocol);
    each(connection);
    assert.deepEqual(ends, ['abort']);
    assert.equal(connection.state.bodyBytes, 0);
  }
  assert.equal(failures.length, 4);
});

test('a request is a client’s last where nothing is behind it', () => {
  const protocol = protocolOf({ answerQuickly: () => true });
  const request = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  for (const [text, isLast] of [
    [request, true],
    [`${request}G`, false],
    [`${request}\r\n`, false],
  ] as const) {
    const { connection } = madeUp(protocol);
    const bytes = bytesOf(text);
    assert.equal(protocol.received(connection, bytes, 0, bytes.length), request.length);
    assert.equal(connection.state.isLast, isLast, JSON.stringify(text));
  }
});

test('empty lines before a request begin no time of a head, however they come', () => {
  const protocol = protocolOf({ answerQuickly: () => true });
  const request = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';
  for (const [text, taken] of [
    ['\r', 0],
    ['\r\n', 2],
    ['\r\n\r', 2],
    ['\r\n'.repeat(30), 60],
    [`\r\n${request}`, 2],
    ['\r\nG', 2],
  ] as const) {
    const { connection } = madeUp(protocol);
    const bytes = bytesOf(text);
    assert.equal(protocol.received(connection, bytes, 0, bytes.length), taken, JSON.stringify(text));
    assert.deepEqual([connection.deadlineMs, connection.state.headSinceMs, connection.state.headSeen], [77, 0, 0]);
  }
  const { connection } = madeUp(protocol);
  assert.equal(protocol.received(connection, bytesOf('G'), 0, 1), 0);
  assert.deepEqual([connection.deadlineMs, connection.state.headSinceMs], [1010, 1000]);
});
