// The meter against workloads that know what they moved: no byte more, no byte less, and billed to the right process.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { workloads } from '../../test/support/socket-workloads.js';
import { addCounters, type Counters } from './accounts.js';
import { type CauseName, causes, tierSees } from './causes.js';
import { createMeter, type Reading } from './meter.js';
import { meterSkip } from './support.test.js';

const program = fileURLToPath(new URL('../../test/support/socket-workloads.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'clearway-meter-'));
after(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly child: ChildProcess;
  readonly result: string;
}

function start(name: string, mark = ''): Run {
  const result = join(folder, `${name}${mark}.json`);
  const child = spawn(process.execPath, [program, name, result], { stdio: ['ignore', 'ignore', 'inherit'] });
  return { child, result };
}

async function finish(run: Run): Promise<Counters> {
  const [status] = (await once(run.child, 'exit')) as [number];
  assert.equal(status, 0);
  return JSON.parse(readFileSync(run.result, 'utf8')) as Counters;
}

const countersOf = (reading: Reading, processId: number | undefined) =>
  addCounters(reading.rows.filter((row) => row.processId === processId).map((row) => row.counters));

/** Every counter of bytes must be what was moved; those not named must be 0. */
function assertExact(counted: Counters, expected: Counters, name: string): void {
  for (const cause of Object.keys(causes) as CauseName[]) {
    if (causes[cause].unit !== 'bytes' || !tierSees('tracepoints', cause)) continue;
    if (cause === 'reverted' && (expected.pinned ?? 0) > 0) {
      // What loopback copies is what was pinned, again for each retransmission, and for bytes of a mixed buffer.
      assert.ok((counted.reverted ?? 0) >= expected.pinned!, `${name}: reverted ${counted.reverted}`);
      continue;
    }
    assert.equal(counted[cause] ?? 0, expected[cause] ?? 0, `${name}: ${causes[cause].words}`);
  }
}

test('each workload, exact to the byte', { skip: meterSkip }, async (context) => {
  const meter = createMeter();
  try {
    for (const name of Object.keys(workloads)) {
      await context.test(name, async (each) => {
        const run = start(name);
        const expected = await finish(run);
        const reading = meter.read();
        const counted = countersOf(reading, run.child.pid);
        assertExact(counted, expected, name);
        if (expected.pinned !== undefined) each.diagnostic(`pinned ${expected.pinned}, reverted ${counted.reverted}`);
      });
    }
    const { shortfall } = meter.read();
    assert.deepEqual(shortfall, {
      lostEvents: 0,
      lostBytes: 0,
      unattributedBytes: 0,
      unattributedEvents: 0,
      missedEvents: 0,
    });
  } finally {
    meter.close();
  }
});

test('four processes at once, each billed for its own', { skip: meterSkip }, async () => {
  const meter = createMeter();
  try {
    const names = ['tcp-sendfile', 'tcp-zerocopy', 'udp-1000', 'unix-stream'];
    const runs = names.map((name) => start(name, '-together'));
    const results = await Promise.all(runs.map(finish));
    const reading = meter.read();
    runs.forEach((run, index) => {
      assertExact(countersOf(reading, run.child.pid), results[index]!, names[index]!);
    });
  } finally {
    meter.close();
  }
});
