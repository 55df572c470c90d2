import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Outcome, type Probe, runProbe } from './probe.js';
import { SystemError, UnsupportedError } from './system-error.js';

const probe = (examine: () => Outcome, more: Partial<Probe> = {}): Probe => ({
  ...{ id: 'thing', group: 'host', what: 'a thing', meaning: 'It does things.', examine },
  ...more,
});

test('a finding has every field, whatever the probe left out', () => {
  assert.deepEqual(
    runProbe(
      probe(() => ({ state: 'yes', detail: 'works' })),
      true,
    ),
    {
      ...{ id: 'thing', group: 'host', what: 'a thing', state: 'yes', detail: 'works', meaning: 'It does things.' },
      ...{ cost: null, remedy: null, facts: {} },
    },
  );
});

test('a probe that throws is a no that says why, with the hint of the error as the fix', () => {
  const fails = (error: unknown) =>
    runProbe(
      probe(() => {
        throw error;
      }),
      true,
    );
  const named = fails(new SystemError(24, 'socket', undefined, 'ulimit -n 65536'));
  assert.equal(named.state, 'no');
  assert.match(named.detail, /^could not be tried: socket: .*EMFILE/);
  assert.equal(named.remedy, 'ulimit -n 65536');
  assert.equal(named.facts.reason, 'probe-failed');
  assert.equal(fails(new UnsupportedError('no koffi', 'npm install koffi')).remedy, 'npm install koffi');
  for (const odd of ['a string', undefined, null, 7, {}]) {
    const finding = fails(odd);
    assert.equal(finding.state, 'no');
    assert.ok(finding.cost !== null && finding.remedy !== null);
  }
});

test('away from Linux only what can be asked anywhere is asked', () => {
  let asked = 0;
  const examine = (): Outcome => {
    asked++;
    return { state: 'yes', detail: 'works' };
  };
  const finding = runProbe(probe(examine), false);
  assert.equal(asked, 0);
  assert.equal(finding.state, 'no');
  assert.match(finding.detail, /^needs Linux on x64 or arm64; this is /);
  assert.equal(runProbe(probe(examine, { anywhere: true }), false).state, 'yes');
  assert.equal(asked, 1);
});
