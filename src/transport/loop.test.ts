import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { engineAbsence } from '../../test/support/engine-absence.js';
import { FakeEngine } from '../engine/fake.js';
import { awaitInput, clearEvent, createEventDescriptor, signalEvent } from '../kernel/event.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { closeDescriptor, connectTcp, listenTcp, localAddress } from '../kernel/socket.js';
import { Region } from '../memory/region.js';
import type { Connection, Protocol } from './connection.js';
import { Endpoint } from './endpoint.js';
import { Listener } from './listener.js';
import { Loop, tickMs } from './loop.js';
import { openEngine } from './open-engine.js';

const noLinux = platformIsLinux ? false : 'needs Linux';
const here = JSON.stringify(new URL('.', import.meta.url).href);

/** How often something is tried that others on the machine may make slow. */
const mostTries = 100;

/** Whether one but the first took less than this. */
function isQuick(times: readonly number[], mostMs: number): boolean {
  return times.slice(1).some((ms) => ms < mostMs);
}

/** Answers every byte with the same byte, and keeps what `received` gives it to do. */
class Echo implements Protocol<null> {
  readonly region = new Region(65536);
  onReceived: (() => void) | undefined;
  createState(): null {
    return null;
  }
  opened(): void {}
  received(connection: Connection<null>, bytes: Uint8Array, start: number, end: number): number {
    this.region.bytes.set(bytes.subarray(start, end));
    connection.sendSegment(this.region.address, end - start, undefined, 0);
    connection.flush();
    this.onReceived?.();
    return end - start;
  }
  ended(connection: Connection<null>): void {
    connection.abort();
  }
  drained(): void {}
  expired(): void {}
  closed(): void {}
}

const limits = { maxConnections: 10, minRate: 0, rateWindowMs: 1000, backlogLimit: 1000 };

class Probe extends Endpoint {
  readonly seen: number[] = [];
  override readable(result: number): void {
    this.seen.push(result);
  }
}

