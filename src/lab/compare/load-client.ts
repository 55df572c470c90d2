// The load of a comparison, as a program of its own in the client's namespace: an HTTP client over Node's net that keeps one request under way on each connection. Each
// message from its parent is a run; the answer is what it saw, the server's CPU and the device's packets within the same moments included. Not here: whom to ask, and
// what is made of it (comparison.ts).

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { scheduled } from '../../calibrate/scheduled.js';
import { coded } from '../../text/coded.js';

/** A run: what is asked of whom on how many connections, how long before anything counts, and how long then. */
export interface Load {
  readonly workload: 'serve' | 'kv';
  readonly host: string;
  readonly port: number;
  /** The file, or the key. */
  readonly path: string;
  /** Bytes of the file, or the value: an answer of another length ends the run. */
  readonly bytes: number;
  readonly connections: number;
  readonly warmMs: number;
  readonly runMs: number;
  /** The server's process. */
  readonly pid: number;
  /** The network device that the packets cross. */
  readonly device: string;
}

/** A question for a server's metrics, beside its answers: the text is the result. */
export interface MetricsTask {
  readonly metrics: string;
}

/** What a run saw. Times are nanoseconds. */
export interface LoadResult {
  /** Answers that count, and all of the run. */
  readonly answers: number;
  readonly allAnswers: number;
  readonly elapsedNs: number;
  readonly p50Ns: number;
  readonly p99Ns: number;
  /** CPU of the server's threads, and of the whole machine. */
  readonly serverNs: number;
  readonly machineNs: number;
  /** Packets of the device, both directions. */
  readonly packets: number;
  /** Bytes of the device for all answers of the run, both directions. */
  readonly allBytes: number;
}

const bufferBytes = 256 * 1024;
const tickNs = 1e7;
/** A run without an answer goes on for this long. */
const mostLongerMs = 5000;
/** Milliseconds that answers under way at the end are waited for. */
const mostWaits = 50;
const mostHeadBytes = 16 * 1024;

/** Nanoseconds that the machine's processors have worked (proc_stat(5): user, nice, system, irq, softirq), in ticks of 10 ms. */
function machineNs(): number {
  const [user, nice, system, , , irq, softirq] = readFileSync('/proc/stat', 'utf8')
    .split('\n', 1)[0]!
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user! + nice! + system! + irq! + softirq!) * tickNs;
}

/** Packets and bytes that a device of this namespace has received and sent (/proc/net/dev). */
function carriedBy(device: string): { readonly packets: number; readonly bytes: number } {
  const line = readFileSync('/proc/net/dev', 'utf8')
    .split('\n')
    .find((each) => each.trim().startsWith(`${device}:`));
  const fields = line?.split(':')[1]?.trim().split(/\s+/).map(Number) ?? [];
  return { packets: fields[1]! + fields[9]!, bytes: fields[0]! + fields[8]! };
}

/** All that is read at the two ends of the time that counts. */
function look(load: Load, answers: number) {
  return {
    answers,
    ns: performance.now() * 1e6,
    server: scheduled(load.pid).ran,
    machine: machineNs(),
    packets: carriedBy(load.device).packets,
  };
}

/** A command of RESP. */
function command(...parts: readonly string[]): Buffer {
  return Buffer.from(`*${parts.length}\r\n${parts.map((part) => `$${part.length}\r\n${part}\r\n`).join('')}`);
}

/** Puts the value there that is asked for. */
function prepare({ workload, host, port, path, bytes }: Load): Promise<void> {
  if (workload === 'serve') return Promise.resolve();
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port }, () => socket.write(command('SET', path, 'x'.repeat(bytes))));
    socket.on('error', reject);
    socket.once('data', (said) => {
      socket.destroy();
      if (String(said) === '+OK\r\n') resolve();
      else reject(coded('CLEARWAY_LAB', new Error(`the store said ${JSON.stringify(String(said).slice(0, 40))}`)));
    });
  });
}

/** Where all connections of a run count. */
class Run {
  answers = 0;
  isAsking = true;
  isCounting = false;
  readonly request: Buffer;
  readonly latencies: RecordableHistogram = createHistogram();
  readonly buffer = Buffer.allocUnsafe(bufferBytes);

