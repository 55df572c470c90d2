// The log's way out: a pipe that is full is waited for without waiting, lines arrive whole and in order; a disk that is
// full is said once and tried again.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { LogSink } from './log-sink.js';

const skip = process.platform === 'linux' ? false : 'needs Linux';

describe('the log sink', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-log-'));
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('a pipe that is full: ready() says no, and what waits goes on where it stopped', () => {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const both = openSync(path, 'r+');
    const sink = new LogSink(both);
    sink.failed = (message) => assert.fail(message);
    const lines = Array.from({ length: 20_000 }, (_, index) => `line ${index}\n`).join('');
    assert.equal(sink.ready(), true);
    sink.write(lines);
    assert.equal(sink.ready(), false);
    const chunk = Buffer.alloc(50_000);
    let got = '';
    while (got.length < lines.length) {
      got += chunk.toString('latin1', 0, readSync(both, chunk, 0, chunk.length, null));
      sink.ready();
    }
    assert.equal(got, lines);
    assert.equal(sink.ready(), true);
    closeSync(both);
  });

  test('a file gets its lines, one that is full is said once', () => {
    const path = join(folder, 'file');
    const file = openSync(path, 'w');
    const sink = new LogSink(file);
    sink.write('one\n');
    sink.write('two é\n');
    assert.equal(readFileSync(path, 'utf8'), 'one\ntwo é\n');
    closeSync(file);
    const full = openSync('/dev/full', 'w');
    const lost = new LogSink(full);
    const said: string[] = [];
    lost.failed = (message) => said.push(message);
    lost.write('one\n');
    lost.write('two\n');
    assert.equal(lost.ready(), true);
    assert.equal(said.length, 1);
    assert.match(said[0]!, /cannot be written \(ENOSPC\)/);
    closeSync(full);
  });
});
