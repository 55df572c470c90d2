// One suite for every engine of a kernel: what is watched is heard of before bytes that were sent after it. A site depends on
// it: whoever changes a file and then asks for it gets the new one.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { clearEvent, createEventDescriptor, signalEvent } from '../../src/kernel/event.js';
import { closeDescriptor } from '../../src/kernel/socket.js';
import { Bench, engineNames, skipReason } from './bench.js';

const token = 1;
const watched = 2;

for (const name of engineNames.filter((each) => each !== 'fake')) {
  describe(`the ${name} engine's order`, { skip: skipReason(name) }, () => {
    /** Runs with a stream and a descriptor that is watched; `change` makes the change, and sends after it. */
    function withBoth(
      run: (bench: Bench, fd: number, write: (text: string) => void, change: () => void) => void,
    ): void {
      const bench = new Bench(name);
      const { recorder } = bench;
      const { fd, peer } = bench.pair();
      const event = createEventDescriptor();
      const write = (text: string): void => void peer.write(Buffer.from(text));
      recorder.watch(watched, event);
      recorder.settle();
      run(bench, fd, write, () => {
        signalEvent(event);
        write('after');
      });
      recorder.until(() => recorder.bytes(token).toString().endsWith('after'), 'what was sent after it');
      const changed = recorder.events.findIndex(({ kind }) => kind === 'watch');
      let length = 0;
      const heard = recorder.events.findIndex(({ kind, result }) => {
        if (kind === 'receive' && result > 0) length += result;
        return length === recorder.length(token);
      });
      assert.ok(changed >= 0 && changed < heard, JSON.stringify(recorder.events));
      clearEvent(event);
      recorder.engine.cancel(watched, event);
      recorder.engine.cancel(token, fd);
      recorder.until(() => recorder.underWay === 0, 'the ends');
      closeDescriptor(event);
      bench.end();
    }

    /** Makes the change between the engine's next wait and what comes of it, or after a turn without a wait. */
    function atNextWait({ recorder }: Bench, change: () => void): void {
      let isDone = false;
      recorder.onWaited = () => {
        recorder.onWaited = undefined;
        isDone = true;
        change();
      };
      recorder.engine.turn(0, recorder);
      recorder.onWaited = undefined;
      if (!isDone) change();
    }

    /** Makes the change as soon as bytes are handed out. */
    function atNextBytes({ recorder }: Bench, change: () => void): void {
      recorder.on = ({ kind, result }) => {
        if (kind !== 'receive' || result <= 0) return;
        recorder.on = undefined;
        change();
      };
    }

    /** As a connection does: the first bytes are received once, and then again. */
    function beginAgain({ recorder }: Bench, fd: number, write: (text: string) => void, idleTurns: number): void {
      recorder.receive(token, fd, true);
      for (let turns = 0; turns < idleTurns; turns++) recorder.engine.turn(0, recorder);
      write('first');
      recorder.until(() => recorder.length(token) === 5, 'the first bytes');
      recorder.receive(token, fd);
    }

    for (const once of [true, false]) {
      test(`both come right after the wait, for the first bytes${once ? ', which are received once' : ''}`, () => {
        withBoth((bench, fd, _write, change) => {
          bench.recorder.receive(token, fd, once);
          atNextWait(bench, change);
        });
      });
    }

    test('both come right after the wait, when receiving began again', () => {
      for (const idleTurns of [0, 1, 5]) {
        withBoth((bench, fd, write, change) => {
          beginAgain(bench, fd, write, idleTurns);
          atNextWait(bench, change);
        });
      }
    });

    test('both come while the bytes before them are answered', () => {
      for (const idleTurns of [0, 1, 5]) {
        for (const turnsBetween of [0, 1, 5]) {
          withBoth((bench, fd, write, change) => {
            beginAgain(bench, fd, write, idleTurns);
            for (let turns = 0; turns < turnsBetween; turns++) bench.engine.turn(0, bench.recorder);
            write('second');
            atNextBytes(bench, change);
          });
        }
      }
    });
  });
}
