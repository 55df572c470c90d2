// Packet programs: test-run on bytes of our own, and attached inside a network namespace made for the test.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { test } from 'node:test';
import { Assembler, r0, r1, r2, r3, r6 } from './assembler.js';
import { hostFacts } from './host-facts.js';
import { attachCgroup } from './link.js';
import { BpfMap } from './map.js';
import { BpfProgram, type ProgramType } from './program.js';

const facts = process.platform === 'linux' ? hostFacts() : undefined;
const skip =
  (facts === undefined && 'needs Linux') ||
  (!facts?.capabilities.has('CAP_SYS_ADMIN') && 'needs root: loads BPF programs');

const packet = (length: number) => Uint8Array.from({ length }, (_, index) => index & 0xff);
const load = (type: ProgramType, build: (assembler: Assembler) => Assembler, maps = {}) =>
  BpfProgram.load({ name: `test_${type}`, type, code: build(new Assembler()).assemble() }, maps);

test('an XDP program reads the packet within its bounds and decides', { skip }, () => {
  const program = load('xdp', (assembler) =>
    assembler
      .load(4, r2, r1, 0)
      .load(4, r3, r1, 4)
      .move(r6, r2)
      .add(r6, 14)
      .jumpIf(r6, '>', r3, 'drop')
      .load(1, r0, r2, 13)
      .jumpIf(r0, '!=', 13, 'drop')
      .exit(2)
      .label('drop')
      .exit(1),
  );
  try {
    assert.equal(program.testRun(packet(64)).returned, 2);
    const other = packet(64);
    other[13] = 0;
    assert.equal(program.testRun(other).returned, 1);
    // Whoever else uses the processor meanwhile is in it: the quickest of some counts.
    const durations = Array.from({ length: 10 }, () => program.testRun(packet(64), undefined, 1000).durationNs);
    assert.ok(Math.min(...durations) < 10_000, `${durations} ns`);
  } finally {
    program.close();
  }
});

test('a tc program changes the packet it is given', { skip }, () => {
  const program = load('tc', (assembler) =>
    assembler
      .move(r6, r1)
      .store(8, { number: 10, name: 'fp' }, -8, 0x5a)
      .call('skb_store_bytes', { skb: r6, offset: 20, from: { stack: -8 }, length: 1, flags: 0 })
      .exit(0),
  );
  try {
    const outcome = program.testRun(packet(64));
    assert.equal(outcome.returned, 0);
    assert.equal(outcome.data.length, 64);
    assert.equal(outcome.data[20], 0x5a);
    assert.equal(outcome.data[21], 21);
  } finally {
    program.close();
  }
});

test('tc and XDP attach to loopback in a namespace of their own and see each packet; closing detaches', {
  skip,
}, () => {
  const index = JSON.stringify(new URL('./index.js', import.meta.url).href);
  const script = `
    const { Assembler, BpfMap, BpfProgram, attachTcx, attachXdp, interfaceIndex, r1, r2, named } = await import(${index});
    import { spawnSync } from 'node:child_process';
    import { createSocket } from 'node:dgram';
    spawnSync('ip', ['link', 'set', 'lo', 'up']);
    const spec = { type: 'array', keyBytes: 4, valueBytes: 8, maxEntries: 1 };
    const maps = { tc: BpfMap.create({ ...spec, name: 'tc' }), xdp: BpfMap.create({ ...spec, name: 'xdp' }) };
    const counting = (type, verdict) => BpfProgram.load({ name: type, type, code: new Assembler()
      .loadMapValue(r1, type).move(r2, 1).atomic('add', 8, r1, 0, r2).exit(verdict).assemble() }, maps);
    const tc = attachTcx(counting('tc', -1), 1, 'egress');
    const xdp = attachXdp(counting('xdp', 2), interfaceIndex('lo'), 'generic');
    const receiver = createSocket('udp4');
    let received = 0;
    receiver.on('message', () => { received++; });
    await new Promise((done) => receiver.bind(0, '127.0.0.1', done));
    const sender = createSocket('udp4');
    const send = () => new Promise((done) => sender.send('x', receiver.address().port, '127.0.0.1', done));
    for (let count = 0; count < 7; count++) await send();
    tc.detach(); xdp.detach();
    await send();
    await new Promise((done) => setTimeout(done, 50));
    receiver.close(); sender.close();
    const read = (name) => Number(maps[name].lookup(0).getBigUint64(0, true));
    console.log(JSON.stringify({ received, tc: read('tc'), xdp: read('xdp') }));`;
  const child = spawnSync('unshare', ['-n', process.execPath, '--input-type=module', '-e', script], {
    encoding: 'utf8',
  });
  assert.equal(child.stderr, '');
  assert.deepEqual(JSON.parse(child.stdout), { received: 8, tc: 7, xdp: 7 });
});

const unified = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => existsSync(`${path}/cgroup.procs`));
const skipCgroup = skip || (unified === undefined && 'no cgroup v2 hierarchy is mounted');

test('sockops and cgroup programs attach to a cgroup and run for its processes', { skip: skipCgroup }, () => {
  const path = `${unified}/clearway-test-${process.pid}`;
  mkdirSync(path);
  const count = BpfMap.create({ name: 'count', type: 'array', keyBytes: 4, valueBytes: 16, maxEntries: 1 });
  const counter = (offset: number, verdict: number) => (assembler: Assembler) =>
    assembler.loadMapValue(r1, 'count', offset).move(r2, 1).atomic('add', 8, r1, 0, r2).exit(verdict);
  const programs = [load('sockops', counter(0, 0), { count }), load('cgroup_sock_create', counter(8, 1), { count })];
  const links = programs.map((program) => attachCgroup(program, path));
  try {
    const script = `
      require('node:fs').writeFileSync(${JSON.stringify(`${path}/cgroup.procs`)}, String(process.pid));
      const server = require('node:net').createServer((socket) => socket.end()).listen(0, '127.0.0.1', () => {
        require('node:net').connect(server.address().port, '127.0.0.1').on('close', () => server.close()).resume();
      });`;
    const child = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
    assert.equal(child.stderr, '');
    const value = count.lookup(0)!;
    assert.ok(value.getBigUint64(0, true) >= 3n, 'connect, established at both ends');
    assert.equal(value.getBigUint64(8, true), 2n, 'two sockets were created');
    assert.equal(readFileSync(`${path}/cgroup.procs`, 'utf8'), '');
  } finally {
    for (const link of links) link.detach();
    for (const program of programs) program.close();
    count.close();
    rmdirSync(path);
  }
});
