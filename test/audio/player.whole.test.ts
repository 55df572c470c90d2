// The player from file to sink: what is committed is what the files hold, wherever it begins and however they follow each other. Sinks without a clock, so that nothing here depends on time.
// Not here: faults and time (pump.whole.test.ts).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { after, test } from 'node:test';
import { type EndEvent, Player, PlayerError, type PlayerOptions, PlayRecorder } from '../../src/audio/index.js';
import { FeederWord, offsets, PumpNumber } from '../../src/audio/pump/shared-layout.js';
import * as copy from '../../src/memory/copy.js';
import type { PcmFormat } from '../../src/wire/pcm/format.js';
import { AudioFolder, cdLike, sha256 } from '../support/audio-files.js';

const folder = new AudioFolder();
after(() => folder.remove());

interface Played {
  readonly player: Player;
  readonly end: EndEvent;
  readonly heard: string[];
  readonly skipped: string[];
}

async function play(options: PlayerOptions, meanwhile: (player: Player) => void = () => {}): Promise<Played> {
  const player = new Player(options);
  const heard: string[] = [];
  const skipped: string[] = [];
  player.on('track', (track) => heard.push(track.path));
  player.on('skipped', ({ sentence }) => skipped.push(sentence));
  player.start();
  meanwhile(player);
  const end = await player.ended;
  return { player, end, heard, skipped };
}

/** Bytes that were counted meanwhile, by reason. */
async function copied(work: () => Promise<unknown>): Promise<{ soundFill: number; soundVolume: number }> {
  const { soundFill, soundVolume } = copy.CopyReason;
  const before = [copy.copiedBytes[soundFill]!, copy.copiedBytes[soundVolume]!] as const;
  await work();
  return {
    soundFill: copy.copiedBytes[soundFill]! - before[0],
    soundVolume: copy.copiedBytes[soundVolume]! - before[1],
  };
}

test('an album of odd lengths: every frame once, none between, tracks in order', async () => {
  const album = [44_101, 1, 7, 4409, 12_345, 3].map((frames, index) => folder.wave(`odd-${index}.wav`, frames));
  const path = folder.at('album.raw');
  const { player, end, heard } = await play({ files: album.map((each) => each.path), device: `raw:${path}` });
  assert.deepEqual(end, { reason: 'played', failure: undefined });
  const whole = Buffer.concat(album.map((each) => each.payload));
  const written = readFileSync(path);
  assert.equal(written.length, whole.length);
  assert.equal(sha256(written), sha256(whole));
  assert.deepEqual(
    heard,
    album.map((each) => each.path),
  );
  assert.deepEqual(
    player.tracks.map(({ fedFrames, isWhole, track }) => [fedFrames, isWhole, track.isRead, track.gapBefore]),
    album.map(({ payload }) => [payload.length / 4, true, true, false]),
  );
});

test('WAV out: what was written reads as what was played, also of three bytes and an odd number of them', async () => {
  const format: PcmFormat = { ...cdLike, sample: 'S24_3LE', channels: 1, channelMask: 4, validBits: 24 };
  const { path, payload } = folder.wave('packed.wav', 4411, format);
  const copy = folder.at('copy.wav');
  assert.equal((await play({ files: [path], device: `file:${copy}` })).end.reason, 'played');
  const again = folder.at('again.raw');
  assert.equal((await play({ files: [copy], device: `raw:${again}` })).end.reason, 'played');
  assert.equal(sha256(readFileSync(again)), sha256(payload));
});

test('it begins where it is told to, to the frame', async () => {
  const { path, payload } = folder.wave('long.wav', 96_000);
  const out = folder.at('tail.raw');
  await play({ files: [path], device: `raw:${out}`, startSeconds: 1.25 });
  assert.equal(sha256(readFileSync(out)), sha256(payload.subarray(60_000 * 4)));
});

