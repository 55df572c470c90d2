// The function tier against files and pipes, on tmpfs and on ext4 over a loop device, and what goes between them and
// sockets. The workloads run in this process, so every copy of it is theirs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { test } from 'node:test';
import {
  type CauseName,
  type Counters,
  causes,
  createMeter,
  type Meter,
  subtractCounters,
} from '../../src/meter/index.js';
import { countersOf } from '../../src/meter/support.test.js';
import { directWorkload, fileWorkloads, mappedWorkload, pipeWorkloads } from '../support/file-workloads.js';
import { furtherWorkloads } from '../support/further-workloads.js';

const own = (meter: Meter) => countersOf(meter.read(), process.pid);

/** Small copies between buffers that TCP makes as it goes (coalescing of short segments): at most this share. */
const small = 0.02;

/** Moves and compares. @returns what to say of it. */
function check(meter: Meter, move: () => Counters): string {
  const before = own(meter);
  const expected = move();
  const counted = subtractCounters(own(meter), before);
  const errors: string[] = [];
  for (const name of Object.keys(causes) as CauseName[]) {
    if (causes[name].unit !== 'bytes') continue;
    const difference = (counted[name] ?? 0) - (expected[name] ?? 0);
    // Retransmitted bytes are copied again.
    if (name === 'reverted' && (expected.pinned ?? 0) > 0 && difference >= 0) continue;
    const isSmall = ['otherCopied', 'coalesced', 'headerExpanded'].includes(name);
    if (difference === 0 || (isSmall && difference < small * (expected.payloadSent ?? 0))) continue;
    errors.push(`${name} ${counted[name]} of ${expected[name] ?? 0}`);
  }
  assert.deepEqual(errors, []);
  const { otherCopied = 0, coalesced = 0 } = counted;
  return `error 0; coalesced ${coalesced}, other ${otherCopied}`;
}

function ext4(): string {
  const folder = mkdtempSync('/mnt/clearway-ext4-');
  execFileSync('truncate', ['-s', '64M', '/tmp/disk']);
  execFileSync('mkfs.ext4', ['-q', '/tmp/disk']);
  execFileSync('mount', ['-o', 'loop', '/tmp/disk', folder]);
  return folder;
}

test('files and pipes, exact to the byte on the function tier', async (context) => {
  const meter = createMeter();
  try {
    assert.equal(meter.tier, 'functions');
    for (const [name, move] of Object.entries(pipeWorkloads)) {
      await context.test(name, (each) => each.diagnostic(check(meter, move)));
    }
    for (const [name, prepare] of Object.entries(furtherWorkloads)) {
      await context.test(name, (each) => {
        const move = prepare();
        if (typeof move === 'string') each.skip(move);
        else each.diagnostic(check(meter, move));
      });
    }
    await context.test('tcp-zerocopy-receive', (each) => {
      let moved: Counters = {};
      each.diagnostic(check(meter, () => (moved = mappedWorkload())));
      each.diagnostic(`mapped ${moved.mapped}, read ${moved.tcpReceived}`);
    });
    const folders = {
      tmpfs: mkdtempSync('/dev/shm/clearway-'),
      ...(existsSync('/sys/module/loop') ? { ext4: ext4() } : {}),
    };
    for (const [system, folder] of Object.entries(folders)) {
      for (const [name, move] of Object.entries(fileWorkloads)) {
        await context.test(`${name} on ${system}`, (each) => each.diagnostic(check(meter, () => move(folder))));
      }
    }
    const ext4Folder = (folders as { ext4?: string }).ext4;
    await context.test('O_DIRECT on ext4', { skip: ext4Folder === undefined && 'no loop device' }, (each) =>
      each.diagnostic(check(meter, () => directWorkload(ext4Folder!))),
    );
  } finally {
    meter.close();
  }
});
