// The programs that are measured at the observing device, each started so that it plays one long file until it is ended: ours, aplay by read-write and by mmap, MPD, and the Node library `speaker`.
// Not here: the device (device/), rounds and rows (jitter.ts).

import type { ChildProcess } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onPath, startPinned } from '../host/child.js';
import { repositoryRoot } from '../servers/peer.js';

/** What a program is asked for. */
export interface Playing {
  readonly folder: string;
  readonly file: string;
  readonly device: string;
  readonly periodFrames: number;
  /** SCHED_FIFO: asked for by those who can, given by chrt to others. Without: nobody has the right to it. */
  readonly isRealtime: boolean;
  /** Collects garbage in its own main process, where it has one that does. */
  readonly garbage: boolean;
}

/** A program. */
export interface PlayerSubject {
  readonly name: string;
  /** Has a process that collects garbage. */
  readonly isNode: boolean;
  /** What is missing here; undefined: nothing. */
  absence(): string | undefined;
  /** Starts it, with the environment of this process. */
  start(playing: Playing): Promise<ChildProcess>;
}

/** Starts one, and keeps the end of what it complains. */
export async function startHeard(
  subject: PlayerSubject,
  playing: Playing,
): Promise<{ child: ChildProcess; said: () => string }> {
  const child = await subject.start(playing);
  let said = '';
  child.stdout?.resume();
  child.stderr?.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-400);
  });
  return { child, said: () => said.trim() };
}

const priority = '60';
const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
const speakerFolder = join(repositoryRoot, 'bench/peers/node_modules/speaker');
const missing = (program: string, of: string): string | undefined =>
  onPath(program) ? undefined : `no ${program} (Debian: apt-get install ${of})`;

/** The line that starts it: without rights where there are to be none, under chrt where it does not ask by itself. */
function lineOf(line: readonly string[], { isRealtime }: Playing, asksItself: boolean): string[] {
  if (!isRealtime) return ['setpriv', '--bounding-set=-sys_nice', 'prlimit', '--rtprio=0', '--nice=0', ...line];
  return asksItself ? [...line] : ['chrt', '-f', priority, ...line];
}

function startLine(line: readonly string[], playing: Playing, asksItself: boolean): ChildProcess {
  const [command, ...args] = lineOf(line, playing, asksItself);
  return startPinned({ cpus: undefined, niceness: 0 }, command!, args);
}

/** Ours. */
const ours: PlayerSubject = {
  name: 'Clearway',
  isNode: true,
  absence: () => undefined,
  start: (playing) => {
    const { file, device, periodFrames, garbage } = playing;
    const args = [file, device, String(periodFrames), garbage ? '1' : '0'];
    return Promise.resolve(startLine([process.execPath, here('our-player.js'), ...args], playing, true));
  },
};

const aplay = (name: string, ...options: string[]): PlayerSubject => ({
  name,
  isNode: false,
  absence: () => missing('aplay', 'alsa-utils'),
  start: (playing) =>
    Promise.resolve(startLine(['aplay', '-q', ...options, '-D', playing.device, playing.file], playing, false)),
});

/** Lines to MPD, each answered by OK before the next. @throws what it answers instead */
async function tellMpd(socketPath: string, commands: readonly string[]): Promise<void> {
  for (let tries = 0; !existsSync(socketPath); tries++) {
    if (tries > 100) throw new Error('mpd does not listen after 10 s');
    await sleep(100);
  }
  await new Promise<void>((resolve, reject) => {
    const socket = connect(socketPath);
    const left = [...commands];
    let said = '';
    socket.setTimeout(10_000, () => socket.destroy(new Error('mpd does not answer for 10 s')));
    socket.once('error', reject);
    socket.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (!said.endsWith('\n')) return;
      if (!said.startsWith('OK')) return void socket.destroy(new Error(`mpd: ${said.trim()}`));
      said = '';
      const next = left.shift();
      if (next !== undefined) return void socket.write(`${next}\n`);
      socket.end();
      resolve();
    });
  });
}

const mpd: PlayerSubject = {
  name: 'MPD',
  isNode: false,
  absence: () => missing('mpd', 'mpd'),
  start: async (playing) => {
    const { folder, file, device } = playing;
    const [socket, settings] = [join(folder, 'mpd.socket'), join(folder, 'mpd.conf')];
    const output = `audio_output {\ntype "alsa"\nname "observed"\ndevice "${device}"\nmixer_type "none"\n}`;
    writeFileSync(settings, `bind_to_address "${socket}"\nlog_file "${join(folder, 'mpd.log')}"\n${output}\n`);
    rmSync(socket, { force: true });
    const child = startLine(['mpd', '--no-daemon', settings], playing, true);
    await tellMpd(socket, [`add "file://${file}"`, 'play']);
    return child;
  },
};

/** @param collects whether its process collects garbage, as ours does; else a process of its own does, as beside programs that are not Node's */
const speaker = (collects: boolean): PlayerSubject => ({
  name: collects ? 'speaker (Node)' : 'speaker (Node), no garbage in it',
  isNode: collects,
  absence: () =>
    existsSync(join(speakerFolder, 'build/Release/binding.node'))
      ? undefined
      : 'no speaker (npm run bench:peers, which needs g++, make, python3 and libasound2-dev)',
  start: (playing) => {
    const { file, device, garbage } = playing;
    const line = [process.execPath, join(repositoryRoot, 'bench/peers/speaker.mjs')];
    return Promise.resolve(startLine([...line, file, device, collects && garbage ? '1' : '0'], playing, false));
  },
});

/** All of them; ours is the first. */
export const playerSubjects: readonly PlayerSubject[] = [
  ours,
  aplay('aplay'),
  aplay('aplay -M', '-M'),
  mpd,
  speaker(true),
  speaker(false),
];
