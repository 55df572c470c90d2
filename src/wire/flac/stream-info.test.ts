import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mutate } from '../../../test/support/mutated-headers.js';
import { seededRandom } from '../../../test/support/seeded-random.js';
import { mostPieceBytes } from '../wav/chunks.js';
import { readFlacInfo } from './stream-info.js';

/** A stream's head: STREAMINFO of 44.1 kHz, 2 x 16 bits, 1,000,000 frames, and comments. */
function head(comments: readonly string[]): Buffer {
  const info = Buffer.alloc(38);
  info.writeUInt32BE(34, 0);
  info.writeUInt32BE(((44100 << 12) | (1 << 9) | (15 << 4)) >>> 0, 14);
  info.writeUInt32BE(1_000_000, 18);
  info.fill(7, 22);
  const texts = comments.map((text) => Buffer.from(text));
  const body = Buffer.alloc(4 + 4 + 4 + texts.reduce((sum, text) => sum + 4 + text.length, 0));
  body.writeUInt32LE(4, 0);
  body.write('test', 4);
  body.writeUInt32LE(texts.length, 8);
  let at = 12;
  for (const text of texts) {
    body.writeUInt32LE(text.length, at);
    text.copy(body, at + 4);
    at += 4 + text.length;
  }
  const block = Buffer.alloc(4);
  block.writeUInt32BE(0x8400_0000 + body.length);
  return Buffer.concat([Buffer.from('fLaC'), info, block, body]);
}

function read(bytes: Uint8Array): ReturnType<typeof readFlacInfo> {
  const piece = (offset: number, length: number): Uint8Array => {
    assert.ok(length <= mostPieceBytes && length >= 0 && offset >= 0);
    return bytes.subarray(offset, offset + length);
  };
  return readFlacInfo(piece, bytes.length);
}

test('the facts of a stream, and its names', () => {
  const bytes = head([
    'TITLE=One\u0007',
    'Artist=Two',
    'waveformatextensible_channel_mask=0x0003',
    'without',
    'album=',
  ]);
  assert.deepEqual(read(bytes), {
    rate: 44100,
    channels: 2,
    bits: 16,
    frames: 1_000_000,
    hasSum: true,
    channelMask: 3,
    isOgg: false,
    tags: { title: 'One', artist: 'Two' },
  });
  assert.equal(read(Buffer.from('RIFF')), undefined);
  assert.equal(read(Buffer.from('OggS')), undefined);
  assert.deepEqual(read(bytes.subarray(0, 30)), { refusal: 'it ends within the header of its FLAC stream' });
});

test('3,000 changed heads: facts within bounds, a sentence, or nothing', () => {
  const random = seededRandom(0xf1);
  const bytes = head(['title=A', 'artist=B']);
  for (let round = 0; round < 3000; round++) {
    const undo = mutate(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length, random);
    const info = read(bytes.subarray(0, random() < 0.2 ? Math.floor(random() * bytes.length) : bytes.length));
    if (info !== undefined && 'refusal' in info) assert.match(info.refusal, /^[\x20-\x7e]{20,200}$/);
    else if (info !== undefined) assert.ok(info.rate > 0 && info.channels <= 8 && info.bits >= 4 && info.bits <= 32);
    undo();
  }
});
