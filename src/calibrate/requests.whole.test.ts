// What calibration says of requests over TCP past the kernel and through it: the fit of costs that are known, the comparison, and the measurement itself.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exactly, exactSends } from '../../test/support/exact-measurements.js';
import { constants } from '../plan/facts/constants.js';
import { checkRequests, requestTable } from './check-requests.js';
import { fitProfile } from './fit.js';
import { RequestRig } from './measure-requests.js';
import { comparedRequests, fittedRequests, type RequestPoint, requestName } from './request-series.js';

const madeUpNs = ({ way, bytes }: RequestPoint): number =>
  way === 'socket' ? 21_000 + 0.25 * bytes : 18_000 + 1.5 * bytes;

const measured = new Map([
  ...[...fittedRequests, ...comparedRequests].map((point) => [requestName(point), exactly(madeUpNs(point))] as const),
  ...exactSends(),
]);

test('the fit finds what requests were made of, and predicts other files', () => {
  const { constants: found } = fitProfile(measured, constants);
  for (const [id, expected] of [
    ['request.socket', 21_000],
    ['request.socket.byte', 0.25],
    ['request.bypass', 18_000],
    ['request.bypass.byte', 1.5],
  ] as const) {
    const one = found[id];
    assert.ok(one !== undefined && Math.abs(one.value / expected - 1) < 1e-9, `${id}: ${one?.value}`);
  }
  const checked = checkRequests(measured, { title: 'made up', source: 'a test', constants: found });
  assert.equal(checked.length, comparedRequests.length);
  for (const { error } of checked) assert.ok(Math.abs(error) < 1e-9, `${error}`);
  assert.match(
    requestTable(checked),
    /\| our TCP\/IP, AF_XDP in copy mode \| 8 KiB \| 16 \| 30\.3 \| 30\.3 \| [+-]0 % \|/,
  );
});

test('without rights the assumed constants stay, and there is nothing to compare', () => {
  const { constants: found } = fitProfile(
    new Map([...measured].filter(([name]) => !name.startsWith('request.'))),
    constants,
  );
  assert.equal(found['request.bypass'], undefined);
  assert.equal(requestTable(checkRequests(new Map(), { title: '', source: '', constants: found })), '');
});

test('a request is measured both ways, by servers that end with it', async (t) => {
  const rig = RequestRig.open();
  if (rig === undefined) return t.skip('needs rights to namespaces and veth');
  try {
    for (const point of fittedRequests) {
      let ns: number;
      try {
        ns = await rig.measure(point);
      } catch (error) {
        return t.skip(`needs rights to AF_XDP: ${(error as Error).message}`);
      }
      assert.ok(ns > 500 && ns < 1e8, `${requestName(point)}: ${ns}`);
    }
  } finally {
    await rig.close();
  }
});

test('a server that ends at once is told of, and leaves no timer', async (t) => {
  const rig = RequestRig.open();
  if (rig === undefined) return t.skip('needs rights to namespaces and veth');
  const before = process.env.NODE_OPTIONS;
  const timers = (): number => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  const known = timers();
  try {
    process.env.NODE_OPTIONS = '--no-such-option';
    await assert.rejects(rig.measure(fittedRequests[0]!), /did not begin: .*--no-such-option/s);
    assert.equal(timers(), known);
  } finally {
    if (before === undefined) delete process.env.NODE_OPTIONS;
    else process.env.NODE_OPTIONS = before;
    await rig.close();
  }
});
