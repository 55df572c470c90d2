// `clearway play` as a process: what it prints, its exit statuses, that a WAV arrives whole, that it ends when it is told to. To files and to the dry run: no
// sound card is needed, and nothing depends on how busy the machine is.

import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { AudioFolder } from '../support/audio-files.js';
import { program } from '../support/program.js';
import { makeFlac, missingProgram, soundFolder, soundValues, spoiled } from '../support/sound-files.js';
import { JackServer, jackSkip } from './jack-server.js';

const folder = new AudioFolder();
after(() => folder.remove());
const place = soundFolder(after);

interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function begin(args: readonly string[], env = process.env): { child: ChildProcess; ended: Promise<Outcome> } {
  const child = spawn(process.execPath, [program, 'play', ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const)
    child[name].setEncoding('utf8').on('data', (part: string) => {
      texts[name] += part;
    });
  return { child, ended: once(child, 'close').then(([status]) => ({ status, ...texts })) };
}

/** Waits until it has said something. */
function saying(child: ChildProcess, words: string): Promise<void> {
  return new Promise((resolve) => {
    let said = '';
    child.stdout!.on('data', (part: string) => {
      said += part;
      if (said.includes(words)) resolve();
    });
  });
}

const play = (...args: string[]): Promise<Outcome> => begin(args).ended;
const skip = !platformIsLinux && 'needs Linux';
const eventsOf = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string } & Record<string, unknown>);

test('a folder arrives whole in one file, without a frame between the tracks; report, page and JSON are written', {
  skip,
}, async () => {
  mkdirSync(folder.at('album'));
  const [one, two] = [folder.wave('album/2 one.wav', 4001), folder.wave('album/10 two.wav', 3003)];
  const out = folder.at('out.raw');
  const [json, html] = [folder.at('report.json'), folder.at('report.html')];
  const { status, stdout, stderr } = await play(
    ...[folder.at('album'), '--device', `raw:${out}`, `--report=${json}`, '--html', html],
  );
  assert.equal(status, 0, stderr);
  assert.deepEqual(readFileSync(out), Buffer.concat([one.payload, two.payload]));
  assert.match(stdout, /2 one\.wav: WAV, S16_LE, 48000 Hz, stereo\n.*10 two\.wav: /s);
  assert.match(stdout, /0 xruns, 0 frames missing; bit-perfect: yes, because/);
  const report = JSON.parse(readFileSync(json, 'utf8'));
  assert.deepEqual([report.schema, report.committedFrames, report.lostFrames, report.lateness], [1, 7004, 0, null]);
  assert.deepEqual([report.copies, report.digests], [{ user: 0, kernel: 1 }, 'equal']);
  assert.match(readFileSync(html, 'utf8'), /bit-perfect: yes/);
});

test('a reader that is slower than what is written to: it begins with what is there, and all of it arrives', {
  skip,
}, async () => {
  const { path, payload } = folder.wave('slow.wav', 144_000);
  const out = folder.at('slow.raw');
  const { status, stderr } = await play(path, '--device', `raw:${out}`, '--inject', 'slow-disk=20ms/30ms');
  assert.equal(status, 0, stderr);
  assert.deepEqual(readFileSync(out), payload);
});

test('events as JSON, one a line; of a dry run in real time the report has lateness and headroom', {
  skip,
}, async () => {
  const { path } = folder.wave('short.wav', 9600);
  const { status, stdout } = await play(path, '--device', 'null', '--buffer', '100', '--json');
  assert.equal(status, 0);
  const events = eventsOf(stdout);
  assert.deepEqual(
    events.map(({ event }) => event).filter((event) => event !== 'xrun'),
    ['ready', 'track', 'end', 'report'],
  );
  const report = events.at(-1) as unknown as { lateness: { maxUs: number }; headroom: object; sentence: string };
  assert.ok(report.lateness.maxUs >= 0 && report.headroom !== null);
  assert.match(report.sentence, /^bit-perfect: (?:unknown|no), because/, 'nothing was played');
});

test('a fault on purpose is seen: an xrun that is the pump being late, and --fail-on-xrun', { skip }, async () => {
  const { path } = folder.wave('stalled.wav', 48_000);
  const { status, stdout, stderr } = await play(
    ...[path, '--device', 'null', '--latency', 'low', '--inject', 'stall=200ms/300ms', '--fail-on-xrun', '--json'],
  );
  assert.equal(status, 4, stderr);
  assert.match(stderr, /--fail-on-xrun allows 0/);
  const xruns = eventsOf(stdout).filter(({ event }) => event === 'xrun');
  // A busy host may be late by itself, for less.
  const [stalled] = xruns.filter(({ latenessMs }) => (latenessMs as number) >= 200);
  assert.ok(stalled !== undefined);
  assert.equal(stalled['cause'], 'pump-late');
  assert.ok((stalled['gapMs'] as number) >= 200 - 22 - 1, 'what was queued, 21.3 ms, was played');
});

