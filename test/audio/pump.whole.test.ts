// The pump in time: what it says of stalls, seeks, files that shrink and parents that die. Everything is judged by the pump's own readings of the clock, so that a busy machine changes figures and
// no verdict. Not here: which bytes are committed (player.whole.test.ts).

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, truncateSync } from 'node:fs';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type EndEvent, Player, type PlayerOptions, type XrunEvent } from '../../src/audio/index.js';
import { histogramCount, histogramView } from '../../src/audio/pump/histogram.js';
import { Histogram, offsets, PumpNumber, PumpWord } from '../../src/audio/pump/shared-layout.js';
import type { PcmFormat } from '../../src/wire/pcm/format.js';
import { AudioFolder, cdLike } from '../support/audio-files.js';

const folder = new AudioFolder();
after(() => folder.remove());

interface Watched {
  readonly end: EndEvent;
  readonly xruns: readonly XrunEvent[];
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  readonly wakeUps: number;
  readonly player: Player;
}

/** Plays into nothing in real time, and keeps the figures. */
async function watch(options: PlayerOptions, meanwhile: (player: Player) => void = () => {}): Promise<Watched> {
  const player = new Player({ device: 'null', ...options });
  let words = new Int32Array(0);
  let numbers = new Float64Array(0);
  let wakeUps = 0;
  player.on('end', () => {
    words = new Int32Array(player.region!, 0, offsets.descriptors / 4).slice();
    numbers = new Float64Array(player.region!, 0, offsets.descriptors / 8).slice();
    wakeUps = histogramCount(histogramView(player.region!, offsets.histograms, Histogram.latenessNs));
  });
  player.start();
  meanwhile(player);
  const end = await player.ended;
  return { end, xruns: player.xruns, words, numbers, wakeUps, player };
}

const isRealtime = ({ words }: Watched): boolean => words[PumpWord.schedulingClass] === 1;

test('a stall of 40 ms on a ring of 4 x 256 is one xrun, whose loss is what the clock says, and nothing of the stream is left out', async () => {
  const rate = 48_000;
  const frames = 1.5 * rate;
  const { path } = folder.wave('stall.wav', frames);
  const inject = { stall: { ms: 40, everyMs: 1000 } };
  const watched = await watch({ files: [path], latency: 'low', inject });
  const { end, xruns, words, numbers } = watched;
  assert.equal(end.reason, 'played');
  assert.equal(words[PumpWord.stalls], 1);
  assert.equal(xruns.length, words[PumpWord.xruns]);
  const stalls = xruns.filter((each) => each.latenessMs >= 40);
  assert.ok(stalls.length >= 1, 'the stall is seen');
  if (isRealtime(watched)) assert.equal(stalls.length, 1);
  for (const xrun of xruns) {
    assert.equal(xrun.cause, 'pump-late');
    const dryMs = xrun.sinceLookMs - (xrun.queuedBefore * 1000) / rate;
    assert.ok(Math.abs(xrun.gapMs - dryMs) < 2.5, `a gap of ${xrun.gapMs} ms, and ${dryMs} ms by the look before`);
    assert.ok(
      Math.abs(xrun.framesLost - (xrun.gapMs * rate) / 1000) <= 1,
      `${xrun.framesLost} frames in ${xrun.gapMs} ms`,
    );
  }
  assert.equal(numbers[PumpNumber.framesCommitted], frames, 'it goes on with the frame that is next');
  assert.equal(
    numbers[PumpNumber.framesLost],
    xruns.reduce((sum, each) => sum + each.framesLost, 0),
  );
});

