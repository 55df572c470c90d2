// Back ends that do not keep to the protocol, each refused in a sentence, within its time, with nothing left open; and one that is slow but right.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { FrontEnd } from '../../src/vhost/front-end/front-end.js';
import { bitsOf, Feature, Flag, Request } from '../../src/vhost/protocol.js';
import { openDescriptors } from '../support/open-descriptors.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-hostile-'));
after(() => rmSync(folder, { recursive: true, force: true }));

type Reply = (request: number, socket: Socket) => void;

function message(request: number, flags: number, payload: Buffer, size = payload.length): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt32LE(request, 0);
  header.writeUInt32LE(flags, 4);
  header.writeUInt32LE(size, 8);
  return Buffer.concat([header, payload]);
}

function words(...values: readonly bigint[]): Buffer {
  const payload = Buffer.alloc(values.length * 8);
  for (const [index, value] of values.entries()) payload.writeBigUInt64LE(value, index * 8);
  return payload;
}

const answerFlags = Flag.version | Flag.reply;
const offered = bitsOf(Feature.version1, Feature.protocolFeatures);

/** What a decent back end says; undefined: nothing, as the message wants no answer. */
function decent(request: number, flags: number): Buffer | undefined {
  if (request === Request.getFeatures) return message(request, answerFlags, words(offered));
  if (request === Request.getProtocolFeatures) return message(request, answerFlags, words(bitsOf(0n, 3n, 9n)));
  if (request === Request.getQueueNum) return message(request, answerFlags, words(1n));
  if (request === Request.getConfig)
    return message(request, answerFlags, Buffer.from([...words(8n << 32n), ...new Array(12).fill(0)]));
  if ((flags & Flag.needReply) !== 0) return message(request, answerFlags, words(0n));
  return undefined;
}

/** Listens, and answers as `reply` does where it is for that request, as a decent back end elsewhere. */
async function listen(name: string, request: number, reply: Reply): Promise<{ path: string; server: Server }> {
  const path = join(folder, `${name.replaceAll(/\W+/g, '-')}.sock`);
  const server = createServer((socket) => {
    let have = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      have = Buffer.concat([have, chunk]);
      while (have.length >= 12 && have.length >= 12 + have.readUInt32LE(8)) {
        const asked = have.readUInt32LE(0);
        const flags = have.readUInt32LE(4);
        have = have.subarray(12 + have.readUInt32LE(8));
        if (asked === request) reply(asked, socket);
        else {
          const answer = decent(asked, flags);
          if (answer !== undefined) socket.write(answer);
        }
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return { path, server };
}

const start = { features: 0n, queues: 1, size: 16 };

const cases: readonly (readonly [name: string, request: number, reply: Reply, sentence: RegExp])[] = [
  ['silence', Request.getFeatures, () => {}, /did not answer getFeatures within 100 ms/],
  ['hanging up', Request.getFeatures, (_, socket) => socket.destroy(), /hung up \(getFeatures\)/],
  ['half a header', Request.getFeatures, (_, socket) => socket.write(Buffer.alloc(5)), /did not answer getFeatures/],
  [
    'half a payload, then an end',
    Request.getFeatures,
    (request, socket) => socket.end(message(request, answerFlags, Buffer.alloc(4), 8)),
    /hung up/,
  ],
  [
    'another request',
    Request.getFeatures,
    (_, socket) => socket.write(message(99, answerFlags, words(0n))),
    /answered getFeatures with a message of number 99/,
  ],
  [
    'no reply flag',
    Request.getFeatures,
    (request, socket) => socket.write(message(request, 1, words(0n))),
    /flags 1 and 8 bytes/,
  ],
  [
    '2^32 - 1 bytes',
    Request.getFeatures,
    (request, socket) => socket.write(message(request, answerFlags, Buffer.alloc(0), 2 ** 32 - 1)),
    /4294967295 bytes/,
  ],
  [
    'too few bytes',
    Request.getFeatures,
    (request, socket) => socket.write(message(request, answerFlags, Buffer.alloc(4))),
    /with 4 bytes, and 8 belong there/,
  ],
  [
    'a legacy device',
    Request.getFeatures,
    (request, socket) => socket.write(message(request, answerFlags, words(0n))),
    /before VIRTIO 1.0/,
  ],
  [
    'no queues',
    Request.getQueueNum,
    (request, socket) => socket.write(message(request, answerFlags, words(0n))),
    /says that it has 0 queues/,
  ],
  [
    '2^64 - 1 queues',
    Request.getQueueNum,
    (request, socket) => socket.write(message(request, answerFlags, words(2n ** 64n - 1n))),
    /18446744073709551615 queues/,
  ],
  [
    'a refusal',
    Request.setMemoryTable,
    (request, socket) => socket.write(message(request, answerFlags, words(1n))),
    /refused setMemoryTable/,
  ],
  [
    'a configuration of another size',
    Request.getConfig,
    (request, socket) => socket.write(message(request, answerFlags, words(0n, 0n))),
    /no 8 bytes of configuration/,
  ],
  [
    'another queue stopped',
    Request.getVringBase,
    (request, socket) => socket.write(message(request, answerFlags, words(5n))),
    /stopped another queue than 0/,
  ],
];

describe('back ends that do not keep to the protocol', () => {
  for (const [name, request, reply, sentence] of cases) {
    test(name, async () => {
      const { path, server } = await listen(name, request, reply);
      const left = /eventfd|clearway-guest/;
      const before = openDescriptors(left);
      await assert.rejects(async () => {
        const frontEnd = await FrontEnd.connect(path, {
          answerMs: /did not answer/.test(sentence.source) ? 100 : 10_000,
        });
        try {
          await frontEnd.start(start);
          await frontEnd.readConfig(0, 8);
          await frontEnd.stopQueue(0);
        } finally {
          frontEnd.close();
        }
      }, sentence);
      assert.deepEqual(openDescriptors(left), before);
      server.close();
    });
  }

  test('nobody there, and a path that is none', async () => {
    await assert.rejects(FrontEnd.connect(join(folder, 'none.sock')), /nobody listens there: start the back end first/);
  });

  test('a byte at a time is slow, and right; a device that does nothing is said to', async () => {
    const { path, server } = await listen('slow', Request.getFeatures, (request, socket) => {
      const answer = message(request, answerFlags, words(offered));
      for (let at = 0; at < answer.length; at++) setTimeout(() => socket.write(answer.subarray(at, at + 1)), at);
    });
    const frontEnd = await FrontEnd.connect(path);
    await frontEnd.start(start);
    assert.equal(frontEnd.offered, offered);
    const [queue] = frontEnd.queues;
    queue!.driver.add([{ address: 0, length: 1 }], []);
    queue!.publish();
    await assert.rejects(queue!.untilBack(50), /queue 0: nothing came back within 50 ms/);
    frontEnd.close();
    server.close();
  });
});