test('exit statuses and sentences', { skip }, async () => {
  const { path } = folder.wave('a.wav', 100);
  const text = folder.at('text.wav');
  writeFileSync(text, 'no sound at all');
  const round = folder.at('round.wav');
  symlinkSync(round, round);
  const cases = [
    [[], 1, /^clearway play: nothing to play/],
    [[folder.at('absent.wav')], 1, /absent\.wav: there is no such file/],
    [['-'], 1, /^clearway play: standard input is no file.*write it to a file first/],
    [
      [folder.at('no\u001b[31m\nsuch.wav')],
      1,
      /^clearway play: cannot play [^\n]*no\?\[31m\?such\.wav: there is no such file[^\n]*\n$/,
    ],
    [[round], 1, /^clearway play: cannot play [^\n]*round\.wav: its symbolic links go round in a circle\n$/],
    [[folder.at('no \ufffd.wav')], 1, /there is no such file or directory; its name is no UTF-8: rename it\n$/],
    [[path, '--devise', 'null'], 1, /did you mean --device/],
    [[path, '--device', 'hw:1023,99'], 2, /^clearway play: .*1023/],
    [[path, '--device', `file:${folder.at('no/such/place.wav')}`], 1, /cannot write/],
    [[path, '--device', `file:${path}`], 1, /is what is to be played/],
    [[path, '--device', 'null:fast', '--fail-on-late', '1'], 1, /null:fast has no clock, and --fail-on-late needs one/],
    [[path, '--device', `file:${folder.at('late.wav')}`, '--fail-on-late', '1'], 1, /has no clock/],
    [[path, '--device', 'null:fast', `--report=${folder.at('no/report.json')}`], 1, /cannot write .*no such file/],
    [[path, '--device', 'null:fast', `--html=${folder.at('.')}`], 1, /cannot write .*it is a directory/],
    [[path, '--device', 'null:fast', `--report=${path}`], 1, /is what is to be played/],
  ] as const;
  const outcomes = await Promise.all(cases.map(([args]) => play(...args)));
  for (const [index, [args, status, sentence]] of cases.entries()) {
    const outcome = outcomes[index]!;
    assert.equal(outcome.status, status, `${args.join(' ')}: ${outcome.stderr}`);
    assert.match(outcome.stderr, sentence);
    assert.ok(!outcome.stderr.includes('    at '), 'a sentence, no stack');
    if (status === 1) assert.equal(outcome.stdout, '', 'nothing is played before it is refused');
  }
  assert.ok(!existsSync(folder.at('late.wav')), 'nor is a file made');
  const both = await play(text, path, '--device', 'null:fast');
  assert.equal(both.status, 1, 'one file is wrong');
  assert.match(both.stderr, /text\.wav/);
  assert.match(both.stdout, /a\.wav: WAV/, 'and the other is played');
});

test('a file without a frame is told of; alone it makes no file', { skip }, async () => {
  const empty = folder.wave('nothing.wav', 0).path;
  const { path, payload } = folder.wave('something.wav', 100);
  const out = folder.at('some.raw');
  const alone = await play(empty, '--device', `raw:${out}`);
  assert.equal(alone.status, 1);
  assert.match(alone.stderr, /nothing\.wav: it has no frames: there is nothing to play in it\n/);
  assert.ok(!existsSync(out));
  const both = await play(empty, path, '--device', `raw:${out}`);
  assert.equal(both.status, 1, 'one file is wrong');
  assert.match(both.stderr, /nothing\.wav: it has no frames/);
  assert.deepEqual(readFileSync(out), payload, 'and the other is played');
});

test('a start behind the end of the first file is told of, and makes no file; what follows is played', {
  skip,
}, async () => {
  const short = folder.wave('brief.wav', 480).path;
  const { path, payload } = folder.wave('next.wav', 9600);
  const out = folder.at('started.raw');
  const alone = await play(short, '--start', '1:00', '--device', `raw:${out}`);
  assert.equal(alone.status, 1);
  assert.match(alone.stderr, /brief\.wav: it ends before the place at which it was to begin, 60 s\n/);
  assert.ok(!existsSync(out));
  const both = await play(short, path, '--start', '60', '--device', `raw:${out}`);
  assert.equal(both.status, 1);
  assert.deepEqual(readFileSync(out), payload, 'the next file, from its beginning');
});

test('a file of which nothing can be decoded: a sentence, status 1, and no word of bits that arrived', {
  skip: skip || missingProgram('flac'),
}, async () => {
  const frames = 30_000;
  const values = soundValues(16, 2, frames);
  const path = makeFlac(place, 'ruined.flac', values, { channels: 2, bits: 16, bytes: 2, rate: 48_000 });
  // Every block, and nothing of the stream's head.
  const ruin = (bytes: Buffer): void => {
    for (let at = 600; at < bytes.length; at += 100) bytes[at]! ^= 0xff;
  };
  place('ruined.flac', spoiled(path, ruin));
  const out = folder.at('ruined.raw');
  const { status, stdout, stderr } = await play(path, '--device', `raw:${out}`);
  assert.equal(status, 1, stderr);
  assert.match(stderr, /ruined\.flac: none of its frames could be decoded: the file is damaged\n/);
  assert.match(stdout, new RegExp(`${frames} frames missing; bit-perfect: no, because ${frames} frames`));
  assert.equal(readFileSync(out).length, 0);
});

test('a named pipe that nobody reads yet is told of, and played when somebody does', { skip }, async () => {
  const { path, payload } = folder.wave('piped.wav', 4800);
  const pipe = folder.at('pipe');
  execFileSync('mkfifo', [pipe]);
  const { child, ended } = begin([path, '--device', `raw:${pipe}`, '--report']);
  const [words] = await once(child.stderr!, 'data');
  assert.match(words, /^clearway play: .*pipe is a pipe that nobody reads yet: it plays as soon as somebody does/);
  const reader = spawn('cat', [pipe], { stdio: ['ignore', 'pipe', 'inherit'] });
  const read = reader.stdout.toArray();
  const { status, stdout, stderr } = await ended;
  assert.equal(status, 0, stderr);
  assert.equal(stderr, words, 'said once, and nothing is said of what cannot be read back');
  assert.match(stdout, /4800 frames; 0 missing/);
  assert.deepEqual(Buffer.concat(await read), payload);
});

/** A named pipe into which nothing more goes, as a descriptor. */
function fullPipe(name: string): number {
  execFileSync('mkfifo', [folder.at(name)]);
  const fd = openSync(folder.at(name), constants.O_RDWR | constants.O_NONBLOCK);
  const piece = Buffer.alloc(4096);
  try {
    for (;;) writeSync(fd, piece);
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
  }
  return fd;
}

test('SIGTERM ends it with 0 also where nobody reads the pipe that it plays to, nor what it says', {
  skip,
}, async () => {
  const { path } = folder.wave('unread.wav', 100);
  const pipe = folder.at('unread');
  execFileSync('mkfifo', [pipe]);
  const full = fullPipe('full');
  try {
    const args = [program, 'play', path, '--device', `raw:${pipe}`, '--json'];
    const child = spawn(process.execPath, args, { stdio: ['ignore', full, 'pipe'] });
    const ended = once(child, 'exit');
    await once(child.stderr!, 'data');
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  } finally {
    closeSync(full);
  }
});

test('SIGTERM ends it with 0, and the report tells of what was played', { skip }, async () => {
  const { path } = folder.wave('long.wav', 48_000 * 20);
  const { child, ended } = begin([path, '--device', 'null', '--report']);
  await once(child.stdout!, 'data');
  child.kill('SIGTERM');
  const { status, stdout, stderr } = await ended;
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^scheduling +SCHED_/m);
});

