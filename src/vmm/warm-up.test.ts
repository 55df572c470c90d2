import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { platformIsLinux } from '../kernel/ffi.js';
import { unixStreamPair } from '../kernel/socket-pair.js';
import { Region } from '../memory/region.js';
import type { Connection, Protocol } from '../transport/connection.js';
import { Listener } from '../transport/listener.js';
import { Loop } from '../transport/loop.js';
import { openEngine } from '../transport/open-engine.js';
import { WarmUp } from './warm-up.js';

function skipReason(engine: 'uring' | 'epoll'): string | false {
  if (!platformIsLinux) return 'needs Linux';
  try {
    openEngine(engine).close();
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Answers each line with one, and counts what was asked. */
class Answers implements Protocol<null> {
  readonly sendsAtOnce = true;
  readonly region = new Region(4096);
  readonly asked = new Map<string, number>();
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

const words = { first: 'first\n', again: 'again\n', last: 'last\n' };

for (const engine of ['uring', 'epoll'] as const) {
  describe(`WarmUp, ${engine}`, { skip: skipReason(engine), timeout: 60_000 }, () => {
    const begin = () => {
      const loop = new Loop(engine);
      const answers = new Answers();
      const limits = { maxConnections: 100, minRate: 0, rateWindowMs: 1000, backlogLimit: 4096 };
      const listener = new Listener(loop, [], answers, limits, '');
      const warmUp = new WarmUp(listener, words);
      const turnUntil = (isSo: () => boolean): void => {
        for (let turns = 0; !isSo(); turns++) {
          assert.ok(turns < 100_000, `${answers.opens} clients, ${answers.closes} gone`);
          loop.turn(20);
        }
      };
      const end = (): void => {
        warmUp.close();
        listener.abortAll();
        turnUntil(() => listener.connections === 0);
        loop.close();
        answers.region.unmap();
      };
      return { answers, listener, turnUntil, end };
    };

    test('clients one after the other ask, and go; the last one has them forgotten', () => {
      const { answers, listener, turnUntil, end } = begin();
      turnUntil(() => answers.asked.has(words.last) && listener.connections === 0);
      const { opens, closes, asked } = answers;
      assert.ok(opens > 10);
      assert.equal(closes, opens);
      assert.equal(asked.get(words.first), opens);
      assert.ok(asked.get(words.again)! > 100 * opens);
      assert.equal(asked.get(words.last), 1);
      assert.equal(listener.counts.accepted, 0);
      end();
    });

    test('where somebody else comes it ends, and leaves nothing', () => {
      const { answers, listener, turnUntil, end } = begin();
      turnUntil(() => answers.asked.has(words.again));
      const [ours, theirs] = unixStreamPair();
      listener.adopt(theirs);
      turnUntil(() => answers.asked.has(words.last) && listener.connections === 1);
      assert.equal(answers.opens, answers.closes + 1);
      assert.equal(answers.asked.get(words.last), 1);
      end();
      listener.loop.engine.closeSocket(ours);
    });
  });
}
