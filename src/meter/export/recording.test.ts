import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { sampleReading } from '../sample.test.js';
import { openRecording, type RecordedReading, RecordingError, RecordingWriter } from './recording.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-recording-'));
after(() => rmSync(folder, { recursive: true }));
const path = join(folder, 'recording');

async function all(): Promise<RecordedReading[]> {
  const readings: RecordedReading[] = [];
  for await (const each of (await openRecording(path)).readings) readings.push(each);
  return readings;
}

function write(): void {
  const writer = new RecordingWriter(path, 'all processes', 1000);
  writer.add(2000, sampleReading('one', 1));
  writer.add(3000, sampleReading('one', 2), []);
  writer.close();
}

test('what was recorded is read again, exactly', async () => {
  write();
  assert.equal((await openRecording(path)).head.subject, 'all processes');
  assert.deepEqual(await all(), [
    { timeMs: 2000, reading: sampleReading('one', 1) },
    { timeMs: 3000, reading: sampleReading('one', 2), sockets: [] },
  ]);
});

test('a recording that was cut off can be read up to there; one damaged within is refused', async () => {
  write();
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.slice(0, -20));
  assert.equal((await all()).length, 1);
  const lines = text.trimEnd().split('\n');
  writeFileSync(path, [lines[0], '{"timeMs":1}', lines[2], ''].join('\n'));
  await assert.rejects(all(), (error) => error instanceof RecordingError && /line 2 .* damaged/.test(error.message));
});

test('another file, another version, a directory and no file are refused in a sentence', async () => {
  const refused = (pattern: RegExp, at = path) =>
    assert.rejects(openRecording(at), (error) => error instanceof RecordingError && pattern.test(error.message));
  writeFileSync(path, '');
  await refused(/is no recording/);
  writeFileSync(path, '{"format":"clearway-meter-recording","version":2}\n');
  await refused(/version 2; this clearway reads 1/);
  await refused(/it is a directory/, folder);
  await refused(/no such file/, join(folder, 'missing'));
  if (existsSync('/dev/zero')) await refused(/neither a file nor a pipe/, '/dev/zero');
  assert.throws(() => new RecordingWriter(folder, 'x', 0), RecordingError);
});

test('a pipe is read as it comes; one that nobody writes to is refused and not waited for', {
  skip: process.platform === 'win32' && 'needs named pipes',
}, async () => {
  write();
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  await assert.rejects(openRecording(pipe), /a pipe that nobody writes to/);
  const holding = await open(pipe, 'r+');
  const text = readFileSync(path, 'utf8');
  const cut = text.indexOf('\n') + 20;
  await holding.write(text.slice(0, cut));
  const recording = await openRecording(pipe);
  const first = recording.readings.next();
  await holding.write(text.slice(cut));
  assert.deepEqual((await first).value, { timeMs: 2000, reading: sampleReading('one', 1) });
  assert.equal((await recording.readings.next()).done, false);
  recording.close();
  await holding.close();
});

test('a file from anyone: figures that are missing, texts that would steer a terminal, a line without an end', async () => {
  write();
  const [head, first] = readFileSync(path, 'utf8').trimEnd().split('\n') as [string, string];
  const without = (name: 'summary' | 'shortfall', what: object) => {
    const line = JSON.parse(first) as { reading: object };
    return JSON.stringify({ ...line, reading: { ...line.reading, [name]: what } });
  };
  for (const line of [without('summary', { amplification: {} }), without('shortfall', {})]) {
    writeFileSync(path, [head, line, first, ''].join('\n'));
    await assert.rejects(all(), (error) => error instanceof RecordingError && /line 2 .* damaged/.test(error.message));
  }
  const steering = (line: string) => line.replaceAll('all processes', 'é\\u001b[2J').replaceAll('one', '\\u009b2J');
  writeFileSync(path, [steering(head), steering(first), ''].join('\n'));
  const recording = await openRecording(path);
  assert.equal(recording.head.subject, 'é?[2J');
  assert.doesNotMatch(JSON.stringify(await all()), /u001b|\p{Cc}/u);
  writeFileSync(path, '{"format":"clearway-meter-recording","version":1}\n');
  await assert.rejects(openRecording(path), /is no recording/);
  writeFileSync(path, 'null\n');
  await assert.rejects(openRecording(path), /is no recording/);
  writeFileSync(path, '');
  truncateSync(path, 70 * 1024 * 1024);
  await assert.rejects(openRecording(path), (error) => error instanceof RecordingError && /no end/.test(error.message));
});
