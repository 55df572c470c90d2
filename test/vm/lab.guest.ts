// In a guest: the laboratory on a kernel that patches functions, where the meter sees copies within the kernel and not
// only the lab's own programs do. Where the meter runs on tracepoints there, the same experiments hold by the latter.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
const bytes = 2 * 1024 * 1024;

interface Report {
  tier: string;
  experiments: {
    treatment: string;
    sender: string;
    skipped?: string;
    measured?: { counters: Record<string, number> };
    verdict?: { agrees: boolean; differences: string[] };
  }[];
}

// Few: under emulation each takes many seconds.
const names = [
  'none/zerocopy',
  'firewall/sendfile',
  'sg-off/write',
  'tx-off/sendfile',
  'xdp/sendfile',
  'capture/zerocopy',
];

test('the experiments hold on this kernel', (context) => {
  const args = [main, 'lab', '--json', '--bytes', String(bytes), ...names];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
  if (status === 3) return context.skip(stderr.trim());
  const { tier, experiments } = JSON.parse(stdout) as Report;
  context.diagnostic(`${tier} tier`);
  for (const { treatment, sender, skipped, measured, verdict } of experiments) {
    const name = `${treatment}/${sender}`;
    if (measured === undefined) {
      context.diagnostic(`${name} not run: ${skipped}`);
      continue;
    }
    assert.deepEqual(verdict?.differences, [], name);
    if (tier !== 'functions') continue;
    const linearised = measured.counters['linearised'] ?? 0;
    context.diagnostic(`${name}: linearised ${linearised}, headers ${measured.counters['headerExpanded']}`);
    if (treatment === 'firewall-careless') assert.ok(linearised >= bytes, `${name}: linearised ${linearised}`);
    if (treatment === 'firewall-head-only') assert.ok(linearised < bytes / 20, `${name}: linearised ${linearised}`);
  }
});