test('a seek before anything was heard is the beginning, and nothing of what was queued is played', async () => {
  const { path, payload } = folder.wave('sought.wav', 480_000);
  const out = folder.at('sought.raw');
  const { end } = await play({ files: [path], device: `raw:${out}` }, (player) => {
    player.pause();
    setTimeout(() => player.seek(9.5), 150);
    setTimeout(() => player.play(), 400);
  });
  assert.equal(end.reason, 'played');
  assert.equal(sha256(readFileSync(out)), sha256(payload.subarray(9.5 * 48_000 * 4)));
});

test('a pause before the first frame, and one while the next format is opened, are told of', async () => {
  const fine: PcmFormat = { ...cdLike, sample: 'S24_3LE', validBits: 24 };
  const files = [folder.wave('before.wav', 9_600).path, folder.wave('behind.wav', 9_600, fine).path];
  const player = new Player({ files, device: 'null' });
  player.pause();
  player.start();
  await once(player, 'paused');
  assert.equal(player.state, 'paused');
  const opened = new Promise<void>((resolve) => {
    player.on('ready', ({ opening }) => opening.format.sample === 'S24_3LE' && resolve());
  });
  player.play();
  await opened;
  player.pause();
  await once(player, 'paused');
  player.play();
  await once(player, 'playing');
  assert.equal((await player.ended).reason, 'played');
});

test('formats that follow each other: what keeps every bit goes on in the stream, else the sink is opened anew', async () => {
  const fine: PcmFormat = { ...cdLike, sample: 'S24_3LE', validBits: 24 };
  const files = [folder.wave('a24.wav', 1000, fine).path, folder.wave('b16.wav', 1000).path];
  const same = await play({ files, device: 'null:fast' });
  assert.deepEqual(
    same.player.tracks.map(({ track }) => [track.isRead, track.change, track.gapBefore]),
    [
      [true, 'none', false],
      [false, 'widened', false],
    ],
  );
  let gaps = 0;
  const wider = await play({ files: files.toReversed(), device: 'null:fast' }, (player) =>
    player.on('gap', () => gaps++),
  );
  assert.deepEqual(
    wider.player.tracks.map(({ track }) => track.gapBefore),
    [false, true],
  );
  assert.equal(gaps, 1);
  const player = new Player({ files: files.toReversed(), device: 'null:fast' });
  const recorder = new PlayRecorder(player, { device: 'null:fast', gainDb: 0 });
  player.start();
  await player.ended;
  assert.deepEqual(recorder.report()?.copies, { user: 0, kernel: 1 }, 'frames of both formats by their own bytes');
  const refused = await play({ files: files.toReversed(), device: `file:${folder.at('one.wav')}` });
  assert.match(String(refused.end.failure?.message), /one\.wav was written with S16_LE.*of its own/);
});

test('decoded into the ring: 16 bits widened by a volume-free path are the same numbers', async () => {
  const fine: PcmFormat = { ...cdLike, sample: 'S24_3LE', validBits: 24 };
  const first = folder.wave('wide-first.wav', 5, fine);
  const second = folder.wave('wide-second.wav', 30_011);
  const out = folder.at('wide.raw');
  const filled = await copied(() => play({ files: [first.path, second.path], device: `raw:${out}` }));
  const written = readFileSync(out).subarray(first.payload.length);
  assert.deepEqual(filled, { soundFill: written.length, soundVolume: 0 }, 'the first was read by the kernel');
  const quieter = { files: [first.path, second.path], device: 'null:fast', volume: 0.5 };
  const all = first.payload.length + written.length;
  assert.deepEqual(await copied(() => play(quieter)), { soundFill: 0, soundVolume: all });
  assert.equal(written.length, 30_011 * 6);
  for (let sample = 0; sample < 30_011 * 2; sample++) {
    assert.equal(written[sample * 3], 0);
    assert.equal(written.readInt16LE(sample * 3 + 1), second.payload.readInt16LE(sample * 2));
  }
});

