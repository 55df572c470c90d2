// Reading /proc: texts as kernels write them, and this very process as the subject.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { parseAutogroup } from './autogroup.js';
import { treeCpu, treeCpuBetweenNs } from './cpu.js';
import {
  descriptorTargets,
  fifoThreads,
  memoryOf,
  parseCpuList,
  parseKilobyteField,
  parseMachineStat,
  parseProcessStat,
  parseScheduledNs,
  parseWaitedNs,
  processTree,
} from './proc.js';

const skip = process.platform === 'linux' ? false : 'there is no /proc here';

test('parseProcessStat: a command name with spaces and parentheses', () => {
  const fields = '8729 (a) b) R 7 8729 5185 0 -1 4194304 158 0 2 0 71 9 3 4 20 0 1 0 96379';
  assert.deepEqual(parseProcessStat(fields), {
    name: 'a) b',
    parentPid: 7,
    cpuTicks: 80,
    systemTicks: 9,
    reapedChildrenCpuTicks: 7,
  });
  assert.throws(() => parseProcessStat('nothing'), /not a line/);
});

test('parseMachineStat: idle, iowait and steal are not work; guest is not counted twice', () => {
  const text = 'cpu  100 10 50 800 20 1 2 30 40 0\ncpu0 1 1 1 1\ncpu1 1 1 1 1\nintr 5\n';
  assert.deepEqual(parseMachineStat(text), { totalTicks: 1013, notIdleTicks: 163, stolenTicks: 30, processors: 2 });
});

test('parseScheduledNs, parseKilobyteField, parseCpuList', () => {
  assert.equal(parseScheduledNs('713807446 677507 12\n'), 713807446);
  assert.equal(parseScheduledNs(''), 0);
  assert.deepEqual(['713807446 677507 12\n', '0', ''].map(parseWaitedNs), [677507, 0, 0]);
  assert.equal(parseKilobyteField('Rss:  12 kB\nPss:   7 kB\nPss_Dirty: 3 kB\n', 'Pss'), 7168);
  assert.equal(parseKilobyteField('Rss: 12 kB\n', 'Pss'), undefined);
  assert.equal(parseAutogroup('/autogroup-15 nice -3\n'), -3);
  assert.equal(parseAutogroup(''), undefined);
  assert.deepEqual(parseCpuList('0-2,5\n'), [0, 1, 2, 5]);
});

test('a child is in the tree, and its time, memory and descriptors are seen', { skip }, async () => {
  const child = spawn(process.execPath, [
    '-e',
    `const usedMs = () => Object.values(process.cpuUsage()).reduce((sum, us) => sum + us / 1000, 0);
    process.stdin.once('data', () => { const end = usedMs() + 300; while (usedMs() < end); console.log(1); });
    console.log(0);`,
  ]);
  try {
    const next = () => new Promise((resolve) => child.stdout.once('data', resolve));
    await next();
    assert.ok(processTree(process.pid).includes(child.pid!));
    assert.ok(memoryOf(child.pid!).rssBytes >= memoryOf(child.pid!).pssBytes);
    assert.ok(memoryOf(child.pid!).pssBytes > 1e6);
    assert.ok(descriptorTargets(child.pid!).length >= 3);
    assert.equal(fifoThreads(child.pid!), 0);
    const before = treeCpu(child.pid!);
    const done = next();
    child.stdin.write('go\n');
    await done;
    const usedNs = treeCpuBetweenNs(before, treeCpu(child.pid!));
    assert.ok(usedNs > 250e6 && usedNs < 900e6, `300 ms of spinning were seen as ${usedNs / 1e6} ms`);
  } finally {
    child.kill('SIGKILL');
  }
});

test('treeCpuBetweenNs: a thread that ended is made up for by the ticks', () => {
  const before = {
    scheduledNs: new Map([
      [1, 5e9],
      [2, 9e9],
    ]),
    ticks: new Map([[1, 1400]]),
  };
  const after = { scheduledNs: new Map([[1, 6e9]]), ticks: new Map([[1, 1600]]) };
  assert.equal(treeCpuBetweenNs(before, after), 2e9);
  const steady = {
    scheduledNs: new Map([
      [1, 6.001e9],
      [2, 9e9],
    ]),
    ticks: new Map([[1, 1502]]),
  };
  assert.equal(treeCpuBetweenNs(before, steady), 1.001e9);
  assert.equal(treeCpuBetweenNs(before, { scheduledNs: new Map(), ticks: new Map() }), 0);
});
