// What the meter's tests share: why they cannot run where they cannot, workloads as processes, exact comparison.
// It holds no test of its own.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TypeSource } from '../bpf/assembler.js';
import { hostFacts } from '../bpf/host-facts.js';
import { addCounters, type Counters } from './accounts/accounts.js';
import { type CauseName, causes, tierSees } from './accounts/causes.js';
import type { Reading } from './meter.js';

const facts = process.platform === 'linux' ? hostFacts() : undefined;

/** The reason for `skip`, or false. */
export const meterSkip =
  (facts === undefined && 'needs Linux') ||
  (!facts?.btf && 'this kernel publishes no BTF') ||
  (!facts?.capabilities.has('CAP_SYS_ADMIN') && 'needs root: loads BPF programs') ||
  false;

/** The program of test/support that moves known bytes. */
export const workloadProgram = fileURLToPath(new URL('../../test/support/socket-workloads.js', import.meta.url));

let folder = '';

/** A path in a folder that goes away with the tests. */
export function temporary(name: string): string {
  if (folder === '') {
    folder = mkdtempSync(join(tmpdir(), 'clearway-meter-'));
    process.on('exit', () => rmSync(folder, { recursive: true }));
  }
  return join(folder, name);
}

/** A workload under way, and the file its result will stand in. */
export interface Run {
  readonly child: ChildProcess;
  readonly result: string;
}

/** Starts a workload; its output goes nowhere, so that it has no sockets but its own. */
export function startWorkload(name: string, mark = '', portFile = ''): Run {
  const result = temporary(`${name}${mark}.json`);
  const stdio: ['ignore', 'ignore', 'inherit'] = ['ignore', 'ignore', 'inherit'];
  return { child: spawn(process.execPath, [workloadProgram, name, result, portFile], { stdio }), result };
}

/** Starts a workload as a grandchild whose parent, a shell, ends at once. */
export function startShell(name: string): Run {
  const result = temporary(`${name}-shell.json`);
  const script = `"$0" "$1" "$2" "$3.new" && mv "$3.new" "$3" &`;
  const child = spawn('sh', ['-c', script, process.execPath, workloadProgram, name, result], { stdio: 'ignore' });
  return { child, result };
}

/** Waits, at most ten seconds, until a file is there. */
export async function fileThere(path: string): Promise<void> {
  const deadline = performance.now() + 60_000;
  while (!existsSync(path)) {
    assert.ok(performance.now() < deadline, `${path} never came`);
    await new Promise((wake) => setTimeout(wake, 5));
  }
}

/** Waits for the end and gives what was moved. */
export async function finish(run: Run): Promise<Counters> {
  const [status] = (await once(run.child, 'exit')) as [number];
  assert.equal(status, 0);
  await fileThere(run.result);
  return JSON.parse(readFileSync(run.result, 'utf8')) as Counters;
}

/** What a reading holds for one process. */
export function countersOf(reading: Reading, processId: number | undefined): Counters {
  return addCounters(reading.rows.filter((row) => row.processId === processId).map((row) => row.counters));
}

/** The counters of bytes, of those both tiers see, that are not what was moved. */
export function unalike(counted: Counters, expected: Counters): { cause: CauseName; difference: number }[] {
  return (Object.keys(causes) as CauseName[])
    .filter((cause) => causes[cause].unit === 'bytes' && tierSees('tracepoints', cause))
    .map((cause) => ({ cause, difference: (counted[cause] ?? 0) - (expected[cause] ?? 0) }))
    .filter(({ difference }) => difference !== 0);
}

/** Every counter of bytes must be what was moved; those not named must be 0. */
export function assertExact(counted: Counters, expected: Counters, name: string): void {
  for (const cause of Object.keys(causes) as CauseName[]) {
    if (causes[cause].unit !== 'bytes' || !tierSees('tracepoints', cause)) continue;
    if (cause === 'reverted' && (expected.pinned ?? 0) > 0) {
      // What loopback copies is what was pinned, again for each retransmission, and with it the rest of a mixed buffer.
      assert.ok((counted.reverted ?? 0) >= expected.pinned!, `${name}: reverted ${counted.reverted}`);
      continue;
    }
    assert.equal(counted[cause] ?? 0, expected[cause] ?? 0, `${name}: ${causes[cause].words}`);
  }
}

/** The types of a kernel before 6.14: without the tracepoint that tells the way of a TCP send. */
export function withoutWay(source: TypeSource): TypeSource {
  return {
    field: source.field.bind(source),
    hasField: source.hasField.bind(source),
    enumValue: source.enumValue.bind(source),
    structSize: source.structSize.bind(source),
    struct: source.struct.bind(source),
    functionId: source.functionId.bind(source),
    prototype: source.prototype.bind(source),
    tracepoint: (name) => (name === 'tcp_sendmsg_locked' ? undefined : source.tracepoint(name)),
  };
}
