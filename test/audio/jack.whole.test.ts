// The JACK sink against a real server without a sound card (jackd -d dummy): what another client receives is what was committed, bit for bit; cycles that go by without
// us are counted as the server counts them.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { after, afterEach, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type EndEvent, Player } from '../../src/audio/index.js';
import type { PcmFormat, SampleFormat } from '../../src/wire/pcm/format.js';
import { AudioFolder, cdLike } from '../support/audio-files.js';
import { jackTestFloat } from '../support/jack-samples.js';
import { JackServer, jackSkip } from './jack-server.js';

const skip = jackSkip();
const period = 1024;
const channels = 2;
const folder = new AudioFolder();
let server: JackServer | undefined;
const children: ChildProcess[] = [];

after(() => folder.remove());
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await server?.stop();
});

interface Said {
  readonly opening: {
    readonly periodFrames: number;
    readonly clock: string;
    readonly path: string;
    readonly copies: number;
  };
  readonly joined: readonly string[];
  readonly xruns: readonly number[];
  readonly committed: number;
  readonly trouble: string;
}

function start(script: string, args: readonly string[]): { child: ChildProcess; text: () => string } {
  const path = fileURLToPath(new URL(`./${script}`, import.meta.url));
  const child = spawn(process.execPath, [path, ...args], { env: server!.env, stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(child);
  let text = '';
  child.stdout!.setEncoding('utf8').on('data', (part: string) => {
    text += part;
  });
  return { child, text: () => text };
}

async function play(sample: SampleFormat, frames: number, stallMs: number, join: string): Promise<Said> {
  const { child, text } = start('jack-player.js', [sample, String(frames), String(stallMs), join]);
  const [status] = await once(child, 'close');
  assert.equal(status, 0);
  return JSON.parse(text()) as Said;
}

test('another client receives every bit, from the first frame to the last', { skip }, async () => {
  // Not whole periods, so that the end is within one.
  const frames = 12_000 + 77;
  const sample = 'S24_3LE';
  const path = folder.at('captured.raw');
  let said!: Said;
  let captured = '';
  // A client that is not let run for a second misses a cycle, and says so: then nothing is to be had from what it has.
  for (let tries = 0; tries < 5 && !captured.includes('"skippedFrames":0'); tries++) {
    await server?.stop();
    server = JackServer.start('clearway-test', period, 1000);
    const capture = start('jack-capture.js', [path, String(frames), String(channels)]);
    const ended = once(capture.child, 'close');
    said = await play(sample, frames, 0, 'wait');
    assert.equal((await ended)[0], 0);
    captured = capture.text();
  }
  assert.equal(said.committed, frames);
  const { periodFrames, clock, path: way, copies } = said.opening;
  assert.deepEqual([periodFrames, clock, way, copies], [period, 'server', 'through', 1]);
  const bytes = readFileSync(path);
  const got = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  assert.equal(got.length, frames * channels, captured);
  for (let index = 0; index < got.length; index++) {
    const expected = jackTestFloat(sample, index);
    if (got[index] !== expected) assert.fail(`sample ${index} is ${got[index]}, not ${expected}: ${captured}`);
  }
});

test('ports are joined from outside; cycles that go by without us are counted, in frames', { skip }, async () => {
  server = JackServer.start('clearway-test', period);
  const { xruns, joined } = await play('S16_LE', 12_000, 60, 'join');
  assert.deepEqual(joined, ['system:playback_1', 'system:playback_2']);
  const lost = xruns.reduce((total, each) => total + each, 0);
  assert.ok(xruns.length >= 1 && lost >= period, `60 ms are more than a period of ${period}: ${xruns}`);
  // A server that is late itself sets its count of frames by the clock.
  if (!server.log.some((line) => line.startsWith('JackTimedDriver::Process XRun')))
    assert.equal(lost % period, 0, 'whole cycles');
});

/** What is done to a player while it plays, and how it ends then. */
const lives: Record<string, { act: (player: Player) => Promise<void>; reason: EndEvent['reason'] }> = {
  'from its beginning to its end': { act: async () => {}, reason: 'played' },
  'held, moved, made quieter and stopped': {
    act: async (player) => {
      player.pause();
      await once(player, 'paused');
      player.play();
      await once(player, 'playing');
      player.setVolume(0.5);
      player.seek(0.5);
      await pause(200);
      await player.stop();
    },
    reason: 'stopped',
  },
  'whose pump is killed': {
    act: async (player) => void process.kill(player.pumpPid, 'SIGKILL'),
    reason: 'failed',
  },
};

for (const [words, { act, reason }] of Object.entries(lives))
  test(`a player ${words}: the server's log has no word about it`, { skip }, async () => {
    server = JackServer.start('clearway-test', period);
    Object.assign(process.env, server.env);
    // Two formats: the client is closed, and another one of the same name is opened.
    const wide: PcmFormat = { ...cdLike, sample: 'S24_3LE', validBits: 24 };
    const files = [folder.wave('first.wav', 24_000).path, folder.wave('second.wav', 48_000, wide).path];
    const player = new Player({ files, device: 'jack' });
    player.once('playing', () => void act(player));
    player.start();
    const { reason: ended, failure } = await player.ended;
    assert.equal(ended, reason, failure?.message);
    await server.stop();
    const { log } = server;
    const began = log.findIndex((line) => line.startsWith('self-connect-mode'));
    // That none of its own lines were lost it says where it ends in order. What it says of a late client is about a busy machine; of one that is dead, where in a cycle it was then: of that one only words about its ports are looked for.
    const isExpected = (line: string): boolean =>
      /XRun|Process error$|caught signal|[Ww]ait error|^no message buffer overruns$/.test(line) ||
      (reason === 'failed' && !/[Pp]orts?\b|[Cc]onnect(?!ion reset by peer)/.test(line));
    const said = log.slice(began + 1).filter((line) => !isExpected(line));
    assert.ok(began >= 0);
    assert.deepEqual(said, []);
  });

test('a server that stands still while the last frames leave: the player says so and ends', { skip }, async () => {
  server = JackServer.start('clearway-test', period);
  Object.assign(process.env, server.env);
  const frames = 24_000;
  const player = new Player({ files: [folder.wave('last.wav', frames).path], device: 'jack' });
  player.start();
  await once(player, 'playing');
  // All are with the sink then: it has room for four periods.
  while ((player.position()?.frame ?? 0) < frames - 3 * period) await pause(2);
  server.freeze();
  const { reason, failure } = await player.ended;
  assert.equal(reason, 'failed');
  assert.match(failure!.message, /does not answer: its server is gone/);
});

test('a server is found, and none is found where none runs', { skip }, async () => {
  server = JackServer.start('clearway-test', period);
  const ask = async (env: NodeJS.ProcessEnv): Promise<string> => {
    const module = new URL('../../src/audio/sinks/jack-connect.js', import.meta.url).href;
    const code = `const { findJackServer } = await import(${JSON.stringify(module)}); console.log(JSON.stringify(findJackServer() ?? null));`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let text = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
    await once(child, 'close');
    return text.trim();
  };
  assert.equal(await ask(server!.env), JSON.stringify({ rate: 48_000, periodFrames: period }));
  assert.equal(
    await ask({ ...server!.env, JACK_DEFAULT_SERVER: 'clearway-absent' }),
    'null',
    'and it is silent about it',
  );
});
