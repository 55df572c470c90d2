// Back ends of block devices that are compared: `clearway disk` on both engines and qemu-storage-daemon with both of its ways to a file, each a
// process of its own over an image of its own. Not here: who asks them (load.ts).

import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onPath, type Placing, startPinned, stopChild } from '../host/child.js';

/** Bytes of each image: all of it in the page cache. */
export const imageBytes: number = 64 * 1024 * 1024;

/** Whether a queue's ring is split or packed. */
export type Layout = 'split' | 'packed';

/** Who is measured. */
export interface Subject {
  readonly name: string;
  readonly layout: Layout;
  /** The command, given an image and the path of a socket. */
  command(image: string, socket: string, queues: number): readonly string[];
  /** Why it cannot run here. */
  absence(): string | undefined;
}

/** The command that serves a disk with qemu-storage-daemon. @param aio its way to the file */
export function daemonCommand(image: string, socket: string, aio: 'threads' | 'io_uring', queues: number): string[] {
  return [
    'qemu-storage-daemon',
    '--blockdev',
    `driver=file,node-name=file,filename=${image},discard=unmap,aio=${aio}`,
    '--blockdev',
    'driver=raw,node-name=disk,file=file,discard=unmap',
    '--export',
    `type=vhost-user-blk,id=export,node-name=disk,addr.type=unix,addr.path=${socket},writable=on,num-queues=${queues}`,
  ];
}

/** Why qemu-storage-daemon cannot run here. */
export function daemonAbsence(): string | undefined {
  return onPath('qemu-storage-daemon')
    ? undefined
    : 'there is no qemu-storage-daemon: apt-get install qemu-system-common';
}

function daemon(aio: 'threads' | 'io_uring'): Subject {
  const command = (image: string, socket: string, queues: number): string[] =>
    daemonCommand(image, socket, aio, queues);
  return { name: `qemu-storage-daemon, ${aio}`, layout: 'split', command, absence: daemonAbsence };
}

function disk(program: string, engine: 'epoll' | 'uring', layout: Layout): Subject {
  const command = (image: string, socket: string, queues: number): string[] => [
    ...[process.execPath, program, 'disk', image, '--socket', socket],
    ...['--engine', engine, '--queues', `${queues}`],
  ];
  const name = layout === 'packed' ? `clearway ${engine}, packed` : `clearway ${engine}`;
  return { name, layout, command, absence: () => undefined };
}

/** The name of the one that others are compared with. */
export const referenceName = 'qemu-storage-daemon, io_uring';

/** All of them. @param program the path of `clearway` */
export function subjectsOf(program: string): readonly Subject[] {
  return [
    disk(program, 'epoll', 'split'),
    disk(program, 'uring', 'split'),
    disk(program, 'uring', 'packed'),
    daemon('io_uring'),
    daemon('threads'),
  ];
}

/** Whether somebody listens at a path: its file alone is there before. Nobody is connected to for that. */
export function isListening(path: string): boolean {
  const lines = readFileSync('/proc/net/unix', 'latin1').split('\n');
  // The flag of a socket that accepts (__SO_ACCEPTCON).
  return lines.some((line) => line.endsWith(` ${path}`) && line.includes(' 00010000 '));
}

/** One that runs. */
export interface RunningSubject {
  readonly name: string;
  readonly layout: Layout;
  readonly socket: string;
  readonly pid: number;
}

/** Starts one. @throws with what it said when it does not come to listen */
export async function startSubject(
  subject: Subject,
  folder: string,
  placing: Placing,
  queues = 1,
): Promise<RunningSubject & { stop(): Promise<void> }> {
  const base = join(folder, subject.name.replaceAll(/\W+/g, '-'));
  const [image, socket] = [`${base}.raw`, `${base}.sock`];
  writeFileSync(image, Buffer.alloc(imageBytes, 0x5a));
  const [command, ...args] = subject.command(image, socket, queues);
  const child: ChildProcess = startPinned(placing, command!, args);
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
  for (let tries = 0; !isListening(socket); tries++) {
    if (tries === 500 || child.exitCode !== null) {
      await stopChild(child);
      throw new Error(`${subject.name} does not listen: ${said.slice(-500)}`);
    }
    await sleep(20);
  }
  return { name: subject.name, layout: subject.layout, socket, pid: child.pid!, stop: () => stopChild(child) };
}
