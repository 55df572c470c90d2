import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { test } from 'node:test';
import { createMeter, type MeterOptions } from './meter.js';
import { addMembers } from './scope.js';

const skip = process.platform !== 'linux' && 'needs /proc';

test('a child forked while its parent is made a member becomes one too', { skip }, () => {
  const members = new Set<number>();
  let late: ChildProcess | undefined;
  try {
    addMembers(
      {
        update: (key) => {
          late ??= spawn('sleep', ['60'], { stdio: 'ignore' });
          members.add(key as number);
        },
      },
      process.pid,
    );
    assert.ok(members.has(process.pid));
    assert.ok(members.has(late!.pid!));
  } finally {
    late?.kill();
  }
});

test('a process that is not there is said', { skip }, () => {
  assert.throws(() => addMembers({ update: assert.fail }, 2 ** 22 + 1), { code: 'CLEARWAY_METER_SCOPE' });
});

test('a scope or a tier that there is not is refused before anything is attached', () => {
  const isScope = { code: 'CLEARWAY_METER_SCOPE' };
  for (const scope of [
    null,
    'all',
    {},
    { kind: 'host' },
    { kind: 'process' },
    { kind: 'process', processId: '1' },
    { kind: 'process', processId: Number.NaN },
    { kind: 'process', processId: 0 },
    { kind: 'cgroup', path: undefined },
  ])
    assert.throws(() => createMeter({ scope } as unknown as MeterOptions), isScope);
  for (const tier of [null, 'function', 1])
    assert.throws(() => createMeter({ tier } as unknown as MeterOptions), { code: 'CLEARWAY_ARGUMENT' });
});
