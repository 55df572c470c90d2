// Connections that wait are taken many at a time by the epoll engine: in order, each once, and whatever ends it in the midst (no descriptors,
// a handler that throws or has had enough), those that were taken are handed out, or closed.

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { EngineEvents } from '../../src/engine/engine.js';
import { Errno } from '../../src/kernel/errno.js';
import { resourceLimit, setLimit } from '../../src/kernel/limits.js';
import { closeDescriptor, isNonBlocking } from '../../src/kernel/socket.js';
import { Bench, Gathered, type Peer, type Recorder, skipReason } from './bench.js';

/** More than are taken together, and more than a turn takes. */
const many = 70;
const token = 9;

/** The bytes that tell one peer from the others. */
const nameOf = (index: number): Buffer => Buffer.from(`${index}`.padStart(4));

/** Peers that wait to be accepted, each of which said its number. */
function dial(bench: Bench, count: number): Peer[] {
  return Array.from({ length: count }, (_, index) => {
    const peer = bench.dial();
    assert.equal(peer.write(nameOf(index)), 4);
    return peer;
  });
}

/** Has a list of calls be used from now on: it is made when many came together. */
function warm(bench: Bench): void {
  for (const { fd, peer } of bench.connect(12)) {
    bench.closeSocket(fd);
    peer.close();
  }
}

/** The descriptors that were accepted so far. */
const accepted = ({ recorder }: Bench): number[] =>
  recorder
    .of('accept', token)
    .filter(({ result }) => result >= 0)
    .map(({ result }) => result);

/** Holds what each descriptor receives against the number of the peer that was to be at its other end. */
function expectOrder(bench: Bench, fds: readonly number[]): void {
  const { recorder } = bench;
  fds.forEach((fd, index) => void recorder.receive(100 + index, fd));
  recorder.until(() => fds.every((_, index) => recorder.length(100 + index) === 4), 'every name');
  fds.forEach((_, index) => {
    assert.deepEqual([...recorder.bytes(100 + index)], [...nameOf(index)]);
  });
}

/** The number that the next descriptor has. */
function nextDescriptor(): number {
  const fd = openSync('/dev/null', 'r');
  closeSync(fd);
  return fd;
}

/** The end of what was accepted, and of the bench. */
function finish(bench: Bench): void {
  const { engine, listening, recorder } = bench;
  recorder.on = undefined;
  const fds = accepted(bench);
  for (const fd of fds) engine.cancel(0, fd, true);
  engine.cancel(token, listening);
  recorder.until(() => recorder.underWay === 0, 'every end');
  for (const fd of fds) bench.closeSocket(fd);
  bench.end();
}

for (const isListed of [false, true]) {
  const open = (): Bench => {
    const bench = new Bench('epoll');
    if (isListed) warm(bench);
    return bench;
  };

  describe(`arrivals, ${isListed ? 'listed' : 'one by one'}`, { skip: skipReason('epoll') }, () => {
    test('all that wait are taken, in order, and their sockets do not block', () => {
      const bench = open();
      dial(bench, many);
      bench.recorder.accept(token, bench.listening);
      bench.recorder.until(() => accepted(bench).length === many, 'all of them');
      const fds = accepted(bench);
      assert.equal(new Set(fds).size, many);
      assert.ok(fds.every(isNonBlocking));
      expectOrder(bench, fds);
      finish(bench);
    });

    test('where descriptors run out in the midst, those that were taken are told of first, and the others wait', () => {
      const bench = open();
      const { recorder } = bench;
      dial(bench, many);
      const { soft, hard } = resourceLimit('NOFILE');
      recorder.accept(token, bench.listening);
      assert.ok(setLimit('NOFILE', nextDescriptor() + 10, hard));
      try {
        recorder.until(() => !recorder.isUnderWay('accept', token), 'the end of accepting');
      } finally {
        assert.ok(setLimit('NOFILE', soft, hard));
      }
      const events = recorder.of('accept', token);
      assert.deepEqual(events.at(-1), { kind: 'accept', token, result: -Errno.EMFILE, more: false });
      const before = accepted(bench).length;
      assert.ok(before > 0 && before < many, `${before} were taken`);
      recorder.accept(token, bench.listening);
      recorder.until(() => accepted(bench).length === many, 'the others');
      assert.equal(new Set(accepted(bench)).size, many);
      finish(bench);
    });

    test('a handler that throws loses none of those behind it', () => {
      const bench = open();
      const { engine, recorder } = bench;
      dial(bench, many);
      let calls = 0;
      let thrown = 0;
      recorder.on = ({ kind }) => {
        if (kind !== 'accept' || ++calls % 5 !== 0) return;
        thrown++;
        throw new Error('a defect of the handler');
      };
      recorder.accept(token, bench.listening);
      for (let turns = 0; turns < 1000 && accepted(bench).length < many; turns++) {
        try {
          engine.turn(10, recorder);
        } catch (error) {
          assert.match((error as Error).message, /a defect/);
        }
      }
      recorder.on = undefined;
      assert.equal(thrown, many / 5);
      assert.equal(new Set(accepted(bench)).size, many);
      expectOrder(bench, accepted(bench));
      finish(bench);
    });

    test('accepting that is cancelled by who is told of one ends once, after those that were taken; the others wait', () => {
      const bench = open();
      const { engine, recorder } = bench;
      dial(bench, many);
      let calls = 0;
      recorder.on = ({ kind }) => {
        if (kind === 'accept' && ++calls === 3) engine.cancel(token, bench.listening);
      };
      recorder.accept(token, bench.listening);
      recorder.until(() => !recorder.isUnderWay('accept', token), 'the end of accepting');
      recorder.settle();
      recorder.on = undefined;
      assert.equal(recorder.last('accept', token)?.result, -Errno.ECANCELED);
      const before = accepted(bench).length;
      assert.ok(before >= 3 && before < many, `${before} were taken`);
      recorder.accept(token, bench.listening);
      recorder.until(() => accepted(bench).length === many, 'the others');
      expectOrder(bench, accepted(bench));
      finish(bench);
    });

    test('the end of the engine closes those that were taken and not handed out', () => {
      const bench = open();
      const { engine, recorder } = bench;
      const peers = dial(bench, 20);
      const got = peers.map(() => new Gathered());
      const sink: EngineEvents = Object.assign(Object.create(recorder) as Recorder, {
        accepted: (_token: number, fd: number) => {
          closeDescriptor(fd);
          throw new Error('a defect of the handler');
        },
      });
      engine.accept(token, bench.listening);
      assert.throws(() => {
        for (let turns = 0; turns < 100; turns++) engine.turn(100, sink);
      }, /a defect/);
      engine.close();
      closeDescriptor(bench.listening);
      peers.forEach((peer, index) => {
        // Closed with bytes unread: a reset, or an end.
        got[index]!.add(peer.read());
        assert.ok(peer.ended, `${index}`);
        peer.close();
      });
    });
  });
}
