// What can be set of our own TCP: what is out of bounds is refused with the name and the bounds, before anything is opened.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type TcpSettings, tcpNumbers } from '../../src/bypass/tcp-settings.js';

const refused = (settings: object, words: RegExp): void =>
  assert.throws(() => tcpNumbers(settings as TcpSettings), {
    name: 'BypassRefusal',
    code: 'CLEARWAY_BYPASS',
    message: words,
  });

test('settings within their bounds are taken, by the names of the core', () => {
  assert.deepEqual(tcpNumbers({ userTimeoutMs: 1000, keepProbes: 100, congestion: 'newreno' }), {
    userTimeoutMs: 1000,
    keepProbes: 100,
    congestion: 1,
  });
  assert.deepEqual(tcpNumbers({}), {});
});

test('what is out of bounds, no number, or not known is refused', () => {
  refused({ userTimeoutMs: 999 }, /tcp\.userTimeoutMs is 999, and must be a whole number of milliseconds from 1000 to/);
  refused({ keepProbes: 0 }, /tcp\.keepProbes is 0/);
  refused({ synTries: 2 ** 32 + 6 }, /tcp\.synTries is 4294967302/);
  refused({ receiveFrames: 12.5 }, /tcp\.receiveFrames is 12\.5/);
  refused({ sendFrames: '64' }, /tcp\.sendFrames is "64"/);
  refused({ timeWaitMs: Number.NaN }, /tcp\.timeWaitMs is null/);
  refused({ congestion: 'bbr' }, /tcp\.congestion is "bbr", and must be cubic or newreno/);
  refused({ keepAlive: 1 }, /there is no tcp\.keepAlive: there are userTimeoutMs/);
  refused({ toString: 1 }, /there is no tcp\.toString/);
});
