// The load of calibration's server runs: a child process that keeps one request under way on every connection and polls for the answers. It
// never sleeps in a run: a sleeping reader must be woken by the server, and on a virtual machine that wake-up costs the server more than the
// answer (rx.wake says how much); a load that is busy, as load generators at their limit are, makes no such difference from run to run.
// One process is the load of a whole rig: each message from its parent is a run, on connections that stay for the next run of its kind, and
// within the run it looks at the clock, at its answers and at the kernel's account of the server at once. Its answer is what it saw.

import { EPOLL, EPOLL_CTL } from '../kernel/constants.js';
import { epollControl, epollCreate, epollDataWord, epollEventWords, epollWait } from '../kernel/epoll.js';
import { Errno } from '../kernel/errno.js';
import { connectTcp, receive, send, setNonBlocking } from '../kernel/socket.js';
import { CopyReason, encodeText } from '../memory/copy.js';
import { Region } from '../memory/region.js';
import { type Scheduled, scheduled } from './scheduled.js';

/** A run: what is asked of whom on how many connections, and when the load looks, in milliseconds from its beginning. */
export interface Load {
  host: string;
  port: number;
  path: string;
  connections: number;
  /** The server's process. */
  pid: number;
  lookMs: number[];
}

/** What it saw at one of these moments: totals, of which differences count. */
export interface Look {
  answers: number;
  elapsedNs: number;
  server: Scheduled;
  reader: Scheduled;
}

const drainBytes = 256 * 1024;
const eventsAtOnce = 256;
const region = new Region(drainBytes + 4096);
const events = new Region(eventsAtOnce * epollEventWords * 4);
const words = new Int32Array(events.buffer);

/** Connections that ask for one file, and stay for further runs. */
class Reader {
  answers = 0;
  #asking = false;
  /** Connections whose answer is under way, once no more is asked. */
  #owed = 0;
  #requestBytes = 0;
  readonly #epoll = epollCreate();
  readonly #request: string;
  /** Bytes of a whole answer, head included: as the first one says. */
  #answerBytes = 0;
  readonly #left: Float64Array;
  readonly #descriptors: number[];

  constructor({ host, port, path, connections }: Load) {
    this.#request = `GET /${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    this.#left = new Float64Array(connections);
    this.#descriptors = Array.from({ length: connections }, (_, index) => {
      const fd = connectTcp({ host, port });
      setNonBlocking(fd, true);
      epollControl(this.#epoll, EPOLL_CTL.ADD, fd, EPOLL.IN, index, 0);
      return fd;
    });
  }

  /** Asks on every connection. The memory of the request is that of all readers, one of which runs at a time. */
  start(): void {
    this.#asking = true;
    this.#requestBytes = encodeText(CopyReason.encode, region.bytes, drainBytes, this.#request);
    if (this.#answerBytes === 0) this.#answerBytes = this.#firstAnswer();
    this.#owed = this.#descriptors.length;
    for (let index = 0; index < this.#descriptors.length; index += 1) this.#ask(index);
  }

  /** Waits for the answers that are owed, asking nothing more. */
  finish(): void {
    this.#asking = false;
    while (this.#owed > 0) this.turn();
  }

  /** Reads what there is and asks again where that was the end of an answer. */
  turn(): void {
    const ready = epollWait(this.#epoll, events.address, eventsAtOnce, 0);
    for (let event = 0; event < ready; event += 1) {
      const index = words[event * epollEventWords + epollDataWord]!;
      if (!this.#read(index)) continue;
      this.answers += 1;
      if (this.#asking) this.#ask(index);
      else this.#owed -= 1;
    }
  }

  /** Asks once, and reads all of it. Returns its bytes. */
  #firstAnswer(): number {
    this.#ask(0);
    let [head, bytes, whole] = ['', 0, Number.POSITIVE_INFINITY];
    while (bytes < whole) {
      const got = receive(this.#descriptors[0]!, region.address, drainBytes);
      if (got === -Errno.EAGAIN) continue;
      if (got <= 0) process.exit(1);
      bytes += got;
      if (whole !== Number.POSITIVE_INFINITY) continue;
      head += Buffer.from(region.buffer, region.bytes.byteOffset, got).toString('latin1');
      const end = head.indexOf('\r\n\r\n');
      if (end >= 0) whole = end + 4 + Number(/\r\nContent-Length: *(\d+)/i.exec(head)?.[1] ?? 0);
    }
    return whole;
  }

  #ask(index: number): void {
    this.#left[index] = this.#answerBytes;
    const sent = send(this.#descriptors[index]!, region.address + drainBytes, this.#requestBytes, 0);
    if (sent !== this.#requestBytes) process.exit(1);
  }

  /** Reads what is there; true when that was the end of an answer. */
  #read(index: number): boolean {
    for (;;) {
      const got = receive(this.#descriptors[index]!, region.address, drainBytes);
      if (got === -Errno.EAGAIN) return false;
      if (got <= 0) process.exit(1);
      this.#left[index]! -= got;
      if (this.#left[index]! <= 0) return true;
      if (got < drainBytes) return false;
    }
  }
}

/** By host, port, file and number of connections. */
const readers = new Map<string, Reader>();

function run(load: Load): Look[] {
  const looks: Look[] = [];
  const key = `${load.host} ${load.port} ${load.path} ${load.connections}`;
  const reader = readers.get(key) ?? new Reader(load);
  readers.set(key, reader);
  reader.start();
  const started = performance.now();
  for (const ms of load.lookMs) {
    while (performance.now() < started + ms) for (let turn = 0; turn < 16; turn += 1) reader.turn();
    const elapsedNs = (performance.now() - started) * 1e6;
    looks.push({ answers: reader.answers, elapsedNs, server: scheduled(load.pid), reader: scheduled(process.pid) });
  }
  reader.finish();
  return looks;
}

process.on('message', (load: Load) => process.send!(run(load)));
process.on('disconnect', () => process.exit(0));