test('past the page cache: the same bytes, none of them copied by a processor where blocks lie as they do on the disk', async (context) => {
  const { path, payload } = folder.wave('direct.wav', 200_000);
  const bare = folder.at('direct.raw');
  await play({ files: [path], device: `raw:${bare}` });
  const out = folder.at('direct.out');
  let [direct, kernel] = [0, 0];
  const raw = { ...cdLike };
  await play({ files: [bare], device: `raw:${out}`, direct: true, raw }, (player) =>
    player.on('end', () => {
      const numbers = new Float64Array(player.region!, 0, offsets.descriptors / 8);
      [direct, kernel] = [numbers[PumpNumber.directBytes]!, numbers[PumpNumber.kernelBytes]!];
    }),
  );
  assert.equal(sha256(readFileSync(out)), sha256(payload));
  assert.equal(direct + kernel, payload.length);
  if (direct === 0) context.skip('the file system of the temporary folder reads through the page cache alone');
  else assert.ok(kernel < 256 * 1024, `${kernel} bytes came through the page cache: the ends of what is aligned`);
});

test('half the volume is half of each sample; the whole is every bit', async () => {
  const { path, payload } = folder.wave('loud.wav', 9000);
  const out = folder.at('half.raw');
  const multiplied = copied(() => play({ files: [path], device: `raw:${out}`, volume: 0.5 }));
  assert.deepEqual(await multiplied, { soundFill: 0, soundVolume: payload.length });
  const written = readFileSync(out);
  assert.equal(written.length, payload.length);
  for (let at = 0; at < payload.length; at += 2)
    assert.equal(written.readInt16LE(at), Math.round(payload.readInt16LE(at) / 2) + 0); // no -0
});

test('a volume that the recorder was not told of is in the sentence about bits, and so is a second format after it', async () => {
  const other: PcmFormat = { ...cdLike, rate: 48_000 };
  const files = [folder.wave('first.wav', 500).path, folder.wave('second.wav', 700, other).path];
  const sentence = async (volume: number): Promise<[string, string] | undefined> => {
    const player = new Player({ files, device: 'null:fast', volume });
    const recorder = new PlayRecorder(player, { device: 'null:fast', gainDb: 0 });
    player.start();
    await player.ended;
    const report = recorder.report();
    return report && [report.bits.verdict, report.bits.because];
  };
  const quieter = await sentence(0.5);
  assert.equal(quieter?.[0], 'no');
  assert.match(quieter[1], /1200 frames were made quieter/);
  assert.notEqual((await sentence(1))?.[0], 'no');
});

test('files that cannot be played are left out in words, and the others are heard', async () => {
  const { path } = folder.wave('good.wav', 100);
  const { end, heard, skipped } = await play({ files: [folder.at('absent.wav'), path], device: 'null:fast' });
  assert.equal(end.reason, 'played');
  assert.deepEqual(heard, [path]);
  assert.match(skipped.join(), /absent\.wav/);
  const none = await play({ files: [folder.at('absent.wav')], device: 'null:fast' });
  assert.deepEqual([none.end.reason, none.end.failure?.reason], ['failed', 'usage']);
});

test('sinks that cannot be written end it with a sentence; a file is not played into itself', async () => {
  const { path } = folder.wave('full.wav', 100_000);
  const full = await play({ files: [path], device: 'raw:/dev/full' });
  assert.match(String(full.end.failure?.message), /cannot write \/dev\/full: .*space.*make room/);
  const missing = await play({ files: [path], device: `file:${folder.at('no/such/folder.wav')}` });
  assert.deepEqual(
    [missing.end.failure?.reason, /cannot write/.test(String(missing.end.failure?.message))],
    ['usage', true],
  );
  assert.throws(() => new Player({ files: [path], device: `file:${path}` }), /choose another path/);
  assert.throws(() => new Player({ files: [], device: 'null' }), /nothing to play/);
});

/** Calls back while the sink is being opened. */
function whileOpening(player: Player, act: () => void): void {
  const words = new Int32Array(player.region!, 0, offsets.pcm / 4);
  const look = (): void => {
    if (Atomics.load(words, FeederWord.request) === 0) setImmediate(look);
    else act();
  };
  look();
}

