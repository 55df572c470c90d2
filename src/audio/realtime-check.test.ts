import assert from 'node:assert/strict';
import { test } from 'node:test';
import { schedulingOf } from '../kernel/scheduling.js';
import { checkRealtime } from './realtime-check.js';

test('every answer that is not a yes says what is lost and what gives it; the thread is scheduled as before', () => {
  const before = schedulingOf();
  const findings = checkRealtime();
  assert.deepEqual(schedulingOf(), before);
  assert.deepEqual(
    findings.map(({ id }) => id),
    [
      ...['audio_fifo', 'audio_memlock', 'audio_throttling', 'audio_cgroup', 'audio_cards', 'audio_group'],
      ...['audio_libasound', 'audio_libjack', 'audio_libflac', 'audio_libsndfile'],
    ],
  );
  for (const { id, state, detail, cost, remedy, group, facts } of findings) {
    assert.equal(group, 'audio');
    assert.notEqual(facts.reason, 'probe-failed', `${id}: ${detail}`);
    assert.ok(detail !== '');
    if (state !== 'yes') assert.ok(cost !== null && remedy !== null, id);
  }
});
