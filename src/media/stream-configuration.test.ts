import assert from 'node:assert/strict';
import { test } from 'node:test';
import { avc1, box, bytes, joined, movie, tableBoxes, trak } from '../../test/support/box-film.js';
import { readFilmBytes } from '../../test/support/read-film-file.js';
import { samplesATurn } from './reading.js';
import type { SampleTable } from './samples.js';
import { completed } from './stream-configuration.js';

/** A temporal delimiter, and a sequence header of 4:4:4 in 8 bits. */
const stream = Buffer.from('12000a0a20000002aff79b5f204032050000000000', 'hex');
const configuration = '812000000a0a20000002aff79b5f2040';

/** A film of one picture, coded with `first` as its beginning, and its entry with these boxes. */
function read(first: Uint8Array, ...boxes: Uint8Array[]) {
  const entry = joined(avc1.subarray(0, 86), ...boxes);
  entry.writeUInt32BE(entry.length, 0);
  entry.write('av01', 4, 'latin1');
  const header = (offset: number) => {
    const tables = (at: number, size: number) =>
      tableBoxes({ stts: [[1, 40]], stsc: [[1, 1, 1]], stsz: [size], stco: [at] });
    const video = trak({ tables: tables(offset, first.length), entries: [entry] });
    return movie([video, trak({ id: 2, handler: 'soun', tables: tables(offset, 1) })]);
  };
  return readFilmBytes(joined(header(header(0).length + 8), box('mdat', first)));
}

test('AV1 whose configuration cannot be read has the one of its stream', () => {
  const empty = [[], [box('av1C')], [box('av1C', Buffer.alloc(5))], [box('av1C', bytes.u8(0x82, 0, 0, 0))]];
  for (const boxes of empty) {
    const { tracks, leftOut } = read(stream, ...boxes, box('pasp', bytes.u32(1, 1)));
    assert.deepEqual(leftOut, []);
    const [entry] = tracks[0]!.entries;
    assert.equal(entry!.codec, 'av01.1.00M.08.0.000.01.01.01.0');
    const text = Buffer.from(entry!.box).toString('latin1');
    assert.equal(text.split('av1C').length, 2, 'one alone');
    assert.ok(
      Buffer.from(entry!.box)
        .toString('hex')
        .includes(`${Buffer.from('av1C').toString('hex')}${configuration}`),
    );
    assert.ok(text.includes('pasp'));
  }
  // What can be read counts.
  const [said] = read(stream, box('av1C', bytes.u8(0x81, 0x05, 0x0c, 0))).tracks;
  assert.equal(said!.entries[0]!.codec, 'av01.0.05M.08');
});

test('where the stream does not say it either the track is left out', () => {
  for (const first of [Buffer.alloc(20), stream.subarray(0, 6)]) {
    const { tracks, leftOut } = read(first);
    assert.deepEqual(
      tracks.map(({ kind }) => kind),
      ['audio'],
    );
    assert.deepEqual(leftOut, [{ track: 1, format: 'av01', reason: 'has no configuration of av01 that can be read' }]);
  }
});

test('others have their turn while a description is looked for, however often it changes', () => {
  const [described] = read(stream, box('av1C', bytes.u8(0x81, 0x05, 0x0c, 0))).tracks[0]!.entries;
  const [said] = read(stream).tracks[0]!.entries;
  const changes = 100_000;
  for (const undescribed of [changes - 1, 1, 0]) {
    // Each sample has another description than the one before; the one that says nothing is that of a single sample.
    let looked = 0;
    const samples = {
      ...{ count: changes, offset: () => 1000, size: () => stream.length },
      descriptionEnd: (sample: number) => sample + 1,
      description: (sample: number) => {
        looked++;
        return sample === undescribed ? 2 : sample % 2;
      },
    } as unknown as SampleTable;
    const reading = completed([described!, described!, { ...said!, codec: '' }], samples);
    let most = 0;
    let bytesRead = 0;
    let step = reading.next();
    while (step.done !== true) {
      most = Math.max(most, looked);
      looked = 0;
      bytesRead += step.value?.length ?? 0;
      step = reading.next(step.value === undefined ? undefined : stream);
    }
    assert.ok(Math.max(most, looked) <= samplesATurn, `${most} changes in one turn`);
    assert.equal(bytesRead, stream.length, 'its first picture alone');
    assert.equal(step.value[2]!.codec, said!.codec);
  }
});
