// The tables of films of every kind against what ffprobe says of their packets; what is refused and with which sentence. Films made by hand
// are in read-film-lies.test.ts, headers that are changed at random in test/media/.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { film, filmNames, filmSkip } from '../../test/support/films.js';
import { longFilmHeader } from '../../test/support/long-film.js';
import { readFilmBytes, readFilmFile } from '../../test/support/read-film-file.js';
import { FilmRefusal } from './film.js';
import type { SampleTable } from './samples.js';

interface Packet {
  readonly stream_index: number;
  readonly pts?: number;
  readonly dts?: number;
  readonly size: string;
  readonly pos: string;
  readonly flags: string;
}

function packetsOf(path: string): Packet[] {
  const words = [
    '-v',
    'error',
    '-show_packets',
    '-show_entries',
    'packet=stream_index,pts,dts,size,pos,flags',
    '-of',
    'json',
  ];
  const probe = spawnSync('ffprobe', [...words, '-ignore_editlist', '1', path], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  assert.equal(probe.status, 0, probe.stderr);
  return (JSON.parse(probe.stdout) as { packets: Packet[] }).packets;
}

for (const name of filmNames) {
  test(`${name}: every sample is where ffprobe sees it, with its size, times and sync flag`, { skip: filmSkip }, () => {
    const path = film(name);
    const packets = packetsOf(path);
    const { tracks, leftOut, size } = readFilmFile(path);
    assert.deepEqual(leftOut, []);
    assert.equal(size, readFileSync(path).length);
    for (const [index, { samples, entries, kind }] of tracks.entries()) {
      // In decode order: ffprobe shows packets as they come from the file.
      const own = packets
        .filter(({ stream_index: stream }) => stream === index)
        .sort((a, b) => Number(a.pos) - Number(b.pos));
      assert.equal(samples.count, own.length);
      assert.ok(entries[0]!.codec.length > 3);
      // Where offsets are negative ffprobe's decode times are earlier, all by the same amount.
      const shift = own[0]!.dts! - samples.decodeTime(0);
      const shownShift = own[0]!.pts! - samples.decodeTime(0) - samples.compositionOffset(0);
      for (const [sample, packet] of own.entries()) {
        const what = `${kind} sample ${sample}`;
        assert.equal(samples.offset(sample), Number(packet.pos), what);
        assert.equal(samples.size(sample), Number(packet.size), what);
        assert.equal(samples.isSync(sample), packet.flags.startsWith('K'), what);
        if (packet.dts !== undefined && packet.pts !== undefined) {
          assert.equal(samples.decodeTime(sample) + shift, packet.dts, what);
          assert.equal(samples.decodeTime(sample) + samples.compositionOffset(sample) + shownShift, packet.pts, what);
        }
      }
    }
  });
}

const refusal = (bytes: Uint8Array): FilmRefusal => {
  try {
    readFilmBytes(bytes);
  } catch (error) {
    if (error instanceof FilmRefusal) return error;
    throw error;
  }
  throw new Error('it was read');
};

test('what is no film, is cut off or is encrypted is refused with a sentence', { skip: filmSkip }, () => {
  const bytes = readFileSync(film('plain.mp4'));
  assert.match(refusal(new TextEncoder().encode('hello, this is some text')).message, /is not an MP4/);
  assert.match(refusal(new Uint8Array(0)).message, /is empty: wait until it is written/);
  assert.match(refusal(new Uint8Array(7)).message, /has no header \(moov\)/);
  assert.match(refusal(bytes.subarray(0, bytes.length - 2000)).message, /cut off/);
  const front = readFileSync(film('long-gop.mp4'));
  assert.match(refusal(front.subarray(0, front.length - 1000)).message, /is cut off: .* and the file has/);
  const encrypted = Buffer.from(bytes);
  encrypted.write('encv', encrypted.indexOf('avc1', encrypted.indexOf('stsd')), 'latin1');
  assert.match(refusal(encrypted).message, /is encrypted/);
  for (const error of [refusal(encrypted), refusal(bytes.subarray(0, 5000))]) assert.equal(error.status, 422);
});

test('a track that cannot be read is left out, and the others are offered', { skip: filmSkip }, () => {
  const bytes = Buffer.from(readFileSync(film('plain.mp4')));
  // The audio's first: its table of chunks begins with chunk 7.
  const at = bytes.indexOf('stsc', bytes.indexOf('mp4a')) + 12;
  bytes.writeUInt32BE(7, at);
  const { tracks, leftOut } = readFilmBytes(bytes);
  assert.deepEqual(
    tracks.map(({ kind }) => kind),
    ['video'],
  );
  assert.match(leftOut[0]!.reason, /table of chunks/);
});

test('three hours at 60 frames a second, packet by packet, are known in 16 MiB', () => {
  const { bytes, size } = longFilmHeader({ seconds: 3 * 3600, framesPerSecond: 60 });
  const { tracks, indexBytes } = readFilmBytes(bytes, size);
  assert.deepEqual(
    tracks.map(({ samples }) => samples.count),
    [648_000, 506_250],
  );
  assert.ok(size > 2 ** 32 && indexBytes <= 16 * 2 ** 20, `${indexBytes} bytes`);
  const [video, audio] = tracks.map(({ samples }) => samples) as [SampleTable, SampleTable];
  const last = video.count - 1;
  assert.equal(video.decodeTime(last), last * 512);
  assert.equal(video.offset(last), video.offset(last - 1) + video.size(last - 1) + audio.size(0));
  assert.equal(audio.offset(audio.count - 1) + audio.size(0), size);
});
