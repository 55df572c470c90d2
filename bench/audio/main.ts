// `npm run bench:audio`: how late the pump wakes beside the same loop in C (the clock is the system's, the sink `null`), how our player does beside others at a device that observes them all (the clock is the
// system's as well), and beside a client in C on one JACK server. What a card does is not measured. Not here: rows (pump-table.ts, jitter.ts, jack-table.ts), the load (load.ts).

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { waveHeader } from '../../src/audio/sinks/wave-header.js';
import { describeHost, hostFacts } from '../host/about.js';
import { wholeNumberOf } from '../options.js';
import { ObservedDevice, observedAbsence } from './device/observed.js';
import { type JackLoad, jackAbsence, jackLoads, jackTable } from './jack-table.js';
import { type JitterGroup, jitterTable } from './jitter.js';
import { playerSubjects } from './players.js';
import { pumpTable } from './pump-table.js';

const rate = 48_000;
const usual = { pumpSeconds: 30, playerSeconds: 5, jackSeconds: 60 };
const allParts = ['players', 'pump', 'jack'];
const text = { type: 'string' } as const;
const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    only: { ...text, default: allParts.join() },
    rounds: { ...text, default: '3' },
    seconds: text,
    frames: { ...text, default: '256,64' },
    rings: { ...text, default: '256:fifo,6000:plain' },
    idle: { type: 'boolean', default: false },
    load: text,
  },
});
const help = `Usage: npm run bench:audio -- [--only players,pump,jack] [--rounds N] [--seconds N] [--frames 256,64] [--rings 256:fifo,6000:plain] [--idle]
                                 [--load none|garbage|processors|all]

players   Clearway beside aplay, aplay -M, MPD and the Node library speaker, those that are here, at a device that notes every hand-over of frames:
          how late a free period is filled, and what was left in the ring. --rings: frames of a period (a ring is four), with real-time rights (fifo)
          or without (plain). ${usual.playerSeconds} s a run unless --seconds says otherwise; about 4 minutes.
pump      how late the pump wakes, in TypeScript and in C, with real-time rights where this user has them and without. --frames: of a period.
          ${usual.pumpSeconds} s a run unless --seconds says otherwise; about 13 minutes.
jack      how late our player wakes beside a client in C, both at once on a JACK server without a card, with real-time rights. The first of --frames: of a cycle.
          ${usual.jackSeconds} s unless --seconds says otherwise; one round.
--idle    without a load
--load    of jack, each with what is before it: garbage that the player's main process collects without end, a busy loop on each processor,
          a disk read past the page cache (all)
`;

function makeFile(path: string, seconds: number): void {
  const format = { sample: 'S16_LE', rate, channels: 2, channelMask: 3, validBits: 16 } as const;
  const payload = new Uint8Array(rate * 4 * seconds);
  for (let index = 0; index < payload.length; index++) payload[index] = index * 31;
  writeFileSync(path, waveHeader(format, payload.length, false));
  writeFileSync(path, payload, { flag: 'a' });
}

function groupsOf(rings: string): JitterGroup[] {
  return rings.split(',').map((each) => {
    const [frames = '', rights] = each.split(':');
    if (rights !== 'fifo' && rights !== 'plain')
      throw new Error(`--rings has FRAMES:fifo or FRAMES:plain, as in 256:fifo,6000:plain; not ${each}`);
    return { periodFrames: wholeNumberOf('rings', frames, 32, 24_000), isRealtime: rights === 'fifo' };
  });
}

async function players(folder: string, rounds: number, isIdle: boolean): Promise<string> {
  const absence = observedAbsence();
  if (absence !== undefined) return `Players were not measured beside one another: ${absence}.`;
  const seconds = wholeNumberOf('seconds', values.seconds ?? String(usual.playerSeconds), 1, 600);
  const groups = groupsOf(values.rings);
  const file = join(folder, 'players.wav');
  makeFile(file, seconds + 30);
  const device = new ObservedDevice(folder);
  try {
    const table = await jitterTable(playerSubjects, groups, { rate, rounds, seconds, isIdle, folder, file }, device);
    return `Players. Clock: CLOCK_MONOTONIC of the system, in an ALSA device that observes. ${rounds} rounds of ${seconds} s; medians of rounds.\n${table}`;
  } finally {
    device.remove();
  }
}

async function pump(folder: string, rounds: number, isIdle: boolean): Promise<string> {
  const seconds = wholeNumberOf('seconds', values.seconds ?? String(usual.pumpSeconds), 1, 600);
  const frames = values.frames.split(',').map((each) => wholeNumberOf('frames', each, 16, 1 << 20));
  const file = join(folder, 'pump.wav');
  makeFile(file, seconds + 10);
  const table = await pumpTable({ rate, frames, rounds, seconds, isIdle, folder, file });
  return `Pump. Clock: the system's, in the sink null. ${rounds} rounds of ${seconds} s; medians of rounds.\n\n${table}`;
}

async function jack(folder: string, load: JackLoad): Promise<string> {
  const absence = jackAbsence();
  if (absence !== undefined) return `JACK was not measured: ${absence}.`;
  const seconds = wholeNumberOf('seconds', values.seconds ?? String(usual.jackSeconds), 1, 3600);
  const frames = wholeNumberOf('frames', values.frames.split(',')[0]!, 16, 8192);
  const file = join(folder, 'jack.wav');
  makeFile(file, seconds + 10);
  const table = await jackTable({ rate, frames, seconds, load, folder, file });
  return `JACK. Clock: the server's (dummy driver, ${rate / 1000} kHz, ${frames} frames a cycle). Load: ${load}. ${seconds} s, both at once.\n\n${table}`;
}

async function main(): Promise<void> {
  if (values.help) return void process.stdout.write(help);
  const rounds = wholeNumberOf('rounds', values.rounds, 1, 100);
  const parts = values.only.split(',');
  const unknown = parts.find((part) => !allParts.includes(part));
  if (unknown !== undefined) throw new Error(`--only has ${allParts.join(', ')}, not ${unknown}`);
  const jackLoad = jackLoads.find((each) => each === (values.load ?? (values.idle ? 'none' : 'all')));
  if (jackLoad === undefined) throw new Error(`--load is one of ${jackLoads.join(', ')}; not ${values.load}`);
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bench-audio-'));
  try {
    const host = describeHost({ ...hostFacts(), placement: 'not pinned' });
    const load = values.idle
      ? 'none'
      : 'a busy loop on each processor, garbage collected without end, a disk read past the page cache';
    process.stdout.write(`${host}\nLoad, where nothing else is said: ${load}.\n`);
    if (parts.includes('players')) process.stdout.write(`\n${await players(folder, rounds, values.idle)}\n`);
    if (parts.includes('pump')) process.stdout.write(`\n${await pump(folder, rounds, values.idle)}\n`);
    if (parts.includes('jack')) process.stdout.write(`\n${await jack(folder, jackLoad)}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
  process.exitCode = 1;
}
