// The rows: names read and written the same, requests as they leave, and what is held against the answers.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { countRecords } from './access-log.js';
import { hashOfPart, writeManyFiles } from './files.js';
import { parseStraceSummary } from './host/system-calls.js';
import { writeRequests } from './load/wrk.js';
import { browserFields, getFile, requestText } from './requests.js';
import { folder, parseRows, rowName, rows, siteFiles } from './rows.js';
import { peers } from './servers/list.js';
import { countTrouble, sampleOf } from './verify.js';

const context = {
  etag: '"a"',
  lastModified: 'Thu, 01 Jan 2026 00:00:00 GMT',
  manyFiles: [{ path: 'many-0/1.css', bytes: 1500 }],
};

function inDirectory(work: (directory: string) => void): void {
  const directory = mkdtempSync(join(tmpdir(), 'clearway-bench-rows-'));
  try {
    work(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('rows: read and written the same; mistakes are named', () => {
  assert.deepEqual(parseRows('1KiB:8, 1GiB, head').map(rowName), ['1KiB:8', '1GiB:1', 'head:64']);
  assert.throws(() => parseRows('2KiB'), /no row is called 2KiB.*1KiB, 4KiB, .*404, head/);
  assert.throws(() => parseRows('1KiB:0'), /from 1 to 10000/);
});

test('every row has a bound, peers that exist, the reference among them, and files that are written', () => {
  assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  for (const row of rows) {
    const names = peers.map(({ name }) => name);
    assert.ok(row.bound && row.peers.includes(row.bound.peer) && row.peers.includes('nginx'), row.name);
    for (const name of row.peers) assert.ok(names.includes(name), `${row.name}: ${name}`);
    const written = [...siteFiles.map((file) => file.name), folder.index];
    for (const name of row.files) assert.ok(written.includes(name), `${row.name}: ${name}`);
  }
});

test('every request is one whole head with one Host, and differs from its neighbours where a row has several', () => {
  for (const row of rows) {
    const { asks } = row.asking(context);
    const texts = asks.map((ask) => requestText(ask, '127.0.0.1:80'));
    for (const text of texts.slice(0, 1000)) {
      assert.match(text, /^(?:GET|HEAD) \/\S* HTTP\/1\.1\r\nHost: 127\.0\.0\.1:80\r\n(?:[\w-]+: [^\r\n]+\r\n)*\r\n$/);
    }
    // Ranges are drawn and may be equal; names and queries are not.
    if (row.name !== 'range') assert.equal(new Set(texts).size, texts.length, row.name);
  }
  assert.equal(browserFields.length + 1, 12, 'with Host');
});

test('a peer without a validator has a reason and no requests', () => {
  const row = rows.find(({ name }) => name === '304')!;
  assert.throws(() => row.asking({ ...context, etag: undefined }), /no validator for If-None-Match/);
});

test('ranges lie in their file, and the expected bytes are those of the range', () => {
  const { asks } = rows.find(({ name }) => name === 'range')!.asking(context);
  assert.ok(asks.length > 1000);
  for (const { fields, body } of asks) {
    assert.ok(typeof body === 'object');
    const [first, last] = fields[0]![1].replace('bytes=', '').split('-').map(Number);
    assert.deepEqual([first, last! - first! + 1], [body.start, 1024]);
    assert.ok(last! < 1 << 20);
  }
});

test('many files: sizes, directories, and hashes of parts', () => {
  inDirectory((directory) => {
    const files = writeManyFiles(directory, 250);
    assert.equal(files.length, 250);
    assert.equal(new Set(files.map(({ path }) => path.split('/')[0])).size, 3);
    const hashes = new Set<string>();
    for (const { path, bytes } of files) {
      assert.ok(bytes >= 1024 && bytes <= 8192);
      assert.equal(readFileSync(join(directory, path)).length, bytes);
      hashes.add(hashOfPart(directory, { path, start: 0, bytes }));
    }
    assert.equal(hashes.size, 250, 'no two have the same bytes');
    assert.throws(() => hashOfPart(directory, { path: files[0]!.path, start: 8000, bytes: 1000 }), /is shorter than/);
  });
});

test('requests in a file: a NUL behind each', () => {
  inDirectory((directory) => {
    const file = join(directory, 'requests');
    writeRequests(file, [requestText(getFile('a', 1), 'b'), requestText(getFile('c', 1, [['X', 'y']]), 'b')]);
    assert.equal(
      readFileSync(file, 'latin1'),
      'GET /a HTTP/1.1\r\nHost: b\r\n\r\n\0GET /c HTTP/1.1\r\nHost: b\r\nX: y\r\n\r\n\0',
    );
  });
});

test('counts of a load: at most one response a connection is cut off; means are held loosely', () => {
  const counted = (requests: number, bytes: number) => ({
    requests,
    bytes,
    durationSeconds: 1,
    p50Us: 1,
    p99Us: 1,
    trouble: undefined,
  });
  const size = { headBytes: 100, bodyBytes: 900, uniform: true };
  assert.equal(countTrouble(counted(10, 10_000), size, 4), undefined);
  assert.equal(countTrouble(counted(10, 14_000), size, 4), undefined);
  assert.match(countTrouble(counted(10, 14_001), size, 4)!, /10 responses of 1000 bytes .* 14001 bytes arrived/);
  assert.match(countTrouble(counted(10, 9_999), size, 4)!, /9999 bytes arrived/);
  const mixed = { ...size, uniform: false };
  assert.equal(countTrouble(counted(10_000, 10_400_000), mixed, 4), undefined);
  assert.match(countTrouble(counted(10_000, 4_000_000), mixed, 4)!, /were counted/);
  assert.equal(countTrouble(counted(10, 4_000), mixed, 4), undefined, 'too few for a mean');
});

test('samples are spread from the first to the last', () => {
  const list = Array.from({ length: 1000 }, (_, index) => index);
  const sample = sampleOf(list, 5);
  assert.deepEqual(sample, [0, 250, 500, 749, 999]);
  assert.deepEqual(sampleOf([1, 2], 5), [1, 2]);
});

test('records of an access log: whole lines that begin with an address', () => {
  inDirectory((directory) => {
    const file = join(directory, 'log');
    const record = '127.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET / HTTP/1.1" 200 5 "-" "-"\n';
    writeFileSync(
      file,
      `ready: http://127.0.0.1:1\n\n${record}${record}127.0.0.1 - \nx${record}${record.slice(0, 30)}`,
    );
    assert.equal(countRecords(file), 3);
    writeFileSync(file, record.repeat(20_000));
    assert.equal(countRecords(file), 20_000);
  });
});

test('the summary of strace: calls by name, with and without errors', () => {
  const text = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.600000           6     100000           sendfile
 40.00    0.400000           4      50000       200 recvfrom
------ ----------- ----------- --------- --------- ----------------
100.00    1.000000           6     150000       200 total
`;
  assert.deepEqual(
    [...parseStraceSummary(text)],
    [
      ['sendfile', 100_000],
      ['recvfrom', 50_000],
    ],
  );
});