describe('tokens, turns and ticks', { skip: noLinux }, () => {
  function fakeLoop(): { loop: Loop; engine: FakeEngine; pass: (ms: number) => void } {
    const engine = new FakeEngine();
    let nowMs = 0;
    const loop = new Loop(engine, () => nowMs);
    const pass = (ms: number): void => {
      nowMs += ms;
      loop.turn(0);
    };
    return { loop, engine, pass };
  }

  test('a token is used again, and its next endpoint alone is told', () => {
    const { loop, engine, pass } = fakeLoop();
    const [first, second] = [new Probe(), new Probe()];
    loop.register(first);
    const { token } = first;
    engine.watch(token, 100);
    engine.signal(100);
    pass(1);
    assert.equal(first.seen.length, 1);
    engine.cancel(token, 100);
    pass(1);
    loop.unregister(first);
    loop.unregister(first);
    assert.equal(first.token, -1);
    loop.register(second);
    assert.equal(second.token, token);
    engine.watch(token, 200);
    engine.signal(200);
    pass(1);
    assert.deepEqual([first.seen.length, second.seen.length], [2, 1]);
    const third = new Probe();
    loop.register(third);
    assert.notEqual(third.token, token);
    loop.close();
  });

  test('how long each turn was busy is told: not the wait, but all that is done behind it', () => {
    let nowMs = 0;
    const engine = new FakeEngine();
    const loop = new Loop(engine, () => nowMs);
    const { turn } = engine;
    const waits = [1000, 20];
    engine.turn = (waitMs, events) => {
      nowMs += waits.shift() ?? 0;
      // An engine to which nothing came says nothing of its wait.
      if (waits.length > 0) return turn.call(engine, waitMs, events);
      return 0;
    };
    const busyMs: number[] = [];
    loop.onTurn = (ms) => busyMs.push(ms);
    const takes = (ms: number) => () => {
      nowMs += ms;
    };
    loop.everyTick(takes(7));
    loop.nextTurn(takes(3));
    loop.turn(0);
    loop.nextTurn(takes(2));
    loop.turn(0);
    loop.turn(0);
    assert.deepEqual(busyMs, [10, 2, 0]);
    loop.close();
  });

  test('frames of a token that nobody has are given back', () => {
    const { loop, engine, pass } = fakeLoop();
    const probe = new Probe();
    loop.register(probe);
    const peer = engine.socket();
    engine.receive(probe.token, peer.fd);
    loop.unregister(probe);
    peer.write('abc');
    pass(1);
    assert.equal(engine.framesLent, 0);
    loop.close();
  });

  test('work for the next turn is done once, after the events; what it asks for comes a turn later', () => {
    const { loop, engine, pass } = fakeLoop();
    const order: string[] = [];
    const probe = new Probe();
    loop.register(probe);
    probe.readable = () => order.push('event');
    engine.watch(probe.token, 100);
    engine.signal(100);
    const again = (): void => {
      order.push('work');
      if (order.length < 4) loop.nextTurn(again);
    };
    loop.nextTurn(again);
    pass(1);
    assert.deepEqual(order, ['event', 'work']);
    pass(1);
    assert.deepEqual(order, ['event', 'work', 'work']);
    loop.close();
  });

  test('work that throws takes nothing else with it, and is not done twice', () => {
    const { loop, pass } = fakeLoop();
    const done: string[] = [];
    loop.nextTurn(() => done.push('first'));
    loop.nextTurn(() => {
      throw new Error('a defect');
    });
    loop.nextTurn(() => done.push('third'));
    assert.throws(() => pass(1), /a defect/);
    pass(1);
    assert.deepEqual(done, ['first', 'third']);
    loop.close();
  });

  test('ticks come with the grain of the clock, until they are stopped, also from within', () => {
    const { loop, pass } = fakeLoop();
    const ticks: number[] = [];
    const stop = loop.everyTick((nowMs) => {
      ticks.push(nowMs);
      if (ticks.length === 3) stop();
    });
    for (let turns = 0; turns < 20; turns++) pass(tickMs / 2);
    assert.deepEqual(ticks, [tickMs, 2 * tickMs, 3 * tickMs]);
    loop.close();
  });

  test('what is added within a tick waits for the next one', () => {
    const { loop, pass } = fakeLoop();
    let ticks = 0;
    const again = (): void => {
      const stop = loop.everyTick(() => {
        stop();
        if (++ticks < 1000) again();
      });
    };
    again();
    pass(tickMs);
    assert.equal(ticks, 1);
    pass(tickMs);
    assert.equal(ticks, 2);
    loop.close();
  });

  test('close within a turn waits for its end, and a second close does nothing', () => {
    const { loop, pass } = fakeLoop();
    let after = false;
    loop.nextTurn(() => loop.close());
    loop.nextTurn(() => {
      after = true;
    });
    pass(1);
    assert.ok(after, 'the turn went to its end');
    loop.close();
    loop.turn(0);
    const fd = createEventDescriptor();
    loop.close();
    signalEvent(fd);
    closeDescriptor(fd);
  });
});

