// Programs that load, attach and run on this machine: tracing, maps, ring buffer, iterator; and refusals as they come.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bpfNextId } from '../kernel/bpf.js';
import { Assembler, fp, named, r0, r1, r2, r3, r6, r7, stack } from './assembler.js';
import { Btf } from './btf.js';
import { hostFacts } from './host-facts.js';
import { attachIterator, attachTracing, readIterator } from './link.js';
import { BpfMap } from './map.js';
import { BpfProgram } from './program.js';
import { ProgramSet, type SetMember } from './program-set.js';
import { RefusedError } from './refusals.js';
import { RingBuffer } from './ring-buffer.js';

const facts = process.platform === 'linux' ? hostFacts() : undefined;
const skip =
  (facts === undefined && 'needs Linux') ||
  (!facts?.btf && 'this kernel publishes no BTF') ||
  (!facts?.capabilities.has('CAP_SYS_ADMIN') && 'needs root: loads BPF programs');

const nothing = () => new Assembler().exit(0).assemble();

// A call that no library and no other thread of a Node process makes by itself, as they do make write.
const getppid = process.arch === 'x64' ? 110 : 173;
const callGetppid = () => assert.ok(process.ppid > 0);

/** Counts the calls of this number that each process makes: raw tracepoint sys_enter, `ctx[1]` is the call's number. */
function countCalls(callNumber: number): SetMember {
  const code = new Assembler()
    .load(8, r6, r1, 8)
    .jumpIf(r6, '!=', callNumber, 'out')
    .call('get_current_pid_tgid', {})
    .alu('rsh', r0, 32)
    .store(4, fp, -4, r0)
    .call('map_lookup_elem', { map: { map: 'calls' }, key: stack(-4) })
    .jumpIf(r0, '==', 0, 'out')
    .increase(r0, 0, 1, r1)
    .label('out')
    .exit(0)
    .assemble();
  return { name: 'count_calls', type: 'raw_tracepoint', target: 'sys_enter', code };
}

test('a raw tracepoint program counts exactly this process’s calls in a per-CPU hash', { skip }, () => {
  const set = ProgramSet.load(
    [{ name: 'calls', type: 'percpu_hash', keyBytes: 4, valueBytes: 8, maxEntries: 8 }],
    [countCalls(getppid)],
  );
  try {
    const calls = set.maps['calls']!;
    calls.update(process.pid, () => {});
    set.attach();
    for (let round = 0; round < 100; round++) callGetppid();
    set.detach();
    callGetppid();
    assert.equal(calls.sum(calls.lookup(process.pid)!, 0), 100);
    const seen: number[] = [];
    calls.forEach((key) => void seen.push(key.getUint32(0, true)));
    assert.deepEqual(seen, [process.pid]);
    assert.equal(calls.delete(process.pid), true);
    assert.equal(calls.delete(process.pid), false);
    assert.equal(calls.lookup(process.pid), undefined);
  } finally {
    set.close();
  }
});

test('maps: more entries than one batch, and the values come back', { skip }, () => {
  const map = BpfMap.create({ name: 'many', type: 'hash', keyBytes: 4, valueBytes: 12, maxEntries: 1000 });
  try {
    for (let key = 1; key <= 700; key++) map.update(key, (value) => value.setUint32(8, key * 3, true));
    const found = new Map<number, number>();
    map.forEach((key, value) => void found.set(key.getUint32(0, true), value.getUint32(8, true)));
    assert.equal(found.size, 700);
    for (const [key, value] of found) assert.equal(value, key * 3);
    assert.equal(map.lookup(701), undefined);
  } finally {
    map.close();
  }
});

test('socket and task storage are created with types of our own making', { skip }, () => {
  for (const type of ['sk_storage', 'task_storage'] as const) {
    BpfMap.create({ name: 'kept', type, keyBytes: 4, valueBytes: 48, maxEntries: 0 }).close();
  }
});

