// Runs inside a guest (sound.machine.ts): plays to the guest's cards, by the sink of the kernel's interface with a plain loop in the pump's place and by the whole player, and
// prints what came of it, a line of JSON for each task. Times mean nothing under emulation; bits, states and refusals do.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { soundCards } from '../../src/alsa/cards.js';
import { listDevices } from '../../src/audio/devices.js';
import { Player, type PlayerOptions } from '../../src/audio/player.js';
import { PumpClock } from '../../src/audio/pump/clock.js';
import { KernelAlsaSink } from '../../src/audio/sinks/alsa-kernel.js';
import { type SinkOpening, type SinkSettings, SinkState } from '../../src/audio/sinks/sink.js';
import { readAt } from '../../src/kernel/file.js';
import { hostSoundCalls } from '../../src/kernel/sound.js';
import type { PcmFormat } from '../../src/wire/pcm/format.js';
import { soundFrames, soundPattern } from './sound-pattern.js';

const stereo: PcmFormat = { sample: 'S16_LE', rate: 48_000, channels: 2, channelMask: 3, validBits: 16 };
const frameBytes = 4;
const clock = new PumpClock();

/** The number of a card whose driver's name has these words. */
function cardOf(words: string): number {
  const cards = soundCards(hostSoundCalls);
  const found = cards.find(({ driver, name }) => `${driver} ${name}`.includes(words));
  if (found === undefined)
    throw new Error(`no card ${words} among ${cards.map(({ driver, name }) => `${driver}: ${name}`).join(', ')}`);
  return found.card;
}

const sleep = (ms: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
};

const ring: SinkSettings = { bufferMs: 340, convert: false, direct: false };
const sinkOf = (card: number): KernelAlsaSink => new KernelAlsaSink(clock, { card, device: 0, subdevice: undefined });

/** What became of a play. */
interface Played {
  readonly opening: SinkOpening;
  readonly xruns: readonly { readonly gapMs: number }[];
  /** Frames that the sink says have left. */
  readonly left: number;
  readonly end: 'played' | 'gone' | 'stuck';
  readonly trouble: string;
  readonly tookMs: number;
}

/** A guest that the host gives no time runs dry, or is late, by itself: what is not as it is to be is tried again, so often. */
const mostAttempts = 4;

/** Tries until it is as it is to be; gives what was tried last. */
async function attempt<T>(work: () => T | Promise<T>, isRight: (result: T) => boolean): Promise<T> {
  let result = await work();
  for (let tried = 1; tried < mostAttempts && !isRight(result); tried++) result = await work();
  return result;
}

/** How frames get into the area; the default copies them from memory. */
type Put = (sink: KernelAlsaSink, frame: number, frames: number) => void;

interface PlayOptions {
  readonly settings?: SinkSettings;
  readonly put?: Put;
  readonly rehearse?: boolean;
  /** Frames are put in whole multiples of so many. */
  readonly unit?: number;
  /** Called once a turn; it may stall. */
  readonly turn?: (turns: number) => void;
}

function copyFrom(bytes: Uint8Array): Put {
  return (sink, frame, frames) => {
    new Uint8Array(sink.memory.buffer).set(
      bytes.subarray(frame * frameBytes, (frame + frames) * frameBytes),
      sink.areaOffset,
    );
  };
}

