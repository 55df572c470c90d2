// The measurements of `clearway calibrate` that need no server: system call, copy, sends and sendfile over loopback TCP, datagrams, wake-up,
// the notification of SEND_ZC. Each function gives one round's figure; calibrate.ts repeats, takes lower quartiles and stores.

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { IORING_OP } from '../kernel/constants.js';
import {
  acceptNonBlocking,
  closeDescriptor,
  isNonBlocking,
  listenTcp,
  localAddress,
  receive,
  send,
  sendFile,
  setNonBlocking,
} from '../kernel/socket.js';
import { udpPair, unixStreamPair } from '../kernel/socket-pair.js';
import { setWord64 } from '../kernel/words.js';
import { CopyReason, copyBytes } from '../memory/copy.js';
import { Region } from '../memory/region.js';
import { coded } from '../text/coded.js';
import { UringRing } from '../uring/ring.js';

/** Processor time this process has used, in nanoseconds: user and system. */
function processorNowNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1000;
}

/** Processor nanoseconds of one call of `work`, called until about `forMs` of them are used. */
export function costOf(work: () => void, forMs: number): number {
  let calls = 0;
  const start = processorNowNs();
  let used = 0;
  while (used < forMs * 1e6) {
    for (let index = 0; index < 16; index += 1) work();
    calls += 16;
    used = processorNowNs() - start;
  }
  return used / calls;
}

/** One cheap system call (fcntl) with the way into it. */
export function measureCall(): number {
  const [left, right] = unixStreamPair();
  const cost = costOf(() => {
    for (let index = 0; index < 64; index += 1) isNonBlocking(left);
  }, 30);
  closeDescriptor(left);
  closeDescriptor(right);
  return cost / 64;
}

/** Nanoseconds a byte of a copy: `hot` within 64 KiB that stay in the cache, `cold` over 64 MiB that do not. */
export function measureCopy(kind: 'hot' | 'cold'): number {
  const step = 64 * 1024;
  const span = kind === 'hot' ? step : 64 * 1024 * 1024;
  const region = new Region(2 * span);
  region.bytes.fill(1);
  let at = 0;
  const cost = costOf(() => {
    copyBytes(CopyReason.application, region.bytes, span + at, region.bytes, at, step);
    at = (at + step) % span;
  }, 40);
  region.unmap();
  return cost / step;
}

/** A connection over loopback whose other end is a process that throws everything away. */
export class Sink {
  readonly fd: number;
  readonly #listener: number;
  readonly #child: ChildProcess;

  private constructor(fd: number, listener: number, child: ChildProcess) {
    this.fd = fd;
    this.#listener = listener;
    this.#child = child;
  }

