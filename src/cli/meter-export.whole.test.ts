// `clearway meter record`, `replay`, `--prometheus` and `--otlp` as people run them.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { program as main } from '../../test/support/program.js';
import { untilSaid } from '../../test/support/until.js';
import { RecordingWriter } from '../meter/export/recording.js';
import { sampleReading } from '../meter/sample.test.js';
import { meterSkip, temporary, workloadProgram } from '../meter/support.test.js';
import { UsageError } from './kit/usage.js';
import { parseMeterArguments } from './meter-options.js';

const clearway = (...args: string[]) => spawnSync(process.execPath, [main, 'meter', ...args], { encoding: 'utf8' });
const workload = (name: string) => [process.execPath, workloadProgram, name, temporary(`${name}-export.json`)];

test('wrong uses are one sentence that says what to write', () => {
  for (const [args, sentence] of [
    [['recrod', 'x'], /"recrod" is not expected: did you mean record FILE/],
    [['record'], /record takes a file/],
    [['replay', 'a', 'b'], /replay takes one file/],
    [['replay', 'a', '--all'], /takes no --pid/],
    [['replay', 'a', '--otlp', 'http://127.0.0.1'], /--otlp is not for replay/],
    [['--speed', '2'], /--speed is for replay/],
    [['replay', 'a', '--speed', '0'], /above 0/],
    [['--prometheus', 'localhost'], /--prometheus takes HOST:PORT/],
    [['--prometheus', 'example.org:80'], /with an address/],
    [['--otlp', 'collector'], /--otlp takes a URL/],
  ] as const) {
    assert.throws(
      () => parseMeterArguments(args),
      (error) => error instanceof UsageError && sentence.test(error.message),
    );
  }
  for (const word of ['record', 'replay']) assert.equal(parseMeterArguments([word, '--help']).help, true, word);
  const { record, command, prometheus, otlp } = parseMeterArguments([
    'record',
    'f',
    '--prometheus',
    '[::1]:0',
    '--otlp',
    'http://127.0.0.1:1',
    '--',
    'true',
  ]);
  assert.deepEqual([record, command, prometheus], ['f', ['true'], { host: '::1', port: 0 }]);
  assert.equal(otlp?.pathname, '/v1/metrics');
});

test('a replay gives the report, the JSON lines and the conditions of what was recorded', () => {
  const path = temporary('made-up');
  const writer = new RecordingWriter(path, 'a made-up process', 0);
  for (const scale of [1, 2, 3]) writer.add(scale * 1000, sampleReading('nginx', scale));
  writer.close();
  const report = clearway('replay', path);
  assert.equal(report.status, 0, report.stderr);
  assert.match(report.stdout, /^Copies by the CPU: a made-up process, 3\.0 s, tracepoints tier/);
  assert.match(report.stdout, /payload sent +17\.6 KiB/);
  const lines = clearway('replay', path, '--json', '--interval', '1s').stdout.trim().split('\n');
  assert.deepEqual(
    lines.map((line) => (JSON.parse(line) as { counters: { tcpSent: number } }).counters.tcpSent),
    [1000, 2000, 3000],
  );
  assert.equal(clearway('replay', path, '--fail-if', 'amplification.sent > 0.1').status, 1);
  assert.equal(clearway('replay', path, '--fail-if', 'amplification.sent > 0.2').status, 0);
  const missing = clearway('replay', temporary('no-such'));
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /^clearway meter: the recording .* cannot be read/);
});

test('--output that cannot be written is said before anything is read; what it held is not kept', () => {
  const path = temporary('report');
  const recording = temporary('to-report');
  const writer = new RecordingWriter(recording, 'a made-up process', 0);
  for (const scale of [1, 2]) writer.add(scale * 1000, sampleReading('nginx', scale));
  writer.close();
  const report = (...args: string[]) => clearway('replay', recording, '--json', '--interval', '1s', ...args);
  const refused = report('--output', '/nowhere/report');
  assert.equal(refused.status, 2);
  assert.match(refused.stderr, /^clearway meter: --output cannot be written: there is no such file or directory\n$/);
  report('--output', path);
  const once = readFileSync(path, 'utf8');
  report('--output', path);
  assert.equal(readFileSync(path, 'utf8'), once);
});

test('a recording of a command ends with what the report says', { skip: meterSkip }, () => {
  const path = temporary('sendfile-recording');
  const outcome = clearway('record', path, '--json', '--sockets', '--', ...workload('tcp-sendfile'));
  assert.equal(outcome.status, 0, outcome.stderr);
  const live = JSON.parse(outcome.stderr) as Record<string, unknown>;
  const again = JSON.parse(clearway('replay', path, '--json').stdout) as Record<string, unknown>;
  assert.ok((live['counters'] as { spliced: number }).spliced > 4_000_000);
  assert.deepEqual(again, live);
});

test('--prometheus and --otlp export the same figures as the report', { skip: meterSkip }, async () => {
  const exports: string[] = [];
  const collector = createServer((request, response) => {
    let text = '';
    request.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    request.on('end', () => {
      exports.push(text);
      response.end('{}');
    });
  });
  collector.listen(0, '127.0.0.1');
  await once(collector, 'listening');
  const otlp = `http://127.0.0.1:${(collector.address() as AddressInfo).port}`;
  // The workload's end is waited for through a file, then the program sleeps: its counters stand still while we look.
  const script = '"$0" "$1" "$2" "$3"; echo done; exec sleep 120';
  const [node = '', ...rest] = workload('tcp-sendfile');
  const options = ['--prometheus', '127.0.0.1:0', '--otlp', otlp, '--interval', '100ms', '--duration', '2m'];
  const child = spawn(process.execPath, [main, 'meter', ...options, '--', 'sh', '-c', script, node, ...rest], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let error = '';
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk.toString();
  });
  try {
    await once(child.stdout, 'data');
    const [, url] = await untilSaid(() => error, /metrics are at\n(\S+)/);
    const text = await (await fetch(url!)).text();
    const moved = JSON.parse(readFileSync(temporary('tcp-sendfile-export.json'), 'utf8')) as { spliced: number };
    assert.ok(text.includes(`clearway_meter_referenced_bytes_total{cause="spliced"} ${moved.spliced}\n`), text);
    const deadline = performance.now() + 60_000;
    const complete = () => exports.at(-1)?.includes(`"asInt":"${moved.spliced}"`) === true;
    while (!complete() && performance.now() < deadline) await new Promise((wake) => setTimeout(wake, 20));
    assert.ok(complete(), exports.at(-1));
  } finally {
    child.kill('SIGTERM');
    await once(child, 'exit');
    collector.closeAllConnections();
    collector.close();
  }
  assert.ok(!existsSync(`/proc/${child.pid}`));
});