/** Plays `total` frames, as a pump would: an xrun goes on with the next frame, silence follows the last one until that has left for certain. */
function play(card: number, total: number, options: PlayOptions = {}): Played {
  const { settings = ring, put = copyFrom(soundPattern()), rehearse = false, unit = 1, turn } = options;
  const sink = sinkOf(card);
  const started = Date.now();
  try {
    const opening = sink.open(stereo, settings);
    if (rehearse) {
      sink.rehearse(true);
      for (let turns = 0; turns < 2000; turns++) {
        sink.update();
        sink.commit(sink.area(sink.room));
      }
      sink.rehearse(false);
    }
    let next = 0;
    let padded = 0;
    const fill = (): void => {
      while (next < total && sink.room > 0) {
        const wanted = Math.min(sink.room, total - next);
        if (wanted < unit) return;
        const frames = sink.area(wanted - (wanted % unit));
        put(sink, next, frames);
        if (sink.commit(frames) < 0) return;
        next += frames;
      }
      while (next === total && sink.room > 0) {
        const frames = sink.area(sink.room);
        new Uint8Array(sink.memory.buffer).fill(0, sink.areaOffset, sink.areaOffset + frames * frameBytes);
        if (sink.commit(frames) < 0) return;
        padded += frames;
      }
    };
    const xruns: { gapMs: number }[] = [];
    let isStarted = false;
    let end: Played['end'] = 'stuck';
    for (let turns = 0; Date.now() - started < 120_000; turns++) {
      clock.read();
      const state = sink.update();
      if (state === SinkState.gone) {
        end = 'gone';
        break;
      }
      if (padded > 0 && sink.queued + opening.periodFrames <= padded) {
        end = sink.drop() === 0 ? 'played' : 'stuck';
        break;
      }
      if (state === SinkState.xrun) {
        xruns.push({ gapMs: Math.round(sink.xrun[0]! / 1e6) });
        sink.prepare();
        isStarted = false;
      }
      fill();
      if (!isStarted) isStarted = sink.start() === 0;
      turn?.(turns);
      sleep(20);
    }
    const trouble = end === 'gone' ? sink.trouble() : '';
    return {
      opening,
      xruns,
      left: Math.min(total, next + padded - sink.queued),
      end,
      trouble,
      tookMs: Date.now() - started,
    };
  } finally {
    sink.close();
  }
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** What was heard at the loop's other end. */
interface Recorded<T> {
  readonly played: T;
  readonly heard: string;
  readonly wanted: string;
  readonly missing: number;
  /** Nothing but silence behind it. */
  readonly isSilent: boolean;
}

function openingError(card: number, format = stereo): string {
  const sink = sinkOf(card);
  try {
    sink.open(format, ring);
    return '';
  } catch (error) {
    return (error as Error).message;
  } finally {
    sink.close();
  }
}

/** A device that another program plays to. */
function busy(): { message: string; list: unknown } {
  const card = cardOf('HDA');
  const other = spawn('aplay', ['-q', '-D', `hw:${card},0`, '-f', 'S16_LE', '-r', '48000', '-c', '2', '/dev/zero'], {
    stdio: 'ignore',
  });
  try {
    let message = '';
    for (let attempt = 0; attempt < 100 && message === ''; attempt++) {
      sleep(200);
      message = openingError(card);
    }
    return {
      message: message.replace(`${other.pid}`, 'PID'),
      list: listDevices().cards.find((each) => each.card === card),
    };
  } finally {
    other.kill('SIGKILL');
  }
}

/** Reads from a disk past the page cache straight into the ring. */
function putDirect(fd: number): Put {
  return (sink, frame, frames) => {
    const bytes = frames * frameBytes;
    const result = readAt(fd, sink.memory.address + sink.areaOffset, bytes, frame * frameBytes);
    if (result !== bytes) throw new Error(`a direct read of ${bytes} bytes gave ${result}`);
  };
}

async function direct(): Promise<Recorded<Played>> {
  const fd = openSync('/dev/vda', constants.O_RDONLY | constants.O_DIRECT);
  try {
    // Whole blocks: a ring and periods of them, and as many frames as fill them.
    const settings = { ...ring, periodFrames: 2048, direct: true };
    const frames = Math.floor(soundFrames / 8192) * 8192;
    return await record(frames, (card) => play(card, frames, { settings, put: putDirect(fd), unit: 512 / frameBytes }));
  } finally {
    closeSync(fd);
  }
}

/** Two files whose frames join to the pattern, the first of an odd length. */
function album(): string[] {
  const bytes = soundPattern();
  return [0, 50_001].map((first, index, all) => {
    const body = bytes.subarray(first * frameBytes, (all[index + 1] ?? soundFrames) * frameBytes);
    const head = Buffer.alloc(44);
    head.write('RIFF', 0, 'latin1');
    head.writeUInt32LE(36 + body.length, 4);
    head.write('WAVEfmt ', 8, 'latin1');
    head.writeUInt32LE(16, 16);
    for (const [at, value] of [1, 2].entries()) head.writeUInt16LE(value, 20 + at * 2);
    head.writeUInt32LE(48_000, 24);
    head.writeUInt32LE(48_000 * frameBytes, 28);
    head.writeUInt16LE(frameBytes, 32);
    head.writeUInt16LE(16, 34);
    head.write('data', 36, 'latin1');
    head.writeUInt32LE(body.length, 40);
    const path = `/tmp/${index}.wav`;
    writeFileSync(path, Buffer.concat([head, body]));
    return path;
  });
}

/** What became of files that the player played. */
interface PlayedFiles {
  readonly reason: string;
  readonly failure: string;
  readonly tracks: number;
  readonly xruns: readonly unknown[];
  readonly opening: SinkOpening | undefined;
}

/**
 * Plays the two files by the product's player, its feeder and its pump's process. Not real-time: an emulated processor computes some turns for longer than
 * the pump allows itself (RLIMIT_RTTIME).
 */
async function playFiles(
  card: number,
  options: Partial<PlayerOptions> = {},
  playing = (): void => {},
): Promise<PlayedFiles> {
  const player = new Player({ files: album(), device: `hw:${card},0`, bufferMs: 500, realtime: false, ...options });
  player.once('playing', playing);
  player.start();
  const { reason, failure } = await player.ended;
  const { tracks, xruns, opening } = player;
  return { reason, failure: failure?.message ?? '', tracks: tracks.length, xruns, opening };
}

/** Has arecord listen at the loop's other end while something plays. Returns what was heard, from the first frame that is not silence on. */
async function record<T>(total: number, work: (card: number) => T | Promise<T>): Promise<Recorded<T>> {
  const card = cardOf('Loopback');
  const file = '/tmp/heard.raw';
  const args = [
    '-q',
    '-D',
    `hw:${card},1`,
    '-f',
    'S16_LE',
    '-r',
    '48000',
    '-c',
    '2',
    '-t',
    'raw',
    '-B',
    '4000000',
    file,
  ];
  const recorder = spawn('arecord', args, { stdio: 'ignore' });
  const ended = new Promise((resolve) => recorder.on('close', resolve));
  sleep(1500);
  const played = await work(card);
  // Until it has written what was played; it hears silence behind that.
  await new Promise((resolve) => setTimeout(resolve, 1500));
  recorder.kill('SIGINT');
  await ended;
  const all = readFileSync(file);
  const first = Math.floor(all.findIndex((byte) => byte !== 0) / frameBytes) * frameBytes;
  const heard = all.subarray(first, first + total * frameBytes);
  const wanted = soundPattern().subarray(0, total * frameBytes);
  const isSilent = all.subarray(first + heard.length).every((byte) => byte === 0);
  return { played, heard: digest(heard), wanted: digest(wanted), missing: wanted.length - heard.length, isSilent };
}

/** Unplugs the card's USB device while it plays. */
async function unplug(): Promise<PlayedFiles> {
  const card = cardOf('USB');
  let device = realpathSync(`/sys/class/sound/card${card}/device`);
  while (!existsSync(`${device}/authorized`)) device = device.slice(0, device.lastIndexOf('/'));
  const result = await playFiles(card, {}, () => {
    setTimeout(() => writeFileSync(`${device}/authorized`, '0'), 500);
  });
  writeFileSync(`${device}/authorized`, '1');
  return result;
}

const isHeard = (result: Recorded<{ readonly xruns: readonly unknown[] }>): boolean =>
  result.played.xruns.length === 0 && result.heard === result.wanted;
const isPlayed = ({ xruns, end }: Played): boolean => xruns.length === 0 && end === 'played';
const arePlayed = ({ xruns, reason }: PlayedFiles): boolean => xruns.length === 0 && reason === 'played';

const tasks: Record<string, () => unknown> = {
  devices: () => listDevices(),
  dummy: () => attempt(() => play(cardOf('Dummy'), soundFrames, { rehearse: true }), isPlayed),
  stall: () =>
    attempt(
      () =>
        play(cardOf('Dummy'), soundFrames, {
          settings: { ...ring, periodFrames: 2048 },
          turn: (turns) => {
            if (turns === 10) sleep(400);
          },
        }),
      ({ xruns }) => xruns.length === 1,
    ),
  hda: () =>
    attempt(() => play(cardOf('HDA'), soundFrames, { settings: { ...ring, direct: true }, rehearse: true }), isPlayed),
  loop: () => attempt(() => record(soundFrames, (card) => play(card, soundFrames)), isHeard),
  album: () => attempt(() => record(soundFrames, (card) => playFiles(card)), isHeard),
  hdaAlbum: () => attempt(() => playFiles(cardOf('HDA')), arePlayed),
  stopped: () =>
    attempt(
      () => playFiles(cardOf('Dummy'), { bufferMs: 170, inject: { stop: { ms: 400, atMs: 500 } } }),
      ({ xruns, reason }) => xruns.length === 1 && reason === 'played',
    ),
  direct: () => attempt(direct, isHeard),
  busy,
  refused: () => openingError(cardOf('HDA'), { ...stereo, sample: 'FLOAT64_LE', validBits: 64 }),
  missing: () => openingError(99),
  usb: () => attempt(() => play(cardOf('USB'), 48_000), isPlayed),
  unplug: () => attempt(unplug, ({ failure }) => failure.includes('went away')),
};

async function main(): Promise<void> {
  for (const name of process.argv.slice(2)) {
    let result: unknown;
    try {
      result = await tasks[name]!();
    } catch (error) {
      result = { failed: (error as Error).stack };
    }
    process.stdout.write(`@@${JSON.stringify({ name, result })}\n`);
  }
}

if (readdirSync('/dev/snd').length > 0) await main();
else process.stdout.write(`no card: ${spawnSync('dmesg', { encoding: 'utf8' }).stdout}\n`);