test('another place is asked for while the device is being opened: it is what is heard, and it ends', async () => {
  const [first, second] = [folder.wave('opening-1.wav', 48_000), folder.wave('opening-2.wav', 48_000)];
  const files = [first.path, second.path];
  const out = folder.at('opening.raw');
  const patience = (player: Player): void => void setTimeout(() => void player.stop(), 20_000).unref();
  const sought = await play({ files, device: `raw:${out}` }, (player) => {
    patience(player);
    whileOpening(player, () => player.seek(0.5, 1));
  });
  assert.equal(sought.end.reason, 'played');
  // On a busy machine the sink may be open by then, and have taken the first frames.
  const written = readFileSync(out);
  const wanted = second.payload.subarray(24_000 * 4);
  const before = written.subarray(0, written.length - wanted.length);
  assert.equal(sha256(written.subarray(before.length)), sha256(wanted));
  assert.ok(Buffer.concat([first.payload, second.payload]).subarray(0, before.length).equals(before));
  const left = await play({ files: [first.path], device: 'null:fast' }, (player) => {
    patience(player);
    whileOpening(player, () => player.next());
  });
  assert.deepEqual(left.end, { reason: 'played', failure: undefined });
  const atOnce = await play({ files: [first.path], device: 'null:fast' }, (player) => {
    patience(player);
    player.next();
  });
  assert.deepEqual(atOnce.end, { reason: 'played', failure: undefined }, 'before the first file was opened');
});

test('a list that begins again ends when none of its files can be played any more', async () => {
  const { path } = folder.wave('once.wav', 4800);
  const { end, heard, skipped } = await play({ files: [path], device: 'null:fast', loop: true }, (player) => {
    player.once('track', () => rmSync(path));
    setTimeout(() => void player.stop(), 20_000).unref();
  });
  assert.equal(end.reason, 'played');
  assert.ok(heard.length > 0);
  assert.ok(skipped.length <= 2, `told of ${skipped.length} times`);
});

test('numbers that are none are refused, and do no harm to what plays', async () => {
  const { path } = folder.wave('numbers.wav', 4800);
  const base: PlayerOptions = { files: [path], device: 'null:fast' };
  for (const wrong of [{ startSeconds: Number.NaN }, { leadInMs: -1 }, { leadInMs: Number.NaN }, { priority: 0.5 }])
    assert.throws(() => new Player({ ...base, ...wrong }), PlayerError, JSON.stringify(wrong));
  const { end } = await play(base, (player) => {
    assert.throws(() => player.seek(Number.NaN), /a number of seconds/);
    assert.throws(() => player.seek(0, 1), /no file 1/);
    assert.throws(() => player.seek(0, 0.5), /no file 0.5/);
    assert.throws(() => player.setVolume(Number.NaN), /a factor/);
  });
  assert.equal(end.reason, 'played');
});

test('short plays leave nothing behind', async () => {
  const { path } = folder.wave('short.wav', 2000);
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  const mappings = (): number => readFileSync('/proc/self/maps', 'latin1').split('clearway-audio').length;
  await play({ files: [path], device: 'null:fast' });
  const before = [descriptors(), mappings()];
  const pids = new Set<number>();
  for (let round = 0; round < 2; round++) {
    const ends = await Promise.all(
      [0, 1, 2, 3].map(() => play({ files: [path], device: 'null:fast' }, (player) => pids.add(player.pumpPid))),
    );
    assert.ok(ends.every(({ end }) => end.reason === 'played'));
  }
  assert.equal(pids.size, 8);
  for (const pid of pids) assert.throws(() => process.kill(pid, 0), /ESRCH/);
  assert.ok(descriptors() <= before[0]!, `${descriptors()} descriptors, ${before[0]} before`);
  assert.ok(mappings() <= before[1]!, 'no shared region stays mapped');
});
