// `clearway journey` as people run it: reports, exports, statuses, signals, refusals; and nothing stays attached.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { program as main } from '../../test/support/program.js';
import { exchange } from '../journey/support.test.js';
import { bpfNextId } from '../kernel/bpf.js';
import { meterSkip, temporary } from '../meter/support.test.js';
import { parseJourneyArguments } from './journey-options.js';
import { UsageError } from './kit/usage.js';

const clearway = (...args: string[]) => spawnSync(process.execPath, [main, 'journey', ...args], { encoding: 'utf8' });

/** A program that sends itself messages over loopback and says nothing. */
const talk = `import net from 'node:net';
  const server = net.createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1', () => {
    const socket = net.connect(server.address().port, '127.0.0.1');
    let left = 20;
    socket.on('data', () => { if (left-- > 0) socket.write('hello'); else { socket.destroy(); server.close(); } });
    socket.write('hello');
  });`;
const talking = ['--', process.execPath, '--input-type=module', '-e', talk];

test('a command is run and followed: report, trace and capture', { skip: meterSkip }, () => {
  const [trace, pcapng] = [temporary('talk.json'), temporary('talk.pcapng')];
  const outcome = clearway('--trace', trace, '--pcapng', pcapng, ...talking);
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.equal(outcome.stdout, '', 'standard output is the command’s');
  assert.match(outcome.stderr, /^Measured journey of 42 messages: /);
  assert.match(outcome.stderr, /entered > queued +42 /);
  assert.match(outcome.stderr, /An ordinary one: 5 B, 127\.0\.0\.1:\d+ > 127\.0\.0\.1:\d+, node \[\d+\]/);
  assert.match(outcome.stderr, /Not seen on this tier:\n/);
  const { traceEvents, otherData } = JSON.parse(readFileSync(trace, 'utf8')) as {
    traceEvents: object[];
    otherData: { journeys: number };
  };
  assert.equal(otherData.journeys, 42);
  assert.ok(traceEvents.length > 42 * 10);
  assert.equal(readFileSync(pcapng).readUInt32LE(8), 0x1a2b3c4d);
});

test('a file on a full disk is said, status 1; the other files are written', { skip: meterSkip }, () => {
  const pcapng = temporary('full.pcapng');
  const files = ['--output', '/dev/full', '--trace', '/dev/full', '--pcapng', pcapng];
  const outcome = clearway(...files, '--', 'true');
  assert.equal(outcome.status, 1);
  assert.match(
    outcome.stderr,
    /^clearway journey: --output cannot be written: the disk is full\n.*--trace cannot be written: the disk is full\n$/,
  );
  assert.equal(readFileSync(pcapng).readUInt32LE(8), 0x1a2b3c4d);
});

test('--json is one object; the status is the command’s', { skip: meterSkip }, () => {
  const [program, ...rest] = talking;
  const script = `${rest.at(-1)} process.exitCode = 7;`;
  const outcome = clearway('--json', '--sample', '1/1', program!, ...rest.slice(0, -1), script);
  assert.equal(outcome.status, 7, outcome.stderr);
  const report = JSON.parse(outcome.stderr) as Record<string, never> & {
    total: { count: number; sumNs: number };
    stages: { sumNs: number }[];
    slowest: { sender: { call: string }; stages: { durationNs: number }[]; totalNs: number }[];
  };
  assert.equal(report.total.count, 42);
  assert.equal(
    report.stages.reduce((sum, stage) => sum + stage.sumNs, 0),
    report.total.sumNs,
  );
  for (const { stages, totalNs } of report.slowest) {
    assert.equal(
      stages.reduce((sum, stage) => sum + stage.durationNs, 0),
      totalNs,
    );
  }
  assert.match(report.slowest[0]!.sender.call, /^(write|writev|sendto|sendmsg)$/);
});

/** The programs a process holds, once each is loaded and attached: by its own descriptor and by its link's. */
function attachedBy(processId: number): number[] {
  const folder = `/proc/${processId}/fdinfo`;
  const counts = new Map<string, number>();
  for (const fd of readdirSync(folder)) {
    try {
      const id = /^prog_id:\s*(\d+)$/m.exec(readFileSync(`${folder}/${fd}`, 'latin1'))?.[1];
      if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
    } catch {
      // A descriptor that was closed meanwhile.
    }
  }
  const all = counts.size >= 20 && [...counts.values()].every((count) => count === 2);
  return all ? [...counts.keys()].map(Number) : [];
}

