import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { addressOf } from '../../kernel/ffi.js';
import { tableCore } from '../table-core.js';
import { tablePool } from '../table-pool.js';
import { leaveUnpopulated, populateAhead, populateTables } from './table-pages.js';

const page = 4096;

/** Pages that a range of the pool's memory has, as the kernel says (Documentation/admin-guide/mm/pagemap.rst). */
function pagesOf(offset: number, length: number): number {
  const address = addressOf(new Uint8Array(tableCore().pool.buffer)) + offset;
  const entries = readFileSync('/proc/self/smaps', 'latin1').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
  const own = entries.find((entry) => {
    const [from, to] = entry
      .split(' ', 1)[0]!
      .split('-')
      .map((word) => Number.parseInt(word, 16));
    return from! <= address && address + length <= to!;
  });
  return Number(/^Rss: +(\d+) kB/m.exec(own!)![1]) / 4;
}

test('a table has its pages some at a time, ahead of whoever fills it, and no more once that is left', () => {
  populateTables();
  const pool = tablePool();
  const { from, to } = tableCore().pool;
  const before = pagesOf(from, to - from);
  const table = pool.lease(64 * page)!;
  const long = pool.lease(1024 * page)!;
  const given = (): number => pagesOf(from, to - from) - before;
  const counts = [given()];
  for (let step = 0; step < 5; step++) {
    populateAhead();
    counts.push(given());
  }
  leaveUnpopulated();
  populateAhead();
  counts.push(given());
  const steps = counts.map((count, index) => count - (counts[index - 1] ?? 0));
  // Other tests of the process may have left pages there.
  assert.ok(steps.every((pages) => pages <= 16) && steps[5]! > 0 && steps[6] === 0, `${steps}`);
  pool.release(table);
  pool.release(long);
});
