// What a round trip over the rings costs: a client in this thread, which is the guest's device as well, and a guest in another one that looks for work without rest; each has a processor
// of its own where there are two. No kernel, no socket, no wake-up between them; the client is TypeScript. Not here: the store over sockets (main.ts).

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Pieces } from '../../src/memory/domain.js';
import type { StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import { onPath } from '../host/child.js';
import { compile } from '../host/compile.js';
import { pinThread } from '../host/pin-thread.js';
import { allowedCpus } from '../host/proc.js';
import { quantile } from '../statistics.js';
import { buildLibrary, gccAbsence } from './gcc-module.js';
import { openRing, openRingModule, type RingGuest, type Turns } from './ring-guest.js';

/** What was measured: of single requests, of batches of them that are all asked at once, and of streams that each have one batch under way without end. */
export interface RingFigures {
  readonly p50Us: number;
  readonly p99Us: number;
  /** By the median of the batches. */
  readonly inBatches: number;
  /** By the median of windows. */
  readonly inFlow: number;
  /** Of the flow's time, what the guest's turns took in which it did something; undefined: a machine's are not seen. */
  readonly guestShare: number | undefined;
}

const memoryBytes = 128 * 1024 ** 2;
const streams = 50;
const pipeline = 16;
const replyBytes = 39;
const firstPort = 2000;
/** Requests that the guest is shown at once, where there are more. */
const shown = 8;
/** Batches of a window of the flow: so few that most windows are over before a thread loses its processor. */
const window = 100;
/** How long to wait for one answer: on a machine that others use, a thread may have to wait for its turn. */
const mostMs = 5000;

class Client implements StreamOwner {
  device!: VsockDevice;
  bytes = 0;
  open = 0;
  /** What is asked again as soon as it was answered, and how many bytes of the answer each stream still waits for. */
  #again: Uint8Array | undefined;
  readonly #wanted = new Int32Array(streams);
  answered = 0;

  accepted(): void {
    this.open++;
  }

  refused(): void {}
  over(): void {}
  tookBytes(): number {
    return 0;
  }

  writable(): void {}

  lent(port: number, pieces: Pieces, token: number): boolean {
    const { byteLength } = pieces;
    this.bytes += byteLength;
    this.device.giveBack(token);
    const request = this.#again;
    if (request === undefined) return true;
    const index = port - firstPort;
    this.#wanted[index]! -= byteLength;
    if (this.#wanted[index]! > 0) return true;
    this.answered++;
    this.#wanted[index] = replyBytes * pipeline;
    this.#send(port, request);
    return true;
  }

  #sent = 0;

  #send(port: number, request: Uint8Array): void {
    if (this.device.send(port, request, 0, request.length) < request.length) throw new Error('there is no room');
    // So that the guest works at them while others are made.
    if (++this.#sent % shown === 0) this.device.publish();
  }

  /** Sends to some streams, and waits until so many bytes came back from all together. */
  ask(ports: readonly number[], request: Uint8Array, wanted: number): void {
    this.bytes = 0;
    for (const port of ports) this.#send(port, request);
    this.device.publish();
    while (this.bytes < wanted) this.look();
  }

  /** Each stream asks, and asks again when it was answered, until {@link stopFlow}. */
  beginFlow(ports: readonly number[], request: Uint8Array): void {
    this.#again = request;
    this.#wanted.fill(replyBytes * pipeline);
    for (const port of ports) this.#send(port, request);
    this.device.publish();
  }

  /** Nobody asks again, and what is under way is waited for. */
  stopFlow(): void {
    this.#again = undefined;
    this.bytes = 0;
    const wanted = this.#wanted.reduce((sum, bytes) => sum + bytes, 0);
    while (this.bytes < wanted) this.look();
  }

  /** Looks once at what the guest did. @throws Error where it does nothing for long */
  look(): void {
    this.device.turn();
    this.device.publish();
    if (++this.#looks % 100_000 === 0 && performance.now() - this.#beganMs > mostMs)
      throw new Error('the guest is silent');
  }

  #beganMs = 0;
  #looks = 0;

  begin(): void {
    this.#beganMs = performance.now();
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Nanoseconds as a number of seconds. */
const secondsSince = (begun: bigint): number => Number(process.hrtime.bigint() - begun) / 1e9;

function measureSingles(client: Client, get: Uint8Array, rounds: number): { p50Us: number; p99Us: number } {
  const times = new Float64Array(rounds);
  for (let index = 0; index < rounds; index++) {
    client.begin();
    const begun = process.hrtime.bigint();
    client.ask([firstPort], get, replyBytes);
    times[index] = secondsSince(begun) * 1e6;
  }
  times.sort();
  return { p50Us: quantile(times, 0.5), p99Us: quantile(times, 0.99) };
}

function measureBatches(client: Client, ports: readonly number[], many: Uint8Array, batches: number): number {
  const times = new Float64Array(batches);
  for (let index = 0; index < batches; index++) {
    client.begin();
    const begun = process.hrtime.bigint();
    client.ask(ports, many, replyBytes * streams * pipeline);
    times[index] = secondsSince(begun);
  }
  return (streams * pipeline) / quantile(times.sort(), 0.5);
}

function measureFlow(client: Client, ports: readonly number[], many: Uint8Array, windows: number): number {
  const rates = new Float64Array(windows);
  client.beginFlow(ports, many);
  for (let index = 0; index < windows; index++) {
    client.begin();
    client.answered = 0;
    const begun = process.hrtime.bigint();
    while (client.answered < window) client.look();
    rates[index] = (client.answered * pipeline) / secondsSince(begun);
  }
  client.begin();
  client.stopFlow();
  return quantile(rates.sort(), 0.5);
}

function measure(client: Client, rounds: number, turns?: () => Turns): RingFigures {
  const ports = Array.from({ length: streams }, (_, index) => firstPort + index);
  for (const port of ports) client.device.open(port, 6379);
  const key = (index: number): string => `key:${String(index).padStart(12, '0')}`;
  client.begin();
  while (client.open < streams) client.look();
  for (let index = 0; index < 1000; index++) {
    client.begin();
    client.ask([firstPort], encode(`*3\r\n$3\r\nSET\r\n$16\r\n${key(index)}\r\n$32\r\n${'v'.repeat(32)}\r\n`), 5);
  }
  const get = `*2\r\n$3\r\nGET\r\n$16\r\n${key(7)}\r\n`;
  const singles = measureSingles(client, encode(get), rounds);
  const many = encode(get.repeat(pipeline));
  const inBatches = measureBatches(client, ports, many, Math.ceil(rounds / 100));
  const before = turns?.();
  const inFlow = measureFlow(client, ports, many, Math.ceil(rounds / 40));
  const after = turns?.();
  const guestShare =
    before === undefined || after === undefined ? undefined : (after.busy - before.busy) / (after.now - before.now);
  return { ...singles, inBatches, inFlow, guestShare };
}

/** Processors for this thread and for the guest's, and all that there are; undefined where there are not two of them. */
function twoCpus(): { readonly own: number; readonly guest: number; readonly all: string } | undefined {
  const cpus = onPath('taskset') ? allowedCpus() : [];
  return cpus.length < 2 ? undefined : { own: cpus[0]!, guest: cpus[1]!, all: cpus.join() };
}

/** Measures with a guest that has begun on its own processor, and ends it. */
async function measureOn(
  ring: RingGuest,
  client: Client,
  cpus: ReturnType<typeof twoCpus>,
  measured: () => RingFigures,
) {
  client.device = ring.device;
  if (cpus !== undefined) pinThread(cpus.own);
  try {
    return measured();
  } finally {
    if (cpus !== undefined) pinThread(cpus.all);
    await ring.close();
  }
}

const commandLine = 'maxmemory=32M spin_us=1000000000';

/** Runs a guest, and measures. @throws Error where it does not answer */
export async function measureRing(image: string, rounds: number): Promise<RingFigures> {
  const [client, cpus] = [new Client(), twoCpus()];
  const ring = await openRing({ image, memoryBytes, commandLine, cpu: cpus?.guest }, client);
  return measureOn(ring, client, cpus, () => measure(client, rounds));
}

/** Rings of the store's module in a thread of this process, by how it was compiled; what is made for them is deleted by `close`. */
export interface ModuleRings {
  readonly measure: Readonly<Record<string, (rounds: number) => Promise<RingFigures>>>;
  close(): void;
}

/** Compiles what is needed. @throws Error where there is no C compiler */
export function makeModuleRings(): ModuleRings {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-bench-'));
  const close = (): void => rmSync(folder, { recursive: true });
  try {
    const turns = join(folder, 'turns.so');
    compile('bench/vm/turns.c', turns, '-shared', '-fPIC');
    const measureWith =
      (library: string | undefined) =>
      async (rounds: number): Promise<RingFigures> => {
        const [client, cpus] = [new Client(), twoCpus()];
        const ring = await openRingModule({ turns, library, memoryBytes, commandLine, cpu: cpus?.guest }, client);
        return measureOn(ring, client, cpus, () => measure(client, rounds, ring.turns));
      };
    const byGcc = gccAbsence() === undefined ? { 'wasm2c and gcc -O2': measureWith(buildLibrary(folder)) } : {};
    return { measure: { 'our own compiler': measureWith(undefined), ...byGcc }, close };
  } catch (error) {
    close();
    throw error;
  }
}