/** Those of the programs that are still in the kernel. */
function present(programs: readonly number[]): number[] {
  const ids = new Set<number>();
  for (let id = bpfNextId('program', 0); id > 0; id = bpfNextId('program', id)) ids.add(id);
  return programs.filter((id) => ids.has(id));
}

const wake = (ms: number) => new Promise((done) => setTimeout(done, ms));

for (const signal of ['SIGINT', 'SIGHUP', 'SIGKILL'] as const) {
  test(`${signal} ends it, and nothing stays attached`, { skip: meterSkip }, async () => {
    const child = spawn(process.execPath, [main, 'journey', '--json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      let text = '';
      child.stdout.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      const closed = once(child, 'close') as Promise<[number | null, string | null]>;
      let programs: number[] = [];
      while (programs.length === 0 && child.exitCode === null) {
        await wake(20);
        programs = attachedBy(child.pid!);
      }
      await exchange([10, 20]);
      child.kill(signal);
      const [status, by] = await closed;
      if (signal === 'SIGKILL') assert.equal(by, 'SIGKILL');
      else {
        assert.equal(status, signal === 'SIGHUP' ? 129 : 0);
        assert.ok((JSON.parse(text) as { total: { count: number } }).total.count >= 4);
      }
      // The kernel frees them after a grace period.
      const deadline = performance.now() + 20_000;
      while (present(programs).length > 0 && performance.now() < deadline) await wake(20);
      assert.deepEqual(present(programs), []);
    } finally {
      child.kill('SIGKILL');
    }
  });
}

test('an ordinary user is told in one sentence, status 3', { skip: meterSkip }, () => {
  const args = ['--reuid', '65534', '--clear-groups', process.execPath, main, 'journey'];
  const outcome = spawnSync('setpriv', args, { encoding: 'utf8' });
  assert.equal(outcome.status, 3, outcome.stderr);
  assert.equal(outcome.stdout, '');
  assert.match(outcome.stderr, /^clearway journey: this process may not load BPF programs; run as root[^\n]*\.\n$/);
});

test('a kernel without BTF is told in one sentence, status 3', { skip: meterSkip }, () => {
  const script = 'mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"';
  const outcome = spawnSync('unshare', ['-m', 'sh', '-c', script, process.execPath, main, 'journey'], {
    encoding: 'utf8',
  });
  assert.equal(outcome.status, 3, outcome.stderr);
  assert.match(outcome.stderr, /^clearway journey: the kernel publishes no types \(BTF\)[^\n]*\.\n$/);
});

test('wrong use is named, with the nearest right word', () => {
  const wrong = (args: string[], words: RegExp) =>
    assert.throws(
      () => parseJourneyArguments(args),
      (error: unknown) => error instanceof UsageError && words.test(error.message) && !error.message.includes('\n'),
    );
  wrong(['--pdi', '3'], /no option --pdi: did you mean --pid\?/);
  wrong(['--pid', 'x'], /--pid takes a process id/);
  for (const option of ['--sample', '--conn']) wrong([option, ''], /takes a value, and "" is none/);
  wrong(['--pid', '3', '--', 'a'], /choose one/);
  wrong(['--'], /no command after --/);
  wrong(['--duration', 'soon'], /--duration is "soon", and must be a time from 0\.001 s to 2145600 s, such as/);
  for (const sample of ['0', '1/0', '2', '1/1.5', '1/99999999999']) {
    wrong(['--sample', sample], /--sample takes one message in so many/);
  }
  for (const filter of ['host', ':0', '1.2.3.4:99999', '\u001b[2J']) {
    wrong(['--conn', filter], /--conn: a connection is named by/);
  }
  wrong(['server'], /a command to run stands after --/);
  assert.equal(parseJourneyArguments(['--sample', '1/250']).sample, 250);
  assert.deepEqual(parseJourneyArguments(['--conn', ':80', '--', 'a', '--json']).command, ['a', '--json']);
});

test('a file that cannot be written is said before anything is attached', () => {
  const outcome = clearway('--trace', '/no/such/folder/trace.json', '--', 'true');
  assert.equal(outcome.status, 2);
  assert.match(outcome.stderr, /^clearway[^\n]*--trace cannot be written[^\n]*\n$/);
});