for (const name of ['uring', 'epoll'] as const) {
  const skip = engineAbsence(name);

  describe(`a loop over ${name} in a thread of its own`, { skip }, () => {
    test('runs, is woken from another thread a thousand times, and stops', async () => {
      const script = `
        const { parentPort } = require('node:worker_threads');
        import(${here} + 'loop.js').then(({ Loop }) => {
          const loop = new Loop('${name}');
          const wakes = new Int32Array(new SharedArrayBuffer(8));
          loop.onWake = () => {
            Atomics.add(wakes, 0, 1);
            Atomics.notify(wakes, 0);
            if (Atomics.load(wakes, 1) === 1) loop.stop();
          };
          parentPort.postMessage({ fd: loop.wakeDescriptor, wakes });
          loop.run();
          loop.close();
          parentPort.postMessage('done');
        });`;
      const worker = new Worker(script, { eval: true });
      const messages: unknown[] = [];
      const started = new Promise<{ fd: number; wakes: Int32Array }>((resolve) => worker.once('message', resolve));
      worker.on('message', (message) => messages.push(message));
      const exited = new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject));
      const { fd, wakes } = await started;
      const since = performance.now();
      for (let round = 1; round <= 1000; round++) {
        signalEvent(fd);
        const limit = performance.now() + 5000;
        while (Atomics.load(wakes, 0) < round && performance.now() < limit) Atomics.wait(wakes, 0, round - 1, 100);
        assert.ok(Atomics.load(wakes, 0) >= round, `wake-up ${round}`);
      }
      assert.ok(performance.now() - since < 1000 * 20, 'by the signal, not by the tick');
      Atomics.store(wakes, 1, 1);
      signalEvent(fd);
      assert.equal(await exited, 0);
      assert.equal(messages.at(-1), 'done');
    });

    test('cannot be attached there', async () => {
      const script = `
        import(${here} + 'loop.js').then(({ Loop }) => {
          const loop = new Loop('${name}');
          try { loop.attach(); } catch (error) { require('node:worker_threads').parentPort.postMessage(error.code); }
          loop.close();
        });`;
      const worker = new Worker(script, { eval: true });
      assert.equal(await new Promise((resolve) => worker.once('message', resolve)), 'CLEARWAY_UNSUPPORTED');
    });
  });

  describe(`a loop over ${name} attached to Node's`, { skip }, () => {
    async function withEcho(work: (world: { loop: Loop; echo: Echo; port: number }) => Promise<void>): Promise<void> {
      const loop = new Loop(name);
      const fd = listenTcp({ host: '127.0.0.1', port: 0, nonBlocking: loop.engine.nonBlockingSockets });
      const echo = new Echo();
      const listener = new Listener(loop, fd, echo, limits, 'full');
      loop.attach();
      try {
        await work({ loop, echo, port: localAddress(fd).port });
      } finally {
        await new Promise<void>((resolve) => {
          listener.drain(resolve);
          listener.abortAll();
        });
        loop.close();
        closeDescriptor(fd);
        echo.region.unmap();
      }
    }

    /**
     * Sends a byte and waits for its echo, so many times, and on until one of them took less than this, the first left out: what is answered by the
     * tick alone takes about a tick each time but the first, and what is answered at once does not on any machine, as often as it is not let run.
     */
    async function roundTrips(port: number, count: number, mostMs: number): Promise<void> {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      const times: number[] = [];
      for (let round = 0; round < count || (!isQuick(times, mostMs) && round < mostTries); round++) {
        const since = performance.now();
        socket.write('x');
        await new Promise<void>((resolve) => socket.once('data', () => resolve()));
        times.push(performance.now() - since);
        // Everything comes to rest, so that each round is a wake-up of its own.
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      socket.destroy();
      assert.ok(isQuick(times, mostMs), `${times} ms`);
    }

    test('answers at once, by wake-ups and not by the tick', async () => {
      await withEcho(async ({ port }) => {
        await roundTrips(port, 25, tickMs / 5);
      });
    });

    test('promises and microtasks of its handlers run, and what they throw is reported', async () => {
      await withEcho(async ({ echo, port }) => {
        let resolved = 0;
        echo.onReceived = () => {
          Promise.resolve().then(() => resolved++);
          process.nextTick(() => resolved++);
        };
        await roundTrips(port, 3, Number.POSITIVE_INFINITY);
        assert.equal(resolved, 6);
        const reported = new Promise<Error>((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
        echo.onReceived = () => {
          echo.onReceived = undefined;
          throw new Error('a defect of the protocol');
        };
        const socket = connect(port, '127.0.0.1');
        socket.write('x');
        assert.match((await reported).message, /a defect/);
        process.setUncaughtExceptionCaptureCallback(null);
        socket.destroy();
        // The loop goes on, for others.
        await roundTrips(port, 3, tickMs);
      });
    });

    test('is woken from another thread, again and again', async () => {
      const loop = new Loop(name);
      loop.attach();
      const script = `
        const { parentPort, workerData } = require('node:worker_threads');
        import(${here} + '../kernel/event.js').then(({ signalEvent }) => {
          parentPort.on('message', () => signalEvent(workerData));
        });`;
      const worker = new Worker(script, { eval: true, workerData: loop.wakeDescriptor });
      const times: number[] = [];
      for (let round = 0; round < 20 || (!isQuick(times, tickMs / 5) && round < mostTries); round++) {
        const since = performance.now();
        await new Promise<void>((resolve) => {
          loop.onWake = resolve;
          worker.postMessage('signal');
        });
        times.push(performance.now() - since);
      }
      // The tick alone would see each of them about a tick later.
      assert.ok(isQuick(times, tickMs / 5), `${times} ms`);
      await worker.terminate();
      loop.close();
    });

    test('of turns that were asked for at several times the earliest comes at its own', async (t) => {
      const engine = openEngine(name);
      const loop = new Loop(engine);
      loop.attach();
      // What the beginning asks for is done.
      for (let passes = 0; passes < 5; passes++) await new Promise((resolve) => setImmediate(resolve));
      t.mock.timers.enable({ apis: ['setTimeout'] });
      let turns = 0;
      const take = engine.turn.bind(engine);
      engine.turn = (waitMs, events) => {
        turns++;
        return take(waitMs, events);
      };
      engine.onBegun!(10_000);
      engine.onBegun!(5);
      engine.onBegun!(7);
      t.mock.timers.tick(4);
      assert.equal(turns, 0);
      t.mock.timers.tick(2);
      assert.equal(turns, 1);
      t.mock.timers.reset();
      loop.close();
    });

    test("someone else's loop hears of each signal of a watched eventfd, and of nothing when there was none", () => {
      const engine = openEngine(name);
      const loop = new Loop(engine);
      const probe = new Probe();
      const event = createEventDescriptor();
      loop.register(probe);
      // As an attached loop has it: what is begun is submitted in a turn that somebody asks for.
      engine.onBegun = () => {};
      engine.watch(probe.token, event);
      const { descriptor } = engine;
      loop.turn(0);
      for (let round = 1; round <= 20; round++) {
        for (let turns = 0; awaitInput(descriptor, 0); turns++) {
          assert.ok(turns < 5, 'it comes to rest');
          loop.turn(0);
        }
        signalEvent(event);
        for (let waits = 0; probe.seen.length < round; waits++) {
          assert.ok(waits < 5 && awaitInput(descriptor, 5000), `signal ${round}`);
          loop.turn(0);
        }
        clearEvent(event);
      }
      engine.cancel(probe.token, event);
      for (let turns = 0; turns < 5; turns++) loop.turn(0);
      signalEvent(event);
      assert.equal(awaitInput(descriptor, 0), false, 'it is watched no more');
      loop.close();
      closeDescriptor(event);
    });

    test('can be detached and attached again; turns by hand work meanwhile', async () => {
      await withEcho(async ({ loop, port }) => {
        for (let round = 0; round < 3; round++) {
          await roundTrips(port, 4, tickMs / 2);
          loop.detach();
          loop.detach();
          const fd = connectTcp({ host: '127.0.0.1', port });
          for (let turns = 0; turns < 5; turns++) loop.turn(1);
          closeDescriptor(fd);
          loop.attach();
          loop.attach();
        }
      });
    });

    test('work for the next turn is done without any event', async () => {
      const loop = new Loop(name);
      loop.attach();
      const times: number[] = [];
      for (let round = 0; round < 5 || (!isQuick(times, tickMs / 2) && round < mostTries); round++) {
        const since = performance.now();
        await new Promise<void>((resolve) => loop.nextTurn(resolve));
        times.push(performance.now() - since);
      }
      assert.ok(isQuick(times, tickMs / 2), `${times} ms`);
      loop.close();
    });

    test('keeps the process alive while attached, unless told otherwise, and lets it end when detached', () => {
      const program = (then: string): string => `
        import { Loop } from ${JSON.stringify(new URL('./loop.js', import.meta.url).href)};
        const loop = new Loop('${name}');
        loop.attach();
        ${then}
        process.on('exit', () => console.log('ended', loop.turns > 0));`;
      const run = (then: string): string => {
        const options = { encoding: 'utf8', timeout: 60_000, killSignal: 'SIGKILL' } as const;
        const result = spawnSync(process.execPath, ['--input-type=module', '-e', program(then)], options);
        assert.equal(result.stderr, '');
        return result.stdout;
      };
      assert.equal(run('setTimeout(() => loop.detach(), 50);'), 'ended true\n');
      assert.equal(run('setTimeout(() => loop.close(), 50);'), 'ended true\n');
      assert.equal(run('loop.keepAlive(false); setTimeout(() => {}, 50);'), 'ended true\n');
      // A timer that keeps nothing alive: it is heard because something else does.
      assert.equal(
        run(`setTimeout(() => { console.log('alive'); process.exit(); }, 500).unref();`),
        'alive\nended true\n',
      );
    });
  });
}

test('a waker that the engine stopped watching is watched again', { skip: noLinux }, () => {
  const engine = new FakeEngine();
  const loop = new Loop(engine, () => 0);
  let wakes = 0;
  loop.onWake = () => wakes++;
  engine.cancel(0, loop.wakeDescriptor);
  loop.turn(0);
  loop.turn(0);
  engine.signal(loop.wakeDescriptor);
  loop.turn(0);
  assert.equal(wakes >= 1, true);
  assert.equal(engine.operations, 1, 'one watch');
  clearEvent(loop.wakeDescriptor);
  loop.close();
});
