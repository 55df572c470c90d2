// Back ends of block devices for tests: `clearway disk` and qemu-storage-daemon, a process each, over an image of a folder of their own. Not here: who
// asks them (vhost/front-end/).

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { daemonAbsence, daemonCommand, isListening } from '../../bench/virtio/back-ends.js';
import { program } from './program.js';
import { until } from './until.js';

/** Who serves a disk. */
export type BackEnd = 'clearway' | 'qemu-storage-daemon';
/** All of them. */
export const backEnds: readonly BackEnd[] = ['clearway', 'qemu-storage-daemon'];

/** Why a back end cannot be tried here, for `skip`; false where it can. */
export function backEndAbsence(backEnd: BackEnd): string | false {
  if (backEnd === 'clearway') return false;
  return daemonAbsence() ?? false;
}

/** An image, and whoever serves it: one process after the other. */
export class TestDisk {
  readonly image: string;
  readonly socket: string;
  readonly bytes: Buffer;
  readonly #backEnd: BackEnd;
  readonly #queues: number;
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'clearway-disks-'));
  #child: ChildProcess | undefined;
  #said = '';

  /** @param byteLength of the image, which has words that tell where they are. */
  constructor(backEnd: BackEnd, byteLength: number, queues = 2) {
    this.#backEnd = backEnd;
    this.#queues = queues;
    this.image = join(this.#folder, 'disk.raw');
    this.socket = join(this.#folder, 'disk.sock');
    this.bytes = Buffer.alloc(byteLength);
    for (let at = 0; at < byteLength; at += 4) this.bytes.writeUInt32LE((at * 2654435761) % 2 ** 32, at);
    writeFileSync(this.image, this.bytes);
    after(() => this.remove());
  }

  /** Starts the back end. */
  async start(): Promise<void> {
    rmSync(this.socket, { force: true });
    const [command, ...words] =
      this.#backEnd === 'clearway'
        ? [process.execPath, program, 'disk', this.image, '--socket', this.socket, '--queues', `${this.#queues}`]
        : daemonCommand(this.image, this.socket, 'threads', this.#queues);
    const child = spawn(command!, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    for (const stream of [child.stdout, child.stderr]) stream!.on('data', (text) => (this.#said += text));
    this.#child = child;
    await until(`${this.#backEnd} listens: ${this.#said}`, () => isListening(this.socket) || child.exitCode !== null);
  }

  /** Ends the back end as it stands. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  /** What it said so far. */
  get said(): string {
    return this.#said;
  }

  /** Ends it and takes everything away. */
  remove(): void {
    this.#child?.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
