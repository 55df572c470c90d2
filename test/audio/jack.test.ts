// The JACK sink against a real server without a sound card (jackd -d dummy): what another client receives is what was committed, bit for bit; cycles that go by without
// us are counted as the server counts them.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { SampleFormat } from '../../src/wire/pcm/format.js';
import { jackTestFloat } from '../support/jack-samples.js';
import { JackServer, jackSkip } from './jack-server.js';

const skip = jackSkip();
const period = 1024;
const channels = 2;
const folder = mkdtempSync(join(tmpdir(), 'clearway-jack-'));
let server: JackServer | undefined;
const children: ChildProcess[] = [];

after(() => rmSync(folder, { recursive: true, force: true }));
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
  server = JackServer.start('clearway-test', period, true);
  // Not whole periods, so that the end is within one.
  const frames = 12_000 + 77;
  const sample = 'S24_3LE';
  const path = join(folder, 'captured.raw');
  const capture = start('jack-capture.js', [path, String(frames), String(channels)]);
  const ended = once(capture.child, 'close');
  const said = await play(sample, frames, 0, 'wait');
  assert.equal((await ended)[0], 0);
  assert.equal(said.committed, frames);
  const { periodFrames, clock, path: way, copies } = said.opening;
  assert.deepEqual([periodFrames, clock, way, copies], [period, 'server', 'through', 1]);
  const bytes = readFileSync(path);
  const got = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  assert.equal(got.length, frames * channels, capture.text());
  for (let index = 0; index < got.length; index++) {
    const expected = jackTestFloat(sample, index);
    if (got[index] !== expected) assert.fail(`sample ${index} is ${got[index]}, not ${expected}: ${capture.text()}`);
  }
});

test('ports are joined from outside; cycles that go by without us are counted, in frames', { skip }, async () => {
  server = JackServer.start('clearway-test', period);
  const { xruns, joined } = await play('S16_LE', 12_000, 60, 'join');
  assert.deepEqual(joined, ['system:playback_1', 'system:playback_2']);
  const lost = xruns.reduce((total, each) => total + each, 0);
  assert.ok(xruns.length >= 1 && lost >= period, `60 ms are more than a period of ${period}: ${xruns}`);
  assert.equal(lost % period, 0, 'whole cycles');
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
