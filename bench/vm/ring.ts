// What a round trip over the rings costs: a client in this thread, which is the guest's device as well, and a guest in another one that looks for work without rest. No kernel, no socket,
// no wake-up between them; the client is TypeScript. Not here: the store over sockets (main.ts).

import type { Pieces } from '../../src/memory/domain.js';
import type { StreamOwner, VsockDevice } from '../../src/vmm/vsock-device.js';
import { openRing } from './ring-guest.js';

/** What was measured: of single requests, and of batches of them. */
export interface RingFigures {
  readonly p50Us: number;
  readonly p99Us: number;
  /** By the median of the batches. */
  readonly commandsPerSecond: number;
}

const memoryBytes = 128 * 1024 ** 2;
const streams = 50;
const pipeline = 16;
/** How long to wait for one answer: on a machine that others use, a thread may have to wait for its turn. */
const mostMs = 5000;

class Client implements StreamOwner {
  device!: VsockDevice;
  bytes = 0;
  open = 0;

  accepted(): void {
    this.open++;
  }

  refused(): void {}
  over(): void {}
  writable(): void {}

  lent(_port: number, pieces: Pieces, token: number): boolean {
    this.bytes += pieces.byteLength;
    this.device.giveBack(token);
    return true;
  }

  /** Sends to some streams, and waits until so many bytes came back from all together. */
  ask(ports: readonly number[], request: Uint8Array, wanted: number): void {
    this.bytes = 0;
    for (const port of ports)
      if (this.device.send(port, request, 0, request.length) < request.length) throw new Error('there is no room');
    this.device.publish();
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

function measure(client: Client, rounds: number): RingFigures {
  const ports = Array.from({ length: streams }, (_, index) => 2000 + index);
  for (const port of ports) client.device.open(port, 6379);
  const key = (index: number): string => `key:${String(index).padStart(12, '0')}`;
  client.begin();
  while (client.open < streams) client.look();
  for (let index = 0; index < 1000; index++) {
    client.begin();
    client.ask([2000], encode(`*3\r\n$3\r\nSET\r\n$16\r\n${key(index)}\r\n$32\r\n${'v'.repeat(32)}\r\n`), 5);
  }
  const get = encode(`*2\r\n$3\r\nGET\r\n$16\r\n${key(7)}\r\n`);
  const times = new Float64Array(rounds);
  for (let index = 0; index < rounds; index++) {
    client.begin();
    const begun = process.hrtime.bigint();
    client.ask([2000], get, 39);
    times[index] = Number(process.hrtime.bigint() - begun) / 1000;
  }
  times.sort();
  const many = encode(`*2\r\n$3\r\nGET\r\n$16\r\n${key(7)}\r\n`.repeat(pipeline));
  const batches = Math.ceil(rounds / 100);
  const batchTimes = new Float64Array(batches);
  for (let index = 0; index < batches; index++) {
    client.begin();
    const begun = process.hrtime.bigint();
    client.ask(ports, many, 39 * streams * pipeline);
    batchTimes[index] = Number(process.hrtime.bigint() - begun) / 1e9;
  }
  batchTimes.sort();
  const at = (part: number): number => times[Math.floor(rounds * part)]!;
  return { p50Us: at(0.5), p99Us: at(0.99), commandsPerSecond: (streams * pipeline) / batchTimes[batches >> 1]! };
}

/** Runs a guest, and measures. @throws Error where it does not answer */
export async function measureRing(image: string, rounds: number): Promise<RingFigures> {
  const client = new Client();
  const ring = await openRing({ image, memoryBytes, commandLine: 'maxmemory=32M spin_us=1000000000' }, client);
  client.device = ring.device;
  try {
    return measure(client, rounds);
  } finally {
    await ring.close();
  }
}
