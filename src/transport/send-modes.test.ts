import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ahead } from './ahead.js';
import type { FileSource, QueuedEntry } from './output.js';
import { chooseMode, defaultSendLimits, SendMode } from './send-modes.js';

const file = { fd: 5, mapping: {} } as unknown as FileSource;

/** Extents of these lengths, the last ones of which are a list. */
function entriesOf(lengths: readonly number[], made: number): QueuedEntry {
  const places = Float64Array.from(lengths.flatMap((length, index) => [index * 1_000_000, length]));
  let next: QueuedEntry | undefined;
  for (let index = made - 1; index >= 0; index--) {
    const rest = index === made - 1 && made < lengths.length ? { places, at: made * 2 } : undefined;
    next = { file, place: index * 1_000_000, length: lengths[index]!, next, rest };
  }
  return next!;
}

test('pieces are the same to the choice, whether they are entries or a list', () => {
  const { pipe, sendfile, message } = SendMode;
  const kib = 1024;
  const lists: [lengths: number[], mode: number][] = [
    [new Array(40).fill(20 * kib), message],
    [[20 * kib, 20 * kib, 20 * kib], pipe],
    [[20 * kib, 20 * kib, 200 * kib, 20 * kib, 20 * kib], pipe],
    [[20 * kib, 200 * kib, 20 * kib, 20 * kib], sendfile],
    [[200 * kib, 1000, 1000, 1000], sendfile],
    [[60_000, ...new Array(20).fill(500)], message],
  ];
  for (const [lengths, mode] of lists) {
    for (let made = 1; made <= lengths.length; made++) {
      const from = new Ahead();
      from.begin(entriesOf(lengths, made), 0);
      assert.equal(chooseMode(from, defaultSendLimits, false), mode, `${made} of ${lengths}`);
    }
  }
});
