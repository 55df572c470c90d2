import assert from 'node:assert/strict';
import { connect, createServer } from 'node:net';
import { describe, test } from 'node:test';
import { engineAbsence } from '../../test/support/engine-absence.js';
import { signalEvent } from '../kernel/event.js';
import { Loop, tickMs } from './loop.js';
import { NodeTurns } from './node-turns.js';
import { openEngine } from './open-engine.js';

for (const name of ['uring', 'epoll'] as const) {
  describe(`a loop over ${name} beside Node's`, { skip: engineAbsence(name) }, () => {
    /** Runs a loop until `work`, which Node's own loop does meanwhile, is over. */
    async function beside(work: (loop: Loop) => Promise<void>): Promise<void> {
      const loop = new Loop(name);
      // As every server has: without one the loop would sleep until something happens.
      loop.everyTick(() => {});
      const ended = loop.runBesideNode();
      try {
        await work(loop);
        loop.stop();
        await ended;
      } finally {
        loop.close();
      }
    }

    test('Node hears of signals and of its own sockets at once', async () => {
      await beside(async () => {
        const times: number[] = [];
        /** Has the loop wait first, which is when what begins has to wake it. */
        const timed = async (begin: () => Promise<unknown>): Promise<void> => {
          await new Promise((resolve) => setTimeout(resolve, 50));
          const since = performance.now();
          await begin();
          times.push(performance.now() - since);
        };
        for (let round = 0; round < 5; round++) {
          await timed(() => {
            const heard = new Promise((resolve) => process.once('SIGUSR2', resolve));
            process.kill(process.pid, 'SIGUSR2');
            return heard;
          });
          await timed(
            () =>
              new Promise<void>((resolve) => {
                const server = createServer((socket) => socket.end('bye'));
                server.listen(0, '127.0.0.1', () => {
                  const { port } = server.address() as { port: number };
                  connect(port, '127.0.0.1', () => {})
                    .resume()
                    .on('close', () => server.close(() => resolve()));
                });
              }),
          );
        }
        const signals = times.filter((_, at) => at % 2 === 0);
        const sockets = times.filter((_, at) => at % 2 === 1);
        // By the tick alone each would take about one.
        assert.ok(Math.min(...signals) < tickMs / 5 && Math.min(...sockets) < tickMs / 5, `${times} ms`);
      });
    });

    test('it waits no longer than to the next timer of Node', async () => {
      await beside(async (loop) => {
        const waits: number[] = [];
        const { engine } = loop;
        const turn = engine.turn.bind(engine);
        engine.turn = (waitMs, events) => {
          waits.push(waitMs);
          return turn(waitMs, events);
        };
        const timerMs = 40;
        for (let round = 0; round < 5; round++) await new Promise((resolve) => setTimeout(resolve, timerMs));
        assert.ok(waits.length > 0 && Math.max(...waits) <= timerMs + 1, `${waits} ms`);
        waits.length = 0;
        await new Promise((resolve) => setTimeout(resolve, 3 * tickMs));
        assert.ok(Math.max(...waits) > timerMs && Math.max(...waits) <= tickMs, `${waits} ms`);
      });
    });

    test('a timer that is due right after another is heard of soon; what no turn takes away, ever more seldom', async () => {
      const engine = openEngine(name);
      const node = new NodeTurns(engine);
      /** A timer that is due, as far as libuv knows, which the other has look at its clock. */
      const begin = (): NodeJS.Timeout => {
        setTimeout(() => {}, 1);
        for (const end = performance.now() + 3; performance.now() < end; );
        return setTimeout(() => {}, 1000);
      };
      await new Promise((resolve) => setImmediate(resolve));
      const others = [begin()];
      assert.deepEqual(
        Array.from({ length: 6 }, () => node.untilDueMs()),
        [0, 1, 3, 7, 15, 31],
      );
      // Node has its turn, and nothing is due.
      await new Promise((resolve) => setTimeout(resolve, 5));
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(node.untilDueMs() > 0);
      others.push(begin());
      assert.equal(node.untilDueMs(), 0);
      for (const other of others) clearTimeout(other);
      node.close();
      engine.close();
    });

    test('it waits in the kernel while nothing happens', async () => {
      await beside(async (loop) => {
        await new Promise((resolve) => setTimeout(resolve, 3 * tickMs));
        const counts: number[] = [];
        // V8 may collect its garbage meanwhile, by tasks that are turns of Node's, each of which begins the next: not in all of the stretches.
        for (let stretch = 0; stretch < 4 && !counts.some((turns) => turns < 15); stretch++) {
          const before = loop.turns;
          await new Promise((resolve) => setTimeout(resolve, 2 * tickMs));
          counts.push(loop.turns - before);
        }
        assert.ok(Math.min(...counts) < 15, `${counts} turns`);
      });
    });

    test('what a handler throws ends it, and not the process', async () => {
      const loop = new Loop(name);
      const ended = loop.runBesideNode();
      loop.onWake = () => {
        throw new Error('a defect of the protocol');
      };
      signalEvent(loop.wakeDescriptor);
      await assert.rejects(ended, /a defect/);
      loop.close();
    });

    test('it goes on while another thread wakes it without end, and Node does', async () => {
      await beside(async (loop) => {
        let wakes = 0;
        loop.onWake = () => {
          wakes++;
          signalEvent(loop.wakeDescriptor);
        };
        signalEvent(loop.wakeDescriptor);
        for (let round = 0; round < 5; round++) {
          const heard = new Promise((resolve) => process.once('SIGUSR2', resolve));
          process.kill(process.pid, 'SIGUSR2');
          await heard;
        }
        assert.ok(wakes > 0);
      });
    });
  });
}
