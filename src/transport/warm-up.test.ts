import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, mock, test } from 'node:test';
import { engineAbsence } from '../../test/support/engine-absence.js';
import { openDescriptors } from '../../test/support/open-descriptors.js';
import { Errno } from '../kernel/errno.js';
import { SystemError } from '../kernel/system-error.js';
import { Region } from '../memory/region.js';
import type { Connection, Protocol } from './connection.js';
import { Listener } from './listener.js';
import { Loop } from './loop.js';
import { WarmUp } from './warm-up.js';

/** The name of the door of a warm-up in this process: others may warm up stores of theirs at the same time. */
function ownDoor(): string {
  const own = new Set(openDescriptors(/^socket:/).map((link) => /\d+/.exec(link)![0]));
  const doors = readFileSync('/proc/net/unix', 'latin1').matchAll(/ (\d+) (@clearway-[0-9a-f]{32})/g);
  return [...doors].find(([, inode]) => own.has(inode!))![2]!;
}

/** Answers each line with one, unless it is silent, and counts what was asked. */
class Answers implements Protocol<null> {
  readonly sendsAtOnce = true;
  readonly region = new Region(4096);
  readonly asked = new Map<string, number>();
  isSilent = false;
  opens = 0;
  closes = 0;

  constructor() {
    new TextEncoder().encodeInto('+OK\r\n', this.region.bytes);
  }
  createState(): null {
    return null;
  }
  opened(): void {
    this.opens++;
  }
  received(connection: Connection<null>, bytes: Uint8Array, start: number, end: number): number {
    const line = Buffer.from(bytes.subarray(start, end)).toString();
    this.asked.set(line, (this.asked.get(line) ?? 0) + 1);
    if (this.isSilent) return end - start;
    connection.sendSegment(this.region.address, 5, undefined, 0);
    connection.flush();
    return end - start;
  }
  ended(connection: Connection<null>): void {
    connection.finish();
  }
  drained(): void {}
  expired(): void {}
  closed(): void {
    this.closes++;
  }
}

const limits = { maxConnections: 1, minRate: 0, rateWindowMs: 20_000, backlogLimit: 4096 };
const words = { first: 'first\n', again: 'again\n', last: 'last\n' };