test('a terminal that goes away, with a shell that outlives that: it is played to the end, and the end is no crash', {
  skip: skip || missingProgram('script'),
}, async () => {
  const { path } = folder.wave('terminal.wav', 48_000 * 2);
  const status = folder.at('status');
  // The signal is for the shell, which began the session.
  const line = `trap : HUP; '${process.execPath}' '${program}' play '${path}' --device null; echo $? >'${status}'`;
  const terminal = spawn('script', ['-qec', line, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await saying(terminal, 'terminal.wav: WAV');
  terminal.kill('SIGKILL');
  const said = (): string => (existsSync(status) ? readFileSync(status, 'utf8').trim() : '');
  for (let tries = 0; tries < 300 && said() === ''; tries++) await pause(100);
  assert.equal(said(), '0');
});

test('--devices and --check print what is there, also as JSON', { skip }, async () => {
  const devices = await play('--devices');
  assert.equal(devices.status, 0, devices.stderr);
  assert.match(devices.stdout, /^Cards$[\s\S]*^JACK$[\s\S]*^ALSA names$[\s\S]*^ {2}null /m);
  assert.ok(Array.isArray(JSON.parse((await play('--devices', '--json')).stdout).cards));
  const check = JSON.parse((await play('--check', '--json')).stdout) as {
    findings: { id: string; remedy: unknown; state: string }[];
  };
  assert.ok(check.findings.some(({ id }) => id === 'audio_fifo'));
  for (const { state, remedy, id } of check.findings) assert.ok(state === 'yes' || typeof remedy === 'string', id);
  assert.match((await play('--check')).stdout, /real-time class[\s\S]*^ {2}WAV, RF64, BW64, W64, raw: none needed$/m);
});

test('a JACK server that dies while it plays: one sentence, status 3', { skip: skip || jackSkip() }, async () => {
  const server = JackServer.start('clearway-test-play', 1024);
  try {
    const { path } = folder.wave('jack.wav', 48_000 * 30);
    const { child, ended } = begin([path, '--device', 'jack'], server.env);
    await saying(child, 'jack.wav: WAV');
    await server.kill();
    const { status, stderr } = await ended;
    assert.equal(status, 3, stderr);
    assert.match(stderr, /JACK server has ended|does not answer: its server is gone/);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  } finally {
    await server.stop();
  }
});