  constructor(
    readonly load: Load,
    readonly fail: (error: Error) => void,
  ) {
    const { workload, path, host } = load;
    this.request =
      workload === 'kv' ? command('GET', path) : Buffer.from(`GET /${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  }

  answered(latencyNs: number): void {
    this.answers++;
    if (this.isCounting) this.latencies.record(Math.max(1, Math.round(latencyNs)));
  }
}

/** One connection. The first answer's head says how long answers are; those after it have the same length. */
class Asker {
  readonly socket: Socket;
  #askedMs = 0;
  #left = 0;
  #answerBytes = 0;
  #head = '';

  constructor(
    private readonly run: Run,
    connected: () => void,
  ) {
    const { host, port } = run.load;
    const callback = (bytes: number): boolean => {
      this.#read(bytes);
      return true;
    };
    this.socket = connect({ host, port, noDelay: true, onread: { buffer: run.buffer, callback } }, connected);
    this.socket.on('error', run.fail);
    this.socket.on(
      'close',
      () => run.isAsking && run.fail(coded('CLEARWAY_LAB', new Error('the server closed a connection'))),
    );
  }

  ask(): void {
    this.#left = this.#answerBytes;
    this.#askedMs = performance.now();
    this.socket.write(this.run.request);
  }

  #read(bytes: number): void {
    if (this.#answerBytes === 0) this.#readFirst(bytes);
    else this.#took(bytes);
  }

  #readFirst(bytes: number): void {
    this.#head += this.run.buffer.toString('latin1', 0, bytes);
    if (this.run.load.workload === 'kv') {
      this.#readValue();
      return;
    }
    const end = this.#head.indexOf('\r\n\r\n');
    if (end === -1) {
      if (this.#head.length > mostHeadBytes)
        this.run.fail(coded('CLEARWAY_LAB', new Error('an answer had no end of its head')));
      return;
    }
    const length = Number(/\r\nContent-Length: *(\d+)/i.exec(this.#head.slice(0, end + 2))?.[1]);
    if (!this.#head.startsWith('HTTP/1.1 200 ') || length !== this.run.load.bytes) {
      this.run.fail(coded('CLEARWAY_LAB', new Error(`the server answered ${JSON.stringify(this.#head.slice(0, 40))}`)));
      return;
    }
    this.#answerBytes = end + 4 + length;
    this.#left = this.#answerBytes;
    this.#took(this.#head.length);
  }

  /** The first value's length, in front of it: a line, the value, and an end of line. */
  #readValue(): void {
    const { bytes } = this.run.load;
    const line = `$${bytes}\r\n`;
    if (!this.#head.startsWith(line.slice(0, this.#head.length))) {
      this.run.fail(coded('CLEARWAY_LAB', new Error(`the store answered ${JSON.stringify(this.#head.slice(0, 40))}`)));
      return;
    }
    if (this.#head.length < line.length) return;
    this.#answerBytes = line.length + bytes + 2;
    this.#left = this.#answerBytes;
    this.#took(this.#head.length);
  }

  #took(bytes: number): void {
    this.#left -= bytes;
    if (this.#left > 0) return;
    if (this.#left < 0) {
      this.run.fail(coded('CLEARWAY_LAB', new Error('an answer was longer than the first')));
      return;
    }
    this.run.answered((performance.now() - this.#askedMs) * 1e6);
    if (this.run.isAsking) this.ask();
  }
}

const afterMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function measure(run: Run, askers: Asker[]): Promise<LoadResult> {
  const { load } = run;
  await prepare(load);
  const begun = carriedBy(load.device).bytes;
  await Promise.all(
    Array.from({ length: load.connections }, () => new Promise<void>((go) => askers.push(new Asker(run, go)))),
  );
  for (const asker of askers) asker.ask();
  await afterMs(load.warmMs);
  run.isCounting = true;
  const first = look(load, run.answers);
  await afterMs(load.runMs);
  // On a machine that is very busy a short time may pass without an answer: it is made longer, not called none.
  const untilMs = performance.now() + mostLongerMs;
  while (run.answers === first.answers && performance.now() < untilMs) await afterMs(load.runMs);
  run.isCounting = false;
  const last = look(load, run.answers);
  run.isAsking = false;
  // What is under way still arrives, and counts with all the others.
  const asked = load.connections;
  for (let waits = 0; run.answers < last.answers + asked && waits < mostWaits; waits++) await afterMs(1);
  return {
    answers: last.answers - first.answers,
    allAnswers: run.answers,
    elapsedNs: last.ns - first.ns,
    p50Ns: run.latencies.percentile(50),
    p99Ns: run.latencies.percentile(99),
    serverNs: last.server - first.server,
    machineNs: last.machine - first.machine,
    packets: last.packets - first.packets,
    allBytes: carriedBy(load.device).bytes - begun,
  };
}

async function serveLoad(load: Load): Promise<LoadResult> {
  const askers: Asker[] = [];
  try {
    return await new Promise((resolve, reject) => {
      measure(new Run(load, reject), askers).then(resolve, reject);
    });
  } finally {
    for (const { socket } of askers) {
      socket.removeAllListeners('close');
      socket.destroy();
    }
  }
}

/** The text of a server's metrics. @throws Error */
async function metricsText({ metrics }: MetricsTask): Promise<string> {
  const answer = await fetch(metrics);
  if (!answer.ok) throw coded('CLEARWAY_LAB', new Error(`the metrics are not to be had: ${answer.status}`));
  return answer.text();
}

process.on('message', (task: Load | MetricsTask) => {
  const done: Promise<LoadResult | string> = 'metrics' in task ? metricsText(task) : serveLoad(task);
  done.then(
    (result) => process.send!({ result }),
    (error: Error) => process.send!({ error: error.message }),
  );
});
process.on('disconnect', () => process.exit(0));
