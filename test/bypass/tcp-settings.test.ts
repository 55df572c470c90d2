// What can be set of our own TCP: what is out of bounds is refused with the name and the bounds, before anything is opened.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BypassOptions, planBypass } from '../../src/bypass/bypass-plan.js';
import { type TcpSettings, tcpNumbers } from '../../src/bypass/tcp-settings.js';
import { type EngineChoice, openEngine } from '../../src/transport/open-engine.js';

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
  refused({ timeWaitMs: Number.NaN }, /tcp\.timeWaitMs is NaN/);
  refused({ congestion: 'bbr' }, /tcp\.congestion is "bbr", and must be cubic or newreno/);
  refused({ keepAlive: 1 }, /there is no tcp\.keepAlive: there are userTimeoutMs/);
  refused({ toString: 1 }, /there is no tcp\.toString/);
});

test('options of a network that are of another kind than the types say are refused by their names', () => {
  const open = (options: unknown, message: RegExp): void =>
    assert.throws(() => planBypass(options as BypassOptions), { code: 'CLEARWAY_BYPASS', message });
  for (const options of [undefined, null, 'eth0', 7n]) open(options, /^a network is opened with an object that names/);
  for (const device of [undefined, null, 3, Symbol('s'), {}])
    open({ device }, /^device is .*, and must be the name of/);
  open({ device: 'lo', addresses: '10.0.0.2/24' }, /^addresses is "10\.0\.0\.2\/24", and must be a list of texts$/);
  open({ device: 'lo', gateways: [null] }, /^gateways is \[null\], and must be a list of texts$/);
  open({ device: 'lo', tcp: null }, /^tcp is null, and must be an object of settings$/);
  open({ device: 'lo', pollUs: 1n }, /^pollUs is 1n/);
});

test('an engine that there is not is no engine', () => {
  for (const engine of ['kqueue', '', null, 1, {}])
    assert.throws(() => openEngine(engine as EngineChoice), { code: 'CLEARWAY_ARGUMENT' });
});
