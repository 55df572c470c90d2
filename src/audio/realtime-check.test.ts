import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
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

test('a user who may be real-time is not left so by having been asked', (t) => {
  if (process.getuid?.() !== 0) return t.skip('only root can become a user with a limit of its own');
  const check = new URL('realtime-check.js', import.meta.url).href;
  const scheduling = new URL('../kernel/scheduling.js', import.meta.url).href;
  const script = `const [{ checkRealtime }, { schedulingOf }] = await Promise.all([import('${check}'), import('${scheduling}')]);
    const before = schedulingOf(); const [fifo] = checkRealtime();
    console.log(JSON.stringify([before, schedulingOf(), fifo.state, fifo.detail]))`;
  const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
  const args = ['--rtprio=42', ...user, process.execPath, '--input-type=module', '-e', script];
  const { status, stdout, stderr, error } = spawnSync('prlimit', args, { encoding: 'utf8' });
  if (error !== undefined) return t.skip('prlimit is not here: apt-get install util-linux');
  if (status !== 0 && stderr.startsWith('prlimit:')) return t.skip(`no limits can be set here: ${stderr.trim()}`);
  assert.equal(status, 0, stderr);
  const ordinary = { policy: 0, priority: 0 };
  assert.deepEqual(JSON.parse(stdout), [ordinary, ordinary, 'yes', 'FIFO up to priority 42']);
});
