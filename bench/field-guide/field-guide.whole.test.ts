// The field guide in small: nginx and Node under a short load each, and the meter's payload is the client's own count, to the
// byte; and the reply readers that the client counts with.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { meterSkip } from '../../src/meter/support.test.js';
import { httpSubjects } from './http-subjects.js';
import { makeRoot } from './main.js';
import { HttpReplies, PostgresReplies, RedisReplies, type ReplyReader } from './replies.js';
import { isExact, runSubject, type SubjectFindings } from './run.js';
import { renderGuide } from './tables.js';

const small = { bytesPerLoad: 1 << 20, mostRequests: 40, loads: '64 KiB' };

async function find(name: string): Promise<SubjectFindings> {
  const { root, siteDirectory, remove } = makeRoot();
  try {
    return await runSubject(
      httpSubjects.find((subject) => subject.name === name)!,
      { ...small, root, siteDirectory },
      { usual: false },
    );
  } finally {
    remove();
  }
}

function skipOf(name: string): string | false {
  return meterSkip || (httpSubjects.find((subject) => subject.name === name)!.absence() ?? false);
}

const nothingLost = { lostEvents: 0, lostBytes: 0, missedEvents: 0 };

test('nginx with sendfile: every byte of payload, bodies by reference, heads copied', {
  skip: skipOf('nginx, sendfile on'),
}, async () => {
  const found = await find('nginx, sendfile on');
  const [finding] = found.findings;
  assert.ok(finding !== undefined && isExact(finding), renderGuide([found]));
  assert.equal(finding.summary.byReference, finding.moved.contentBytes);
  assert.equal(finding.summary.userToKernel, finding.moved.receivedBytes - finding.moved.contentBytes);
  assert.equal(finding.counters.tcpReceived, finding.moved.sentBytes);
  const { unattributedBytes: _ofOthers, unattributedEvents: _too, ...own } = finding.shortfall;
  assert.deepEqual(own, nothingLost);
});

test('Node with readFile: every byte of payload is copied on its way out; why says what would stop it', {
  skip: skipOf('Node, readFile and end'),
}, async () => {
  const found = await find('Node, readFile and end');
  const [finding] = found.findings;
  assert.ok(finding !== undefined && isExact(finding), renderGuide([found]));
  assert.equal(finding.summary.byReference, 0);
  assert.equal(finding.counters.tcpSent, finding.moved.receivedBytes);
  assert.equal(finding.summary.amplification.sent, 1);
  assert.ok(finding.why.reasons.some(({ rule }) => rule === 'read-and-write-instead-of-sendfile'));
  assert.match(renderGuide([found]), /1 of 1 loads exact to the byte/);
});

test('a figure that is off by one byte is no match', () => {
  const moved = { sentBytes: 10, receivedBytes: 20, contentBytes: 5, requests: 1 };
  const exact = { moved, summary: { payloadSent: 20, payloadReceived: 10 } } as SubjectFindings['findings'][number];
  assert.ok(isExact(exact));
  assert.ok(!isExact({ ...exact, moved: { ...moved, sentBytes: 11 } }));
  assert.ok(!isExact({ ...exact, moved: { ...moved, receivedBytes: 19 } }));
});

const encode = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));

/** Feeds bytes cut at the given places. */
function feedInPieces(reader: ReplyReader, bytes: Uint8Array, cuts: readonly number[]): void {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  places.slice(1).forEach((end, index) => {
    reader.feed(bytes.subarray(places[index]!, end));
  });
}

const body = 'a'.repeat(300);
const streams: Readonly<
  Record<string, { make: () => ReplyReader; bytes: Uint8Array; completed: number; content: number }>
> = {
  HTTP: {
    make: () => new HttpReplies(),
    bytes: encode(`HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n${body}HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n`),
    completed: 2,
    content: 300,
  },
  Redis: {
    make: () => new RedisReplies(),
    bytes: encode(`+OK\r\n$300\r\n${body}\r\n:7\r\n$0\r\n\r\n`),
    completed: 4,
    content: 300,
  },
  PostgreSQL: {
    make: () => new PostgresReplies(),
    bytes: encode(`D\0\0\x01\x36\0\x01\0\0\x01\x2c${body}C\0\0\0\x06a\0Z\0\0\0\x05Id\0\0\x01\x30${body}Z\0\0\0\x05I`),
    completed: 2,
    content: 600,
  },
};

for (const [name, { make, bytes, completed, content }] of Object.entries(streams)) {
  test(`${name} replies are counted however they are cut`, () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2000), { maxLength: 12 }), (cuts) => {
        const reader = make();
        feedInPieces(reader, bytes, cuts);
        assert.deepEqual([reader.completed, reader.contentBytes], [completed, content]);
      }),
    );
  });
}

test('an answer that says the request failed is no answer', () => {
  assert.throws(() => new HttpReplies().feed(encode('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n')), /404/);
  assert.throws(() => new RedisReplies().feed(encode('-ERR no\r\n')), /ERR no/);
  assert.throws(() => new RedisReplies().feed(encode('$-1\r\n')), /no such key/);
  assert.throws(() => new PostgresReplies().feed(encode('E\0\0\0\x09SFAT\0')), /SFAT/);
});
