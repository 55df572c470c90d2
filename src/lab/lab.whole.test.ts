// The laboratory on this host: two experiments to the byte, and nothing left behind, also by a run that was killed.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { program as main } from '../../test/support/program.js';
import { hostFacts } from '../bpf/host-facts.js';
import { makePair, removeStale } from './namespaces.js';

function reasonToSkip(): string | false {
  if (process.platform !== 'linux') return 'needs Linux';
  const facts = hostFacts();
  if (!facts.btf) return 'this kernel publishes no BTF';
  if (!facts.capabilities.has('CAP_SYS_ADMIN')) return 'needs root: makes network namespaces and loads BPF programs';
  if (spawnSync('ip', ['-V']).error !== undefined) return 'needs ip (iproute2)';
  try {
    makePair().remove();
    return false;
  } catch (error) {
    return `no veth pair to be had: ${(error as Error).message}`;
  }
}

const skip = reasonToSkip();
const ours = (process: ChildProcess) => `clearway-lab-${process.pid}`;
const left = (name: string) =>
  ['/run/netns', '/sys/fs/cgroup/unified', '/sys/fs/cgroup']
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).filter((each) => each === name || each.startsWith(`${name}-`)));

function lab(...args: string[]): ChildProcess {
  return spawn(process.execPath, [main, 'lab', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
}

interface Row {
  treatment: string;
  sender: string;
  measured: { counters: Record<string, number>; arrivedLinear: number; program?: Record<string, number> };
  verdict: { agrees: boolean; copiedBytes: number; differences: string[] };
}

async function json(...args: string[]): Promise<Row[]> {
  const child = lab('--json', '--bytes', '1MiB', ...args);
  let text = '';
  child.stdout!.on('data', (bytes) => {
    text += String(bytes);
  });
  const [status] = (await once(child, 'close')) as [number];
  assert.equal(status, 0, text);
  assert.deepEqual(left(ours(child)), []);
  return (JSON.parse(text) as { experiments: Row[] }).experiments;
}

test('the firewall copies the whole payload the careless way, and nothing the other ways', { skip }, async () => {
  const bytes = 1024 * 1024;
  const rows = await json('firewall-careless/sendfile', 'firewall-head-only/sendfile', 'none/zerocopy');
  const [careless, headOnly, pinned] = rows as [Row, Row, Row];
  assert.ok(careless.measured.program!['linearised']! >= bytes);
  assert.ok(careless.measured.program!['headerBytes']! >= 12 * 16);
  assert.ok(careless.measured.arrivedLinear >= bytes);
  assert.equal(headOnly.measured.arrivedLinear, 0);
  assert.equal(headOnly.verdict.copiedBytes, 0);
  assert.ok(headOnly.measured.program!['headerBytes']! >= 12 * 16);
  assert.equal(pinned.measured.counters['pinned'], bytes);
  assert.ok(pinned.measured.counters['reverted']! >= bytes);
});

/** Starts a run that has much to do, and waits until its namespaces are there. */
async function underWay(): Promise<ChildProcess> {
  const child = lab('--bytes', '1GiB', 'none/write');
  child.stdout!.resume();
  const deadline = performance.now() + 60_000;
  while (left(ours(child)).length < 2) {
    assert.ok(performance.now() < deadline, 'the run never began');
    await new Promise((wake) => setTimeout(wake, 10));
  }
  return child;
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const) {
  test(`${signal} ends a run and leaves nothing`, { skip }, async () => {
    const child = await underWay();
    child.kill(signal);
    assert.deepEqual(await once(child, 'exit'), [status, null]);
    assert.deepEqual(left(ours(child)), []);
  });
}

test('what a run left that was killed with -9 is removed by the next', { skip }, async () => {
  const child = await underWay();
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.notDeepEqual(left(ours(child)), []);
  assert.ok(removeStale().some((name) => name.startsWith(ours(child))));
  assert.deepEqual(left(ours(child)), []);
});
