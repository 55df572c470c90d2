import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { actionsOf } from './play-keys.js';
import { faultOf, filesMeant, playOptions, rawFormat, secondsOf } from './play-options.js';
import { bar, type PlayView, playScreen } from './play-screen.js';

test('options: what is left out, what may be left out behind =, what is refused', () => {
  const plain = playOptions(['a.wav']);
  assert.deepEqual(
    [plain.action, plain.files, plain.bufferMs, plain.gainDb, plain.realtime, plain.priority, plain.report],
    ['play', ['a.wav'], 500, 0, true, 60, undefined],
  );
  assert.deepEqual(playOptions(['--report', 'a.wav']).files, ['a.wav'], '--report takes no file from the list');
  assert.deepEqual(playOptions(['a.wav', '--report=out.json']).report, { path: 'out.json' });
  assert.deepEqual(playOptions(['a.wav', '--report']).report, { path: undefined });
  assert.equal(playOptions(['a.wav', '--fail-on-xrun']).failOnXruns, 0);
  assert.equal(playOptions(['a.wav', '--fail-on-xrun=3']).failOnXruns, 3);
  assert.equal(playOptions(['a.wav', '--gain=-6.5']).gainDb, -6.5);
  assert.equal(playOptions(['--devices', '--json']).action, 'devices');
  for (const [args, words] of [
    [[], /nothing to play/],
    [['--devices', 'a.wav'], /leave the files out/],
    [['a.wav', '--buffer', '1'], /--buffer/],
    [['a.wav', '--latency', 'lowest'], /low or normal/],
    [['a.wav', '--latency', 'low', '--buffer', '20'], /one of them/],
    [['a.wav', '--gain', '3'], /from -90 to 0/],
    [['a.wav', '--priority', '0'], /--priority/],
    [['a.wav', '--inject', 'noise'], /--inject/],
    [['a.wav', '--start', '1:60'], /--start/],
    [['a.wav', '--raw', 'S16_LE,48000'], /FORMAT,RATE,CHANNELS/],
    [['a.wav', '--repor'], /did you mean --report/],
  ] as const) {
    assert.throws(() => playOptions([...args]), words, args.join(' '));
  }
});

test('values: times, bare samples, faults', () => {
  assert.deepEqual(['90', '1:30', '1:02:03.5'].map(secondsOf), [90, 90, 3723.5]);
  assert.deepEqual(rawFormat('s24_3le,96000,2'), {
    ...{ sample: 'S24_3LE', rate: 96_000, channels: 2, channelMask: 0, validBits: 24 },
  });
  for (const wrong of ['S16_LE,48000,2,1', 'S12,48000,2', 'S16_LE,0,2', 'S16_LE,48000,99', ',,'])
    assert.throws(() => rawFormat(wrong), /--raw/, wrong);
  assert.deepEqual(faultOf('stall=40ms/1s'), { kind: 'stall', ms: 40, everyMs: 1000 });
  assert.deepEqual(faultOf('stop=60ms@2s'), { kind: 'stop', ms: 60, atMs: 2000 });
  assert.deepEqual(faultOf('slow-disk=200ms/1s'), { kind: 'slow-disk', ms: 200, everyMs: 1000 });
  assert.deepEqual(faultOf('gc'), { kind: 'gc' });
  for (const wrong of ['stall=40ms@1s', 'stop=60ms/2s', 'stall=2s/1s', 'stall=0ms/1s', 'stall=40/1s', 'gc=1'])
    assert.throws(() => faultOf(wrong), /--inject/, wrong);
});

test('a folder is its audio files and those beneath it, 2 before 10', () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-play-'));
  try {
    mkdirSync(join(folder, 'CD 2'));
    for (const name of ['10 ten.flac', '2 two.WAV', 'cover.jpg', 'CD 2/1 one.mp3'])
      writeFileSync(join(folder, name), '');
    assert.deepEqual(
      filesMeant([folder]).map((path) => path.slice(folder.length + 1)),
      ['2 two.WAV', '10 ten.flac', 'CD 2/1 one.mp3'],
    );
    assert.deepEqual(filesMeant([join(folder, 'cover.jpg')]).length, 1, 'a file that is named is taken');
    assert.throws(() => filesMeant([join(folder, 'absent')]), /cannot play .*absent: there is no such file/);
    mkdirSync(join(folder, 'empty'));
    assert.throws(() => filesMeant([join(folder, 'empty')]), /no audio files/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

const view: PlayView = {
  ...{ file: 'album/01 a song with a long name.flac', number: 1, files: 12, isPaused: false },
  ...{ seconds: 61, ofSeconds: 185, device: "hw:1,0 (ALSA, the kernel's interface), S32_LE, 96000 Hz", hasClock: true },
  ...{ headroomMs: 400, leastMs: 249, ringMs: 500, lateness: { p50: 14, p99: 45, max: 519 }, wakeUps: 1000, xruns: 0 },
  scheduling: 'SCHED_FIFO 60',
};

test('the live view: no line is longer than the terminal or 80 columns, and no name moves the cursor', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 20, max: 200 }),
      fc.string({ maxLength: 200 }),
      fc.boolean(),
      (columns, file, hasClock) => {
        const screen = playScreen({ ...view, file, hasClock }, columns);
        for (const line of screen.split('\n')) assert.ok(line.length <= Math.min(80, columns), line);
        assert.ok(!/[\p{Cc}]/u.test(screen.replaceAll('\n', '')));
      },
    ),
  );
  const screen = playScreen(view, 80);
  assert.match(screen, /^position {3}1:01 of 3:05 /m);
  assert.match(screen, /^headroom {3}\[#+\|#+\.+\] least 249 ms$/m);
  assert.match(playScreen({ ...view, hasClock: false }, 80), /^lateness {3}no clock$/m);
  assert.match(playScreen({ ...view, isPaused: true }, 80), /^paused /);
  assert.equal(bar(0.5, 0, 10), '|####.....');
  assert.equal(bar(2, 2, 4), '###|');
  assert.equal(bar(0.5, -1, 4), '##..');
});

test('keys: arrows in both modes of terminals, several at once, and nothing of what is not meant', () => {
  assert.deepEqual(actionsOf(' '), [{ kind: 'pause' }]);
  assert.deepEqual(actionsOf('\u001b[C\u001b[C\u001bOA'), [{ kind: 'seek', seconds: 70 }]);
  assert.deepEqual(actionsOf('\u001b[Dnq'), [{ kind: 'seek', seconds: -5 }, { kind: 'next' }, { kind: 'quit' }]);
  assert.deepEqual(actionsOf('\u0003'), [{ kind: 'quit' }]);
  assert.deepEqual(actionsOf('\u001b[15~\u001b[1;5Cxyz\u00e4'), [], 'function keys, arrows with Ctrl, letters');
});
