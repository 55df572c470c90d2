// One worker's log against readers of every kind: a full pipe is waited for without waiting, lines arrive whole, once and in
// order, also of several workers; a full disk and a reader that is stuck cost bounded memory and are said.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setNonBlocking } from '../kernel/socket.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { Loop } from '../transport/loop.js';
import { AccessLog, type LogNews } from './access-log.js';
import { LogEntry } from './log-entry.js';
import { type LogTarget, openLogTarget, releaseTurn } from './log-sink.js';

describe('the access log of a worker', { skip: process.platform === 'linux' ? false : 'needs Linux' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-log-'));
  const descriptors: number[] = [];
  after(() => {
    for (const fd of descriptors) closeSync(fd);
    rmSync(folder, { recursive: true, force: true });
  });
  const opened = (fd: number): number => {
    descriptors.push(fd);
    return fd;
  };
  let pipes = 0;
  /** A named pipe; the test's end never waits. */
  const pipe = (): number => {
    const path = join(folder, `pipe${pipes++}`);
    execFileSync('mkfifo', [path]);
    const fd = opened(openSync(path, 'r+'));
    setNonBlocking(fd, true);
    return fd;
  };

  /** A log, its loop on a clock of its own, and the numbers of the records written to it. */
  class Worker {
    nowMs = 0;
    readonly loop = new Loop('epoll', () => this.nowMs);
    readonly news: LogNews[] = [];
    readonly log: AccessLog;
    written = 0;
    readonly #entry = new LogEntry();
    readonly #name: string;

    constructor(target: LogTarget, index: number) {
      this.log = new AccessLog(this.loop, target, index, 'combined', (news) => this.news.push(news));
      this.#name = String(index);
      this.#entry.bytes = new Uint8Array(1500);
      this.#entry.data = new DataView(this.#entry.bytes.buffer);
    }

    /** Writes records that carry their worker and number, and some that are longer than PIPE_BUF. */
    write(count: number): void {
      for (let index = 0; index < count; index++) {
        this.#entry.setPeerName(this.#name);
        this.#entry.bytes.fill(this.written % 50 === 49 ? 0xff : 0x78);
        this.#entry.lineLength = this.#entry.refererLength = this.written % 50 === 49 ? 500 : 20;
        this.#entry.userAgentLength = this.#entry.lineLength - 3;
        this.log.write(this.#entry, 200, this.written++, 0, 0);
      }
    }

    /** A turn of the loop, a tick later. */
    tick(): void {
      this.nowMs += 250;
      this.loop.turn(0);
    }

    end(): void {
      this.log.end();
      this.loop.close();
      this.log.unmap();
    }
  }

  /** Reads what is there; '' when nothing is. */
  const chunk = Buffer.alloc(50_000);
  const take = (fd: number): string => {
    try {
      return chunk.toString('latin1', 0, readSync(fd, chunk, 0, chunk.length, null));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      return '';
    }
  };

  const pattern = /^(\d) - - \[[^\]]+\] "([^"]*)" 200 (\d+) "([^"]*)" "([^"]*)"$/;
  /** The numbers of the records in a text, by worker; every line is whole. */
  const numbersIn = (text: string): Record<string, number[]> => {
    assert.ok(text.endsWith('\n'), text.slice(-100));
    const numbers: Record<string, number[]> = {};
    for (const line of text.slice(0, -1).split('\n')) {
      const match = pattern.exec(line);
      assert.ok(match !== null && [20, 2000].includes(match[2]!.length), `not a whole line: ${line}`);
      const of = numbers[match[1]!] ?? [];
      numbers[match[1]!] = of;
      of.push(Number(match[3]));
    }
    return numbers;
  };
  const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

  const kinds: Record<string, () => readonly [to: number, from: number]> = {
    pipe: () => {
      const fd = pipe();
      return [fd, fd];
    },
    socket: () => {
      const [to, from] = unixStreamPair();
      return [opened(to), opened(from)];
    },
  };

  for (const [kind, make] of Object.entries(kinds)) {
    test(`${kind}: two workers and a reader that is slow; nothing is lost, and no line is inside another`, () => {
      const [to, from] = make();
      const target = openLogTarget(to);
      const workers = [new Worker(target, 0), new Worker(target, 1)];
      let text = '';
      for (let round = 0; round < 100; round++) {
        for (const worker of workers) {
          worker.write(100 + round);
          worker.loop.turn(0);
        }
        if (round % 3 === 0) text += take(from);
      }
      for (let idle = 0; idle < 3; ) {
        for (const worker of workers) worker.tick();
        const more = take(from);
        text += more;
        idle = more === '' ? idle + 1 : 0;
      }
      const numbers = numbersIn(text);
      for (const worker of [0, 1]) assert.deepEqual(numbers[worker], upTo(workers[worker]!.written));
      for (const worker of workers) {
        assert.deepEqual(worker.news, []);
        assert.equal(worker.log.dropped, 0);
        worker.end();
      }
      if (target.isOwn) closeSync(target.fd);
    });
  }

  test('a reader that is stuck: bounded memory, the loss is said with its count, and logging goes on', () => {
    const fd = pipe();
    const target = openLogTarget(fd);
    const worker = new Worker(target, 0);
    for (let count = 0; count < 100; count++) worker.write(1000);
    worker.tick();
    const { log } = worker;
    assert.ok(log.dropped > 0 && log.waitingBytes <= 8 * 1024 * 1024, `${log.dropped} lost, ${log.waitingBytes} wait`);
    assert.deepEqual(worker.news, [{ state: 'losing' }]);
    let text = '';
    for (let idle = 0; idle < 3; ) {
      worker.tick();
      const more = take(fd);
      text += more;
      idle = more === '' ? idle + 1 : 0;
    }
    assert.deepEqual(worker.news, [{ state: 'losing' }, { state: 'well', lost: log.dropped }]);
    const numbers = numbersIn(text)[0]!;
    assert.equal(numbers.length + log.dropped, worker.written);
    assert.equal(log.records, numbers.length);
    assert.ok(
      numbers.every((each, index) => index === 0 || each > numbers[index - 1]!),
      'in order',
    );
    assert.deepEqual(numbers.slice(0, 1000), upTo(1000), 'the first ones are there');
    worker.write(1);
    worker.tick();
    assert.deepEqual(numbersIn(take(fd))[0], [worker.written - 1]);
    // Whoever reads no more does not keep the end waiting; what it leaves is counted.
    worker.write(2000);
    const before = log.dropped;
    worker.end();
    const last = worker.news.at(-1)!;
    assert.ok(last.state === 'ended' && last.lost > 0 && last.lost === log.dropped - before);
    closeSync(target.fd);
  });

  test('a line that a worker cut when it died is ended before the next', () => {
    const [to, from] = kinds.socket!();
    const target = openLogTarget(to);
    const first = new Worker(target, 0);
    first.write(20_000);
    const second = new Worker(target, 1);
    second.write(1);
    second.tick();
    let text = take(from);
    releaseTurn(target, 0);
    for (let more = take(from); more !== ''; more = take(from)) text += more;
    second.tick();
    text += take(from);
    const lines = text.split('\n');
    assert.match(lines.at(-2)!, /^1 - - .* 200 0 /);
    first.end();
    second.end();
  });

  test('a file gets its lines; a full disk is said once', () => {
    const path = join(folder, 'file');
    const worker = new Worker(openLogTarget(opened(openSync(path, 'a'))), 0);
    worker.write(1000);
    worker.end();
    assert.deepEqual(numbersIn(readFileSync(path, 'latin1'))[0], upTo(1000));
    const full = openLogTarget(opened(openSync('/dev/full', 'w')));
    const lost = new Worker(full, 0);
    for (let count = 0; count < 3; count++) {
      lost.write(1);
      lost.tick();
    }
    assert.deepEqual(lost.news, [{ state: 'failing', errno: 28 }]);
    lost.end();
    assert.deepEqual(lost.news.at(-1), { state: 'ended', lost: 3 });
    closeSync(full.fd);
  });
});