test('while it plays: nothing collected, no page fault, one copy, and that the kernel made', async () => {
  const { path, payload } = folder.wave('calm.wav', 48_000);
  let watched = await watch({ files: [path], latency: 'low' });
  // Code that was not rehearsed faults in every play. A starved processor may leave V8 one compilation to finish, in a play of sixty.
  for (let tries = 1; tries < 3 && watched.words[PumpWord.minorFaults] !== 0; tries++) {
    watched = await watch({ files: [path], latency: 'low' });
  }
  const { words, numbers, wakeUps } = watched;
  assert.equal(watched.end.reason, 'played');
  assert.equal(words[PumpWord.collections], 0);
  assert.equal(words[PumpWord.majorFaults], 0);
  // An xrun on a busy machine runs code for the first time.
  if (watched.xruns.length === 0) assert.equal(words[PumpWord.minorFaults], 0);
  assert.equal(numbers[PumpNumber.userBytes], 0);
  assert.equal(numbers[PumpNumber.kernelBytes], payload.length);
  // Who is not let run in time wakes up for several periods at once, of which the ring has four.
  const least = isRealtime(watched) ? 150 : 40;
  assert.ok(wakeUps > least, `${wakeUps} wake-ups in a second of 187 periods`);
});

/** For each wake-up; what the loop allocates once, and what is asked at the end, is some KiB. */
const mostAllocated = 64;

test('while it plays next to nothing is allocated, whatever the volume is', async () => {
  const { path } = folder.wave('long-calm.wav', 96_000);
  for (const volume of [1, 0.5]) {
    let watched = await watch({ files: [path], latency: 'low', volume });
    // An xrun on a busy machine runs code for the first time, which allocates.
    for (let tries = 1; tries < 5 && watched.xruns.length > 0; tries++)
      watched = await watch({ files: [path], latency: 'low', volume });
    const { numbers, wakeUps, end, xruns } = watched;
    assert.equal(end.reason, 'played');
    if (xruns.length > 0) continue;
    const bytes = numbers[PumpNumber.allocatedBytes]!;
    assert.ok(
      bytes > 0 && bytes < wakeUps * mostAllocated,
      `${bytes} bytes in ${wakeUps} wake-ups at a volume of ${volume}`,
    );
  }
});

test('pause holds, play goes on, a seek lands on its frame, and volume changes while it plays', async () => {
  const { path } = folder.wave('keys.wav', 48_000 * 20);
  const seen: number[] = [];
  const watched = await watch({ files: [path], bufferMs: 100 }, (player) => {
    player.once('playing', () => void drive(player, seen));
  });
  assert.equal(watched.end.reason, 'stopped');
  const [first, held, sought] = seen as [number, number, number];
  assert.ok(first > 0 && first < 10 * 48_000);
  assert.equal(held, first, 'nothing is heard in a pause');
  assert.ok(sought >= 15 * 48_000 && sought < 18 * 48_000, `frame ${sought} after a seek to 15 s`);
  assert.ok(watched.words[PumpWord.changedFrames]! > 0);
});

async function drive(player: Player, seen: number[]): Promise<void> {
  const frame = (): number => player.position()?.frame ?? -1;
  await pause(150);
  player.pause();
  await once(player, 'paused');
  seen.push(frame());
  await pause(120);
  seen.push(frame());
  player.play();
  await pause(50);
  player.setVolume(0.25);
  player.seek(15);
  for (let tries = 0; tries < 100 && frame() < 15 * 48_000; tries++) await pause(20);
  seen.push(frame());
  await player.stop();
}

test('the memory of each sink is locked, also of one that is opened for another format', async (context) => {
  const wide: PcmFormat = { ...cdLike, sample: 'S32_LE', validBits: 32, channels: 8, channelMask: 255 };
  const files = [folder.wave('narrow.wav', 24_000).path, folder.wave('wide.wav', 4800, wide).path];
  const locked: number[] = [];
  const { end, player } = await watch({ files }, (playing) => {
    const look = (): void =>
      void locked.push(new Float64Array(playing.region!, 0, offsets.descriptors / 8)[PumpNumber.lockedBytes]!);
    playing.once('playing', look);
    playing.once('gap', look);
  });
  assert.equal(end.reason, 'played');
  if (player.refusals.some((each) => each.includes('not locked'))) return context.skip('this user may not lock memory');
  const [narrow, other] = locked as [number, number];
  const pagesOf = (frameBytes: number): number => Math.ceil((24_000 * frameBytes) / 4096) * 4096;
  assert.equal(other - narrow, pagesOf(8 * 4) - pagesOf(4), 'half a second of the one instead of the other');
});

