// The frame cache's room: where every frame of a size is being sent, a response of that size goes without, and the others
// stay. What fills and sends frames is tested with the whole server.

import assert from 'node:assert/strict';
import { mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { emptyFileStatus, fileStatus } from '../kernel/file.js';
import { dateOffset, FrameCache } from './frame-cache.js';
import { makeHead } from './head.js';
import { OpenFiles } from './open-files.js';
import { Representation } from './representation.js';

const skip = process.platform === 'linux' ? false : 'needs Linux';

describe('the frame cache', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-frames-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const files = new OpenFiles();
  const head = makeHead(200, 'Content-Length: 1\r\n');

  function representation(name: string, bytes: number): Representation {
    const path = join(folder, name);
    writeFileSync(path, Buffer.alloc(bytes, name));
    const fd = openSync(path, 'r');
    const status = emptyFileStatus();
    assert.equal(fileStatus(fd, status), 0);
    return new Representation(name, files.adopt(fd, status), status, 'text/plain');
  }

  test('only an idle frame of the size that is wanted makes room', () => {
    const cache = new FrameCache(6000, 1);
    const fill = (of: Representation) => cache.fill(of, head, dateOffset(head), 0, true);
    const small = representation('small', 10);
    fill(small);
    const large = Array.from({ length: 8 }, (_, index) => representation(`large${index}`, 5000));
    const lent = large.map((each) => fill(each)!.lend(0));
    const ninth = representation('ninth', 5000);
    assert.equal(fill(ninth), undefined);
    assert.equal(small.cached?.dropped, false);
    assert.equal(cache.leased, 9);
    lent[3]!.release(0);
    assert.notEqual(fill(ninth), undefined);
    assert.equal(large[3]!.cached, undefined);
    assert.equal(small.cached?.dropped, false);
    assert.equal(cache.leased, 9);
    for (const each of lent) if (each !== lent[3]) each.release(0);
    for (const each of [small, ninth, ...large]) each.invalidate();
    assert.equal(cache.leased, 0);
    assert.equal(files.count, 0);
    cache.unmap();
  });
});
