// Who did it: kernel stacks of reverted zero-copy on the tracepoint tier, their names, and what is said where there are none.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { KernelSymbols } from './functions/stacks.js';
import { createMeter } from './meter.js';
import { stackNotes, stackSection, stackText } from './stack-lines.js';
import { countersOf, finish, meterSkip, startWorkload, temporary } from './support.test.js';

test('what was reverted is on a stack that leads to the receive path', { skip: meterSkip }, async (context) => {
  const meter = createMeter({ tier: 'tracepoints', stacks: true });
  try {
    const run = startWorkload('tcp-zerocopy', '-stacks');
    await finish(run);
    const { reverted = 0 } = countersOf(meter.read(), run.child.pid);
    const stacks = meter.stacks();
    assert.ok(reverted > 0);
    assert.equal(
      stacks.reduce((sum, { bytes }) => sum + bytes, 0),
      reverted,
    );
    assert.ok(stacks.every(({ cause, events }) => cause === 'reverted' && events > 0));
    const hidden = meter.stackNotes().some((note) => note.includes('kptr_restrict'));
    if (hidden) context.diagnostic('kernel symbols are hidden on this host: names are not checked');
    else
      assert.ok(
        stacks.some((blame) => /^\S*netif_receive_skb\S* <- /.test(stackText(blame))),
        stackSection(stacks, []),
      );
  } finally {
    meter.close();
  }
});

test('stacks are of what is metered, and of nobody else', { skip: meterSkip }, async () => {
  const idle = spawn('sleep', ['600']);
  const other = createMeter({ tier: 'tracepoints', stacks: true, scope: { kind: 'process', processId: idle.pid! } });
  const all = createMeter({ tier: 'tracepoints', stacks: true, scope: { kind: 'all' } });
  try {
    await finish(startWorkload('tcp-zerocopy', '-stacks-of-others'));
    assert.deepEqual(other.stacks(), []);
    assert.match(other.stackNotes().join(), /of what is metered/);
    assert.ok(all.stacks().length > 0);
  } finally {
    other.close();
    all.close();
    idle.kill('SIGKILL');
  }
});

test('without the option the tracepoint tier keeps no stacks', { skip: meterSkip }, () => {
  const meter = createMeter({ tier: 'tracepoints' });
  assert.deepEqual(meter.stacks(), []);
  meter.close();
});

test('addresses are named by the symbol before them; hidden ones are said to be hidden', () => {
  const shown = temporary('kallsyms');
  writeFileSync(shown, 'ffffffff81000000 T first\nffffffff81000100 t second\t[module]\nffffffff81000080 d data\n');
  const symbols = new KernelSymbols(shown);
  assert.equal(symbols.name(0xffffffff810000ffn), 'first');
  assert.equal(symbols.name(0xffffffff81000100n), 'second');
  assert.equal(symbols.name(0xffffffff80ffffffn), '0xffffffff80ffffff');
  assert.equal(symbols.hidden, false);
  const zeros = temporary('kallsyms-hidden');
  writeFileSync(zeros, '0000000000000000 T first\n0000000000000000 T second\n');
  assert.equal(new KernelSymbols(zeros).hidden, true);
  assert.equal(new KernelSymbols(zeros).name(0xffffffff810000ffn), '0xffffffff810000ff');
  assert.match(stackNotes('functions', { kind: 'all' }, true).join(), /sysctl kernel\.kptr_restrict=1/);
  assert.doesNotMatch(stackNotes('functions', { kind: 'all' }, false).join(), /kptr/);
});

test('a long stack is shown by its ends', () => {
  const stack = ['a', 'b', 'c', 'd', 'e', 'f', 'do_syscall_64', 'entry_SYSCALL_64_after_hwframe'];
  assert.equal(stackText({ stack }), 'a <- b <- c <- d <- e <- f');
  assert.equal(stackText({ stack }, 5), 'a <- b <- ... <- e <- f');
  assert.match(stackText({ stack: [] }), /more than the map holds/);
  assert.match(stackSection([], ['a note']), /nothing was seen\n {2}- a note/);
});