test('a file that becomes shorter while it plays: what is missing is said, and all is accounted for', async () => {
  const frames = 48_000 * 8;
  const { path } = folder.wave('cut.wav', frames);
  const truncated: number[] = [];
  const { end, numbers, words } = await watch({ files: [path], bufferMs: 200 }, (player) => {
    player.on('truncated', (event) => truncated.push(event.framesLost));
    player.once('playing', () => truncateSync(path, 44 + 48_000 * 4));
  });
  assert.equal(end.reason, 'played');
  const lost = truncated.reduce((sum, each) => sum + each, 0);
  assert.ok(lost > 0);
  assert.equal(words[PumpWord.framesMissing], lost);
  assert.ok(truncated.length < 25, `${truncated.length} events: what is not there any more is told of in few words`);
  assert.equal(numbers[PumpNumber.framesCommitted]! + lost, frames);
});

test('this thread computes for 0.7 s: the stream goes on', async () => {
  const { path } = folder.wave('busy.wav', 48_000 * 3);
  let began = 0;
  let heard = 0;
  const { end } = await watch({ files: [path], bufferMs: 100 }, (player) => {
    player.once('playing', () => {
      began = player.position()?.frame ?? 0;
      const until = performance.now() + 700;
      while (performance.now() < until) Math.sqrt(until);
      heard = (player.position()?.frame ?? 0) - began;
      void player.stop();
    });
  });
  assert.equal(end.reason, 'stopped');
  assert.ok(heard > 0.5 * 48_000, `${heard} frames in 0.7 s`);
});

/** Whether a process is there and not merely unburied. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

async function endsWithin(pid: number, ms: number): Promise<boolean> {
  for (const until = performance.now() + ms; performance.now() < until; await pause(20)) if (!isAlive(pid)) return true;
  return !isAlive(pid);
}

test('the pump ends with its parent, however that ends', async () => {
  const { path } = folder.wave('orphan.wav', 48_000 * 30);
  const library = new URL('../../src/audio/index.js', import.meta.url).href;
  const program = `
    const { Player } = await import(${JSON.stringify(library)});
    const player = new Player({ files: [${JSON.stringify(path)}], device: 'null' });
    player.on('playing', () => console.log(player.pumpPid));
    player.start();`;
  const parent: ChildProcess = spawn(process.execPath, ['--input-type=module', '-e', program], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(parent.stdout!.setEncoding('utf8'), 'data')) as [string];
  const pump = Number(said.trim());
  assert.ok(isAlive(pump), `the pump ${said} plays`);
  parent.kill('SIGKILL');
  assert.ok(await endsWithin(pump, 10_000), 'it is gone long before the end of the file');
});

test('a pump that is killed ends the player with a sentence', async () => {
  const { path } = folder.wave('killed.wav', 48_000 * 30);
  const { end } = await watch({ files: [path] }, (player) => {
    player.once('playing', () => process.kill(player.pumpPid, 'SIGKILL'));
  });
  assert.equal(end.reason, 'failed');
  assert.match(String(end.failure?.message), /the pump ended while it played, by SIGKILL/);
});

test('a reader of standard output that goes away ends it with a sentence', async () => {
  const { path } = folder.wave('piped.wav', 48_000 * 60);
  const library = new URL('../../src/audio/index.js', import.meta.url).href;
  const program = `
    const { Player } = await import(${JSON.stringify(library)});
    const player = new Player({ files: [${JSON.stringify(path)}], device: '-' });
    player.start();
    const { failure } = await player.ended;
    console.error(failure?.message);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'pipe'] });
  const [head] = (await once(child.stdout, 'data')) as [Buffer];
  assert.equal(head.toString('latin1', 0, 4), 'RIFF');
  child.stdout.destroy();
  let said = '';
  for await (const text of child.stderr.setEncoding('utf8')) said += text;
  assert.match(said, /nobody reads standard output any more/);
});
