// What the benchmark reads from others: wrk's line, a metrics page, responses cut into any pieces, and its own command line.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { parseOptions } from '../options.js';
import { rowName } from '../rows.js';
import { churnKinds, drawStep } from './churn-load.js';
import { parsePrometheus, sumOf } from './http-client.js';
import { ResponseReader } from './response-reader.js';
import { parseWrk } from './wrk.js';

const wrkLine = (fields: string) =>
  `Running 1s test\n  1 threads\n\n@{"durationUs":2000000,"requests":10,"bytes":12000,"p50Us":5,"p99Us":9,${fields}}\n`;

test('parseWrk: counts, and errors in words', () => {
  const fine = parseWrk(wrkLine('"badStatus":0,"socketErrors":0,"timeouts":0'));
  assert.deepEqual(fine, { durationSeconds: 2, requests: 10, bytes: 12000, p50Us: 5, p99Us: 9, trouble: undefined });
  const bad = parseWrk(wrkLine('"badStatus":3,"socketErrors":1,"timeouts":0'));
  assert.equal(bad.trouble, '3 responses were not 2xx or 3xx, 1 socket errors');
  assert.throws(() => parseWrk('unable to connect'), /no result/);
  const errors = wrkLine('"badStatus":10,"socketErrors":0,"timeouts":0');
  assert.equal(parseWrk(errors, true).trouble, undefined);
  assert.equal(
    parseWrk(wrkLine('"badStatus":9,"socketErrors":0,"timeouts":0'), true).trouble,
    '1 responses were no errors where all should be',
  );
});

test('parsePrometheus: labels with commas, braces and escapes; sums by label', () => {
  const samples = parsePrometheus(
    '# TYPE a counter\na{reason="x",path="/{1},\\"2"} 3\na{reason="y"} 4\nb 1e3\nc{le="+Inf"} +Inf 1700000000\n\n',
  );
  assert.equal(samples.length, 4);
  assert.equal(samples[0]!.labels.path, '/{1},"2');
  assert.equal(sumOf(samples, 'a'), 7);
  assert.equal(sumOf(samples, 'a', { reason: 'y' }), 4);
  assert.equal(sumOf(samples, 'b'), 1000);
  assert.equal(sumOf(samples, 'missing'), undefined);
  assert.equal(samples[3]!.value, Number.POSITIVE_INFINITY);
});

test('ResponseReader: responses cut anywhere', () => {
  const stream = new TextEncoder().encode(
    'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' +
      'HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n' +
      'HTTP/1.1 404 Not Found\r\ncontent-length:0\r\n\r\n' +
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n\r\n\r\nabcde',
  );
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 200 }), (steps) => {
      const reader = new ResponseReader();
      let offset = 0;
      for (let index = 0; offset < stream.length; index++) {
        const step = steps[index % steps.length]!;
        reader.feed(stream.subarray(offset, offset + step));
        offset += step;
      }
      assert.deepEqual([reader.completed, reader.bodyBytes, reader.remaining, reader.status], [4, 14, 0, 200]);
    }),
  );
});

test('ResponseReader: HEAD has a length and no body; what is no response is refused', () => {
  const reader = new ResponseReader(true);
  reader.feed(new TextEncoder().encode('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n\r\n'));
  assert.equal(reader.completed, 2);
  assert.throws(() => new ResponseReader().feed(new TextEncoder().encode('SSH-2.0\r\n\r\n')), /not a response/);
  assert.throws(() => new ResponseReader().feed(new TextEncoder().encode('HTTP/1.1 200 OK\r\n\r\n')), /Content-Length/);
  assert.throws(() => new ResponseReader().feed(new Uint8Array(20_000).fill(97)), /16 KiB/);
});

test('churn: seeded, every kind drawn, a cut head is never whole', () => {
  const plan = { origin: 'http://127.0.0.1:1', files: [{ path: '/a', bytes: 1 << 20 }], requests: 1, seed: 7 };
  const draw = (seed: number) => {
    const random = randomSource(seed);
    return Array.from({ length: 500 }, () => drawStep(random, plan, ['Thu, 01 Jan 2026 00:00:00 GMT']));
  };
  assert.deepEqual(draw(7), draw(7));
  assert.notDeepEqual(draw(7), draw(8));
  assert.deepEqual(new Set(draw(7).map((step) => step.kind)), new Set(churnKinds));
  for (const step of draw(7)) {
    if (step.kind === 'cutHead') assert.ok(!step.send.includes('\r\n\r\n'));
    else assert.ok(step.send.endsWith('\r\n\r\n'));
    if (step.kind === 'cutBody') assert.ok(step.leaveAfterBytes >= 1 && step.leaveAfterBytes <= 1 << 20);
  }
});

test('options: profiles, lists, lone --markdown, negative --nice; mistakes are named', () => {
  const options = parseOptions(['--quick', '--markdown', '--nice', '-10', '--peers', 'nginx,floor']);
  assert.ok(options !== 'help');
  assert.equal(options.command, 'all');
  assert.deepEqual([options.rounds, options.seconds, options.niceness], [2, 1, -10]);
  assert.equal(options.markdownFile, 'docs/bench.md');
  assert.deepEqual(options.peers, ['nginx', 'floor']);
  const other = parseOptions(['--markdown', 'x.md', '--rounds', '7', '--only', '404,1KiB:512']);
  assert.ok(other !== 'help');
  assert.deepEqual([other.markdownFile, other.rounds, other.command], ['x.md', 7, 'table']);
  assert.deepEqual(other.rows.map(rowName), ['404:64', '1KiB:512']);
  assert.equal(parseOptions(['-h']), 'help');
  assert.throws(() => parseOptions(['tabel']), /not a command/);
  assert.throws(() => parseOptions(['--rounds', 'x']), /whole number/);
  assert.throws(() => parseOptions(['--scale', '2']), /0.01 to 1/);
});
