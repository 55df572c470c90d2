// The function tier comes and goes: everything attached works on this kernel or is named as not seen, and nothing is left
// behind after close and after kill -9.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { bpfClose, bpfDescriptorById, bpfInfo, bpfNextId } from '../../src/kernel/bpf.js';
import { createMeter } from '../../src/meter/index.js';

/** Where struct bpf_prog_info (include/uapi/linux/bpf.h) keeps the name: 16 bytes. */
const nameAt = 64;

/** Names of the meter's programs in the kernel. */
function programsLeft(): string[] {
  const names: string[] = [];
  for (let id = bpfNextId('program', 0); id > 0; id = bpfNextId('program', id)) {
    const fd = bpfDescriptorById('program', id);
    if (fd < 0) continue;
    const info = bpfInfo(fd);
    bpfClose(fd);
    const bytes = info.subarray(nameAt, nameAt + 16);
    const name = new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(0)));
    if (/^(fn|meter)_/.test(name)) names.push(name);
  }
  return names;
}

/** The kernel frees programs a moment after their last descriptor is closed. */
async function allGone(): Promise<number> {
  const started = performance.now();
  while (programsLeft().length > 0 && performance.now() - started < 60_000) {
    await new Promise((wake) => setTimeout(wake, 20));
  }
  assert.deepEqual(programsLeft(), []);
  return performance.now() - started;
}

if (process.argv[2] === 'hold') {
  createMeter();
  process.stdout.write('attached\n');
  setInterval(() => {}, 1000);
} else {
  defineTests();
}

function defineTests(): void {
  test('opened and closed: nothing stays', async (context) => {
    const meter = createMeter();
    assert.equal(meter.tier, 'functions');
    assert.ok(programsLeft().length > 40);
    context.diagnostic(
      `attached ${programsLeft().length} programs in ${Math.round(meter.attachMs)} ms, self-test included`,
    );
    for (const line of meter.read().unseen) context.diagnostic(`not seen: ${line}`);
    const started = performance.now();
    meter.close();
    const closeMs = performance.now() - started;
    context.diagnostic(`closed in ${Math.round(closeMs)} ms, gone ${Math.round(await allGone())} ms later`);
  });

  test('killed with SIGKILL: nothing stays', async (context) => {
    const self = fileURLToPath(import.meta.url);
    const child = spawn(process.execPath, [self, 'hold'], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(child.stdout, 'data');
    assert.ok(programsLeft().length > 40);
    child.kill('SIGKILL');
    await once(child, 'exit');
    context.diagnostic(`gone ${Math.round(await allGone())} ms after the end`);
  });
}
