// Disks of tests: `clearway disk` as a process of its own over a fresh image, and requests of one. For tests alone.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { program } from './program.js';
import { until } from './until.js';
import type { FrontEnd } from './vhost-front-end.js';

const folder = mkdtempSync(join(tmpdir(), 'clearway-disk-'));
const running = new Set<ChildProcess>();
after(() => {
  for (const child of running) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

/** Bytes of an image. */
export const diskBytes = 4 * 1024 * 1024;
let disks = 0;

/** A disk that runs. */
export interface Disk {
  readonly child: ChildProcess;
  readonly image: string;
  readonly socket: string;
  said(): string;
  readonly ended: Promise<number | string>;
}

/** Makes an image of bytes that tell where they are, and a disk of it. */
export async function startDisk(engine: string, ...options: readonly string[]): Promise<Disk> {
  const { image, socket } = makeImage();
  return runDisk(image, socket, ['--engine', engine, ...options]);
}

/** Makes an image of bytes that tell where they are, and names a socket. */
export function makeImage(): { readonly image: string; readonly socket: string } {
  const image = join(folder, `disk${++disks}.raw`);
  const content = Buffer.alloc(diskBytes);
  for (let at = 0; at < diskBytes; at += 4) content.writeUInt32LE((at * 2654435761) % 2 ** 32, at);
  writeFileSync(image, content);
  return { image, socket: join(folder, `disk${disks}.sock`) };
}

/** Runs a disk of an image that is there. */
export async function runDisk(image: string, socket: string, options: readonly string[]): Promise<Disk> {
  const disk = spawnDisk({ image, socket }, ['--socket', socket, ...options]);
  await until(
    `the socket is there: ${disk.said()}`,
    () => existsSync(socket) && disk.said().includes('vhost-user-blk-pci'),
  );
  return disk;
}

/** Runs the command. @param fds descriptors that it gets, from 3 on */
export function spawnDisk(
  { image, socket }: { readonly image: string; readonly socket: string },
  options: readonly string[],
  fds: readonly number[] = [],
): Disk {
  const child = spawn(process.execPath, [program, 'disk', image, ...options], {
    stdio: ['ignore', 'pipe', 'pipe', ...fds],
    // Of no terminal: SIGHUP is the operator's.
    detached: true,
  });
  running.add(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream!.on('data', (text) => (output += text));
  const ended = new Promise<number | string>((resolve) =>
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve(code ?? signal!);
    }),
  );
  return { child, image, socket, said: () => output, ended };
}

/** Descriptors that a process has open. */
export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Mappings that a process has of memory that others passed it (memfd). */
export function sharedMappingsOf(pid: number): number {
  return readFileSync(`/proc/${pid}/maps`, 'utf8').match(/memfd:/g)?.length ?? 0;
}

/** Sends a request: its type, sector, data from or into the guest's memory. Returns status, bytes that the device says it wrote. */
export async function ask(
  guest: FrontEnd,
  {
    type,
    sector,
    write,
    room = 0,
    queue = 0,
  }: { type: number; sector: bigint; write?: Uint8Array; room?: number; queue?: number },
): Promise<{ status: number; written: number; data: Uint8Array }> {
  const place = guest.take(8192 + (write?.length ?? 0) + room);
  const { bytes, data } = guest.memory;
  data.setUint32(place, type, true);
  data.setBigUint64(place + 8, sector, true);
  const from = place + 4096;
  if (write !== undefined) bytes.set(write, from);
  bytes[place + 16] = 0xaa;
  const readable = [{ address: guest.guest(place), length: 16 }];
  if (write !== undefined && write.length > 0) readable.push({ address: guest.guest(from), length: write.length });
  const writable = room > 0 ? [{ address: guest.guest(from), length: room }] : [];
  writable.push({ address: guest.guest(place + 16), length: 1 });
  assert.ok(guest.queues[queue]!.driver.add(readable, writable) >= 0);
  guest.publish(queue);
  await guest.back(queue);
  return {
    status: bytes[place + 16]!,
    written: guest.queues[queue]!.driver.written,
    data: bytes.slice(from, from + room),
  };
}

/** Times that each thread of a process went to sleep. */
export function sleepsOf(pid: number): Record<string, number> {
  const tasks = `/proc/${pid}/task`;
  return Object.fromEntries(
    readdirSync(tasks).map((task) => {
      const status = readFileSync(`${tasks}/${task}/status`, 'utf8');
      return [task, Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)![1])];
    }),
  );
}