for (const engine of ['uring', 'epoll'] as const) {
  describe(`WarmUp, ${engine}`, { skip: engineAbsence(engine), timeout: 240_000 }, () => {
    const begin = () => {
      const loop = new Loop(engine);
      const answers = new Answers();
      const state = { isAwaited: false, dones: 0 };
      const done = (): void => {
        state.dones++;
        // By then the last one has gone.
        assert.equal(answers.opens, answers.closes);
      };
      const listener = new Listener(loop, [], answers, limits, '');
      const warmUp = new WarmUp(loop, listener, words, () => state.isAwaited, done);
      const turnUntil = (isSo: () => boolean): void => {
        for (let turns = 0; !isSo(); turns++) {
          assert.ok(turns < 100_000, `${answers.opens} clients, ${answers.closes} gone`);
          loop.turn(20);
        }
      };
      const end = (dones: number): void => {
        warmUp.close();
        listener.abortAll();
        let isDrained = false;
        listener.drain(() => {
          isDrained = true;
        });
        turnUntil(() => isDrained);
        assert.equal(state.dones, dones);
        assert.equal(answers.opens, answers.closes);
        loop.close();
        answers.region.unmap();
      };
      return { answers, listener, state, turnUntil, end };
    };

    test('clients one after the other ask, and go; the last one has them forgotten', () => {
      const { answers, listener, state, turnUntil, end } = begin();
      turnUntil(() => state.dones > 0);
      const { opens, closes, asked } = answers;
      assert.ok(opens > 10);
      assert.equal(closes, opens);
      assert.equal(asked.get(words.first), opens);
      assert.ok(asked.get(words.again)! > 100 * opens);
      assert.equal(asked.get(words.last), 1);
      assert.equal(listener.counts.accepted, 0);
      end(1);
    });

    test('where somebody waits it ends, has itself forgotten, and leaves nothing', () => {
      const { answers, state, turnUntil, end } = begin();
      turnUntil(() => answers.asked.has(words.again));
      state.isAwaited = true;
      turnUntil(() => state.dones > 0);
      assert.equal(answers.opens, answers.closes);
      assert.equal(answers.asked.get(words.last), 1);
      end(1);
    });

    test('where somebody waits between two clients, the next one has them forgotten', () => {
      const { answers, listener, state, turnUntil, end } = begin();
      turnUntil(() => answers.opens > 2 && listener.connections === 0);
      const { opens } = answers;
      state.isAwaited = true;
      turnUntil(() => state.dones > 0);
      assert.equal(answers.opens, opens + 1);
      assert.equal(answers.asked.get(words.last), 1);
      end(1);
    });

    test('whoever does not answer is let be after a while; one that is slow is still told to forget', (context) => {
      const { now } = performance;
      let laterMs = 0;
      mock.method(performance, 'now', () => now.call(performance) + laterMs);
      context.after(() => mock.restoreAll());
      const silent = begin();
      silent.answers.isSilent = true;
      silent.turnUntil(() => silent.answers.asked.has(words.first));
      const slow = begin();
      slow.turnUntil(() => slow.answers.asked.has(words.again));
      laterMs = 6000;
      slow.turnUntil(() => slow.state.dones > 0);
      assert.equal(slow.answers.asked.get(words.last), 1);
      slow.end(1);
      silent.turnUntil(() => true);
      assert.equal(silent.state.dones, 0);
      laterMs = 12_000;
      silent.turnUntil(() => silent.state.dones > 0);
      silent.end(1);
    });

    test('where there is no timer for it, nothing of it stays open', () => {
      const loop = new Loop(engine);
      const answers = new Answers();
      const descriptors = (): string[] => openDescriptors(/socket|timerfd/).sort();
      const listener = new Listener(loop, [], answers, limits, '');
      const before = descriptors();
      loop.engine.watch = () => {
        throw new Error('nothing can be watched');
      };
      assert.throws(() => new WarmUp(loop, listener, words, () => false, assert.fail), /nothing can be watched/);
      assert.deepEqual(descriptors(), before);
      listener.drain(() => {});
      loop.close();
      answers.region.unmap();
    });

    test('where a client cannot be watched it is over, and others are let in', () => {
      const loop = new Loop(engine);
      const answers = new Answers();
      const listener = new Listener(loop, [], answers, limits, '');
      const { watch } = loop.engine;
      for (const watchable of [1, 3]) {
        let left = watchable;
        loop.engine.watch = (token, fd) => {
          // The timer is the first.
          if (left-- === 0) throw new SystemError(Errno.ENOSPC, 'epoll_ctl');
          watch.call(loop.engine, token, fd);
        };
        let isDone = false;
        new WarmUp(
          loop,
          listener,
          words,
          () => false,
          () => {
            isDone = true;
          },
        );
        for (let turns = 0; !isDone; turns++) {
          assert.ok(turns < 100_000);
          loop.turn(20);
        }
        assert.equal(listener.connections, 0);
      }
      listener.drain(() => {});
      loop.close();
      answers.region.unmap();
    });

    test('closed while it asks it is over at once', () => {
      const { answers, turnUntil, end } = begin();
      turnUntil(() => answers.asked.has(words.again));
      end(0);
    });

    test('whoever else comes in by its door is sent away', async () => {
      const { answers, turnUntil, end } = begin();
      answers.isSilent = true;
      turnUntil(() => answers.opens === 1);
      const name = ownDoor();
      const code = `require('node:net').connect('\\0${name.slice(1)}').on('error', () => {}).on('close', () => console.log('closed'));`;
      const other = spawn(process.execPath, ['-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
      let said = '';
      other.stdout.on('data', (bytes) => {
        said += bytes;
      });
      let isOver = false;
      other.on('close', () => {
        isOver = true;
      });
      while (!isOver) {
        turnUntil(() => true);
        await new Promise((resolve) => setImmediate(resolve));
      }
      assert.equal(said, 'closed\n');
      assert.equal(answers.opens, 1);
      end(0);
    });
  });
}