  /** Listens on a free port of 127.0.0.1 and starts the process that connects. @throws Error when it has not within 10 s. */
  static async open(): Promise<Sink> {
    const listener = listenTcp({ host: '127.0.0.1', port: 0, nonBlocking: true });
    const program = fileURLToPath(new URL('./sink.js', import.meta.url));
    const child = spawn(process.execPath, [program, String(localAddress(listener).port)], { stdio: 'ignore' });
    for (let tries = 0; tries < 1000; tries += 1) {
      const fd = acceptNonBlocking(listener);
      if (fd >= 0) {
        setNonBlocking(fd, false);
        return new Sink(fd, listener, child);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    child.kill();
    closeDescriptor(listener);
    throw coded(
      'CLEARWAY_CALIBRATE',
      new Error('the receiving process of the calibration did not connect within 10 s'),
    );
  }

  /** Closes both sockets and ends the process. */
  close(): void {
    closeDescriptor(this.fd);
    closeDescriptor(this.#listener);
    this.#child.kill();
  }
}

/** Memory and a cached file of the same bytes to send from. */
export class Payload {
  readonly region: Region;
  readonly file: number;
  readonly #folder: string;

  constructor(readonly bytes: number) {
    this.region = new Region(bytes);
    this.region.bytes.fill(7);
    this.#folder = mkdtempSync(join(tmpdir(), 'clearway-calibrate-'));
    this.file = openSync(join(this.#folder, 'payload'), 'w+');
    for (let at = 0; at < bytes; ) at += writeSync(this.file, this.region.bytes, at, Math.min(1 << 20, bytes - at), at);
  }

  /** Removes the file and gives the memory back. */
  close(): void {
    closeSync(this.file);
    rmSync(this.#folder, { recursive: true });
    this.region.unmap();
  }
}

/** Processor nanoseconds of sending `bytes` once, copied or by sendfile. Loopback's softirq runs within the call and is part of it. */
export function measureSend(sink: Sink, payload: Payload, way: 'gather' | 'sendfile', bytes: number): number {
  let at = 0;
  const once = (): void => {
    let done = 0;
    while (done < bytes) {
      const sent =
        way === 'gather'
          ? send(sink.fd, payload.region.address + at + done, bytes - done, 0)
          : sendFile(sink.fd, payload.file, at + done, bytes - done);
      if (sent <= 0) throw coded('CLEARWAY_CALIBRATE', new Error(`a send of the calibration failed: ${sent}`));
      done += sent;
    }
    at = at + 2 * bytes > payload.bytes ? 0 : at + bytes;
  };
  return costOf(once, bytes > 100_000 ? 60 : 40);
}

/** Nanoseconds of sending one datagram of 1400 bytes over loopback UDP. */
export function measureDatagram(): number {
  const [left, right] = udpPair();
  const region = new Region(4096);
  const burst = 32;
  let sending = 0;
  let count = 0;
  const until = process.hrtime.bigint() + 60_000_000n;
  while (process.hrtime.bigint() < until) {
    const start = processorNowNs();
    for (let index = 0; index < burst; index += 1) send(left, region.address, 1400, 0);
    sending += processorNowNs() - start;
    count += burst;
    while (receive(right, region.address, 4096) > 0);
  }
  region.unmap();
  closeDescriptor(left);
  closeDescriptor(right);
  return sending / count;
}

/** Nanoseconds from a wake-up to the woken thread running: half of a round trip between two threads on a futex. */
export async function measureWake(): Promise<number> {
  const memory: SharedArrayBuffer = new SharedArrayBuffer(8);
  const shared = new Int32Array(memory, 0, 2);
  const rounds = 2000;
  const code = `const { workerData: s } = require('node:worker_threads');
    for (let i = 0; i < ${rounds}; i += 1) { Atomics.wait(s, 0, i); Atomics.store(s, 1, i + 1); Atomics.notify(s, 1); }`;
  const worker = new Worker(code, { eval: true, workerData: shared });
  await new Promise((resolve) => worker.once('online', resolve));
  const start = process.hrtime.bigint();
  for (let index = 0; index < rounds; index += 1) {
    Atomics.store(shared, 0, index + 1);
    Atomics.notify(shared, 0);
    Atomics.wait(shared, 1, index, 1000);
  }
  const elapsed = Number(process.hrtime.bigint() - start);
  await worker.terminate();
  return elapsed / rounds / 2;
}

/** Nanoseconds that SEND_ZC costs more than SEND for 64 bytes on a ring: slot, second completion. Undefined where io_uring is refused. */
export function measureNotification(): number | undefined {
  let ring: UringRing;
  try {
    ring = new UringRing(64, 256);
  } catch {
    return undefined;
  }
  const [left, right] = udpPair();
  const region = new Region(4096);
  const burst = 32;
  const run = (opcode: number): number => {
    let count = 0;
    const cost = costOf(() => {
      for (let index = 0; index < burst; index += 1) {
        const at = ring.next();
        ring.words[at] = opcode;
        ring.words[at + 1] = left;
        setWord64(ring.words, at + 4, region.address);
        ring.words[at + 6] = 64;
        ring.words[at + 7] = 0;
        ring.words[at + 8] = 0;
        ring.words[at + 9] = 0;
      }
      let wanted = opcode === IORING_OP.SEND_ZC ? 2 * burst : burst;
      for (let tries = 0; wanted > 0 && tries < 100; tries += 1) {
        ring.submit(true, 100);
        const ready = ring.completionRing.available();
        ring.completionRing.head = (ring.completionRing.head + ready) | 0;
        ring.completionRing.release();
        wanted -= ready;
      }
      while (receive(right, region.address, 4096) > 0);
      count += 1;
    }, 40);
    return count > 0 ? cost / burst : 0;
  };
  try {
    return Math.max(0, run(IORING_OP.SEND_ZC) - run(IORING_OP.SEND));
  } finally {
    ring.close();
    region.unmap();
    closeDescriptor(left);
    closeDescriptor(right);
  }
}
