// What calibration says of packets past the kernel: the fit of costs that are known, the comparison, and the measurement itself.

import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { exactly, exactSends } from '../../test/support/exact-measurements.js';
import { constants } from '../plan/facts/constants.js';
import { type BypassPoint, bypassName, comparedPoints, fittedPoints } from './bypass-series.js';
import { bypassTable, checkBypass } from './check-bypass.js';
import { fitProfile } from './fit.js';
import { BypassRig } from './measure-bypass.js';

/** A host whose costs are known. */
function madeUpNs({ part, frame, batch }: BypassPoint): number {
  const bytes = frame - 4;
  const parts = {
    receive: 600 + 0.2 * bytes,
    core: 200 + 0.1 * bytes,
    send: 1000 + 0.05 * bytes + 1600 / batch,
    socket: 5000 + 0.3 * bytes,
  };
  return part === 'whole' ? parts.receive + parts.core + parts.send : parts[part];
}

const measured = new Map([
  ...[...fittedPoints, ...comparedPoints].map((point) => [bypassName(point), exactly(madeUpNs(point))] as const),
  ...exactSends(),
]);

test('the fit finds the costs past the kernel that it was made from, and predicts other frames and batches', () => {
  const { constants: found } = fitProfile(measured, constants);
  for (const [id, expected] of [
    ...([
      ['xsk.receive', 600],
      ['xsk.receive.copy', 0.2],
      ['stack.datagram', 200],
      ['stack.byte', 0.1],
    ] as const),
    ...([
      ['xsk.send', 1000],
      ['xsk.send.copy', 0.05],
      ['xsk.kick', 1600],
      ['xsk.kick.batch', 32],
    ] as const),
    ...([
      ['echo.socket', 5000],
      ['echo.socket.byte', 0.3],
    ] as const),
  ]) {
    const one = found[id];
    assert.ok(one !== undefined && Math.abs(one.value / expected - 1) < 1e-9, `${id}: ${one?.value}`);
    assert.equal(one.kind, 'measured here');
  }
  const checked = checkBypass(measured, { title: 'made up', source: 'a test', constants: found });
  assert.equal(checked.length, comparedPoints.length);
  for (const { error } of checked) assert.ok(Math.abs(error) < 1e-9, `${error}`);
  assert.match(bypassTable(checked), /\| our stack, AF_XDP in copy mode \| 256 \| 16 \| 1988 \| 1988 \| [+-]0 % \|/);
});

test('without rights the assumed constants stay, and there is nothing to compare', () => {
  const { constants: found } = fitProfile(
    new Map([...measured].filter(([name]) => !name.startsWith('bypass.'))),
    constants,
  );
  assert.equal(found['xsk.receive'], undefined);
  assert.equal(bypassTable(checkBypass(new Map(), { title: '', source: '', constants: found })), '');
});

test('an echo is measured part by part, in namespaces that go with it', (t) => {
  let rig: BypassRig;
  try {
    rig = BypassRig.make();
  } catch (error) {
    return t.skip(`needs rights to namespaces, veth, a tap and AF_XDP: ${(error as Error).message}`);
  }
  const open = readdirSync('/proc/self/fd').length;
  try {
    for (const point of [...fittedPoints, ...comparedPoints]) {
      // A difference of two costs, of which a busy machine may make nothing: it is measured again then.
      let ns = 0;
      for (let tries = 0; tries < 5 && ns <= 10; tries++) ns = rig.measure(point);
      assert.ok(ns > 10 && ns < 1e7, `${bypassName(point)}: ${ns}`);
    }
    assert.equal(readdirSync('/proc/self/fd').length, open);
  } finally {
    rig.close();
  }
  assert.ok(readdirSync('/proc/self/fd').length <= open - 9, 'its sockets, namespaces, tap and program are closed');
  BypassRig.make().close();
});