test('a ring buffer hands over every record in order, across many turns of the ring', { skip }, () => {
  const ring = RingBuffer.create('events', 4096);
  const code = new Assembler()
    .load(8, r6, r1, 8)
    .jumpIf(r6, '!=', getppid, 'out')
    .call('get_current_pid_tgid', {})
    .alu('rsh', r0, 32)
    .jumpIf32(r0, '!=', process.pid, 'out')
    .loadMapValue(r7, 'counter')
    .move(r2, 1)
    .atomic('add', 8, r7, 0, r2, true)
    .store(8, fp, -24, r2)
    .call('ringbuf_reserve', { ring: { map: 'events' }, size: 40, flags: 0 })
    .jumpIf(r0, '==', 0, 'out')
    .load(8, r2, fp, -24)
    .store(8, r0, 0, r2)
    .store(8, r0, 32, r2)
    .call('ringbuf_submit', { data: r0, flags: 0 })
    .label('out')
    .exit(0)
    .assemble();
  const counter = BpfMap.create({ name: 'counter', type: 'array', keyBytes: 4, valueBytes: 8, maxEntries: 1 });
  const source = { name: 'events', type: 'raw_tracepoint', target: 'sys_enter', code } as const;
  const program = BpfProgram.load(source, { events: ring.map, counter });
  const link = attachTracing(program);
  try {
    const seen: number[] = [];
    const collect = (record: DataView) => {
      assert.equal(record.byteLength, 40);
      assert.equal(record.getUint32(0, true), record.getUint32(32, true));
      seen.push(record.getUint32(0, true));
    };
    for (let round = 0; round < 40; round++) {
      for (let event = 0; event < 25; event++) callGetppid();
      assert.equal(ring.drain(collect, 10), 10);
      assert.equal(ring.drain(collect), 15);
      assert.equal(ring.drain(collect), 0);
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 1000 }, (_, index) => index),
    );
  } finally {
    link.detach();
    program.close();
    counter.close();
    ring.close();
  }
});

test('an iterator over tasks writes this process’s id', { skip }, () => {
  const task = named(r7, 'task');
  const code = new Assembler(Btf.kernel())
    .move(r6, r1)
    .load(8, task, r6, 8)
    .jumpIf(task, '==', 0, 'out')
    .loadField(r2, task, 'task_struct', 'tgid')
    .store(8, fp, -8, r2)
    .load(8, r1, r6, 0)
    .loadField(r1, r1, 'bpf_iter_meta', 'seq')
    .call('seq_write', { sequence: r1, data: stack(-8), size: 8 })
    .label('out')
    .exit(0)
    .assemble();
  const program = BpfProgram.load({ name: 'tasks', type: 'iter', target: 'task', code });
  const link = attachIterator(program);
  try {
    const bytes = readIterator(link);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const ids = Array.from({ length: bytes.byteLength / 8 }, (_, index) => view.getUint32(index * 8, true));
    assert.ok(ids.includes(process.pid));
  } finally {
    link.detach();
    program.close();
  }
});

test('function entry: runs, or is refused by a named policy; never a raw error', { skip }, (context) => {
  for (const type of ['fentry', 'fexit'] as const) {
    try {
      const program = BpfProgram.load({ name: 'entry', type, target: 'tcp_sendmsg', code: nothing() });
      attachTracing(program).detach();
      program.close();
    } catch (error) {
      assert.ok(error instanceof RefusedError);
      assert.ok(['policy', 'lockdown', 'seccomp'].includes(error.reason), error.message);
      assert.match(error.message, /tracepoint/);
      context.diagnostic(error.message);
    }
  }
});

test('what is not there, and what the verifier rejects, is named', { skip }, () => {
  const reason = (build: () => unknown) => {
    try {
      build();
    } catch (error) {
      assert.ok(error instanceof RefusedError, String(error));
      return [error.reason, error.detail ?? ''] as const;
    }
    return ['accepted', ''] as const;
  };
  const load = (part: Partial<SetMember>) => () =>
    BpfProgram.load({ name: 'bad', type: 'tp_btf', target: 'sock_send_length', code: nothing(), ...part }).close();
  assert.equal(reason(load({ type: 'fentry', target: 'no_such_function' }))[0], 'no-function');
  assert.equal(reason(load({ target: 'no_such_tracepoint' }))[0], 'no-tracepoint');
  assert.equal(reason(load({ module: 'no_such_module' }))[0], 'no-btf');
  const raw = load({ type: 'raw_tracepoint', target: 'no_such_tracepoint' });
  assert.equal(reason(raw)[0], 'accepted');
  const wild = new Assembler().load(8, r1, r1, 0).label('deep').load(8, r0, r1, 16384).exit().assemble();
  const [why, detail] = reason(load({ code: wild }));
  assert.equal(why, 'verifier');
  assert.match(detail, /after "deep".*past the end of struct sock/);
  const unset = new Assembler().move(r0, r3).exit().assemble();
  assert.match(reason(load({ code: unset }))[1], /r3 is read before anything was put there/);
});

test('a set that cannot be loaded leaves nothing behind, and optional members are noted', { skip }, () => {
  const held = ownPrograms();
  const good: SetMember = { name: 'good', type: 'tp_btf', target: 'sock_send_length', code: nothing() };
  const gone: SetMember = { name: 'gone', type: 'tp_btf', target: 'no_such', code: nothing() };
  assert.throws(() => ProgramSet.load([], [good, gone]), RefusedError);
  assert.deepEqual(ownPrograms(), held);
  const set = ProgramSet.load([], [good, { ...gone, optional: true }]);
  assert.equal(set.programs.length, 1);
  assert.deepEqual(
    set.refused.map((each) => each.reason),
    ['no-tracepoint'],
  );
  set.close();
});

