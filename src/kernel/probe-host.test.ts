import assert from 'node:assert/strict';
import { test } from 'node:test';
import { platformIsLinux } from './ffi.js';
import { resourceLimit } from './limits.js';
import { runProbe } from './probe.js';
import { hostProbes, judgeNode } from './probe-host.js';

const finding = (id: string) => runProbe(hostProbes.find((probe) => probe.id === id)!);

test('Node is judged by the version that the package asks for', () => {
  assert.equal(judgeNode('20.19.0').state, 'yes');
  assert.equal(judgeNode('26.1.0').state, 'yes');
  const old = judgeNode('20.18.3');
  assert.equal(old.state, 'no');
  assert.ok(old.cost !== undefined && old.remedy !== undefined);
});

test('what the host says of itself is what Node says of it', { skip: !platformIsLinux && 'needs Linux' }, () => {
  assert.equal(finding('node').facts.version, process.versions.node);
  assert.equal(finding('privileges').facts.user, process.getuid?.());
  assert.equal(finding('ffi').state, 'yes');
});

test('limits: the soft one is never above the hard one', { skip: !platformIsLinux && 'needs Linux' }, () => {
  for (const resource of ['NOFILE', 'MEMLOCK', 'STACK', 'CORE'] as const) {
    const { soft, hard } = resourceLimit(resource);
    assert.ok(soft <= hard && soft >= 0, `${resource}: ${soft} of ${hard}`);
  }
});