test('killed with SIGKILL, a process leaves no program attached', { skip }, async () => {
  const script = `
    const { Assembler, BpfProgram, attachTracing } = await import(${JSON.stringify(new URL('./index.js', import.meta.url).href)});
    const code = new Assembler().exit(0).assemble();
    const program = BpfProgram.load({ name: 'doomed', type: 'tp_btf', target: 'sock_send_length', code });
    attachTracing(program);
    console.log(program.id);
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const id = Number(line.toString());
  assert.ok(programIds().includes(id));
  child.kill('SIGKILL');
  await once(child, 'exit');
  const deadline = performance.now() + 20_000;
  while (programIds().includes(id) && performance.now() < deadline) await new Promise((wake) => setTimeout(wake, 10));
  assert.ok(!programIds().includes(id));
});

/** The programs that this process holds: others load theirs meanwhile. */
function ownPrograms(): string[] {
  return readdirSync('/proc/self/fdinfo').flatMap((fd) => {
    try {
      return readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1').match(/^prog_id:.*$/m) ?? [];
    } catch {
      // The descriptor by which the folder was read.
      return [];
    }
  });
}

function programIds(): number[] {
  const ids: number[] = [];
  for (let id = bpfNextId('program', 0); id > 0; id = bpfNextId('program', id)) ids.push(id);
  return ids;
}

const isState = { code: 'CLEARWAY_STATE' };
const isArgument = { code: 'CLEARWAY_ARGUMENT' };

test('what is closed says so, and never touches memory or a number that it had', { skip }, () => {
  const map = BpfMap.create({ name: 'closed', type: 'hash', keyBytes: 4, valueBytes: 8, maxEntries: 16 });
  for (let key = 0; key < 8; key++) map.update(key, (value) => value.setUint32(0, 7, true));
  let visits = 0;
  map.forEach(() => {
    visits++;
    map.close();
  });
  assert.equal(visits, 1);
  map.close();
  assert.throws(() => map.lookup(1), isState);
  assert.throws(() => map.update(1, () => {}), isState);
  assert.throws(() => map.delete(1), isState);
  assert.throws(() => map.forEach(() => {}), isState);
  assert.throws(() => map.fd, isState);

  const ring = RingBuffer.create('closed', 4096);
  ring.close();
  ring.close();
  assert.throws(() => ring.drain(() => {}), isState);

  const program = BpfProgram.load({ name: 'closed', type: 'raw_tracepoint', target: 'sys_enter', code: nothing() });
  const link = attachTracing(program);
  link.detach();
  link.detach();
  assert.throws(() => link.pin('/sys/fs/bpf/never'), isState);
  program.close();
  program.close();
  assert.throws(() => attachTracing(program), isState);
  assert.throws(() => program.testRun(new Uint8Array(64)), isState);
  assert.throws(() => program.id, isState);
});

test('a visit may close its ring buffer', { skip }, () => {
  const ring = RingBuffer.create('visited', 4096);
  const code = new Assembler()
    .call('ringbuf_reserve', { ring: { map: 'visited' }, size: 8, flags: 0 })
    .jumpIf(r0, '==', 0, 'out')
    .store(8, r0, 0, 7)
    .move(r1, r0)
    .call('ringbuf_submit', { data: r1, flags: 0 })
    .label('out')
    .exit(0)
    .assemble();
  const program = BpfProgram.load({ name: 'visited', type: 'socket_filter', code }, { visited: ring.map });
  program.testRun(new Uint8Array(64), undefined, 3);
  let visits = 0;
  ring.drain(() => {
    visits++;
    ring.close();
  });
  assert.equal(visits, 1);
  program.close();
});

test('a map of no whole numbers, or without a name, is refused before the kernel is asked', { skip }, () => {
  const right = { name: 'm', type: 'hash', keyBytes: 4, valueBytes: 8, maxEntries: 16 } as const;
  for (const wrong of [{ keyBytes: 1.5 }, { valueBytes: '8' }, { maxEntries: -1 }, { flags: 2 ** 32 }, { name: 5 }])
    assert.throws(() => BpfMap.create({ ...right, ...wrong } as typeof right), isArgument);
  const map = BpfMap.create(right);
  for (const key of [undefined, null, '1', {}, 1n])
    assert.throws(() => map.lookup(key as unknown as number), isArgument);
  map.close();
});
