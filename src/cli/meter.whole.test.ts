// `clearway meter` as people run it: reports, statuses, signals, refusals; and nothing stays attached.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { program as main } from '../../test/support/program.js';
import { bpfNextId } from '../kernel/bpf.js';
import { fileThere, meterSkip, startWorkload, temporary, workloadProgram } from '../meter/support.test.js';
import { UsageError } from './kit/usage.js';
import { parseMeterArguments } from './meter-options.js';

const clearway = (...args: string[]) => spawnSync(process.execPath, [main, 'meter', ...args], { encoding: 'utf8' });
const workload = (name: string) => [process.execPath, workloadProgram, name, temporary(`${name}-cli.json`)];

interface Report {
  readonly final: boolean;
  readonly tier: string;
  readonly summary: { readonly payloadSent: number; readonly amplification: { readonly total: number } };
  readonly counters: Record<string, number>;
  readonly processes: { readonly command: string; readonly cgroups: string[] }[];
}

test('a command is run and metered; the report is exact and the status is the command’s', { skip: meterSkip }, () => {
  const outcome = clearway('--json', '--', ...workload('tcp-sendfile'));
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.equal(outcome.stdout, '', 'standard output is the command’s');
  const report = JSON.parse(outcome.stderr) as Report;
  const moved = JSON.parse(readFileSync(temporary('tcp-sendfile-cli.json'), 'utf8')) as Record<string, number>;
  assert.equal(report.counters['spliced'], moved['spliced']);
  assert.equal(report.summary.amplification.total, 1);
  assert.equal(report.processes.length, 1);
  const failing = clearway('--', process.execPath, '-e', 'process.exit(7)');
  assert.equal(failing.status, 7);
  assert.match(failing.stderr, /copy amplification: - in all/);
  const missing = clearway('--', '/no/such/program');
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /there is no such program/);
  assert.match(clearway('--', '/etc/passwd').stderr, /cannot run "\/etc\/passwd": it may not be executed: check/);
});

test('--fail-if decides the status, and fails where it cannot be judged', { skip: meterSkip }, () => {
  const status = (condition: string, ...program: string[]) => {
    const { status: code, stderr } = clearway(
      '--output',
      temporary('report'),
      '--fail-if',
      condition,
      '--',
      ...program,
    );
    return [code, stderr.trim()] as const;
  };
  assert.deepEqual(status('amplification > 1.1', ...workload('tcp-sendfile')), [0, '']);
  const [copied, words] = status('amplification > 1.1', ...workload('tcp-write-64k'));
  assert.equal(copied, 1);
  assert.equal(words, 'clearway meter: amplification > 1.1 holds: amplification is 2');
  assert.equal(status('amplification > 1.1', process.execPath, '-e', '')[0], 1);
  assert.match(readFileSync(temporary('report'), 'utf8'), /^Copies by the CPU/);
});

test('--sockets adds the sockets that are open (or closed a moment ago)', { skip: meterSkip }, () => {
  const outcome = clearway('--sockets', '--json', '--', ...workload('udp-1000'));
  assert.equal(outcome.status, 0, outcome.stderr);
  const { sockets } = JSON.parse(outcome.stderr) as {
    sockets: { protocol: string; sentCopied: number; received: number }[];
  };
  for (const socket of sockets) {
    assert.equal(socket.protocol, 'udp');
    assert.equal(socket.sentCopied + socket.received, 2_000_000);
  }
});

test('--stacks adds who did it, in words and as JSON', { skip: meterSkip }, () => {
  const inWords = clearway('--stacks', '--', ...workload('tcp-zerocopy'));
  assert.match(inWords.stderr, /Who did it \(kernel stacks, innermost first\):\n/);
  const asJson = clearway('--stacks', '--json', '--', ...workload('tcp-zerocopy'));
  const { stacks, counters } = JSON.parse(asJson.stderr) as Report & { stacks: { cause: string; bytes: number }[] };
  const reverted = stacks.filter(({ cause }) => cause === 'reverted').reduce((sum, { bytes }) => sum + bytes, 0);
  assert.equal(reverted, counters.reverted);
});

test('--interval with --json gives a line each time; the last is final', { skip: meterSkip }, () => {
  const outcome = clearway('--all', '--json', '--interval', '200ms', '--duration', '900ms');
  assert.equal(outcome.status, 0, outcome.stderr);
  const lines = outcome.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Report);
  assert.ok(lines.length >= 3, `${lines.length} lines`);
  assert.deepEqual(
    lines.map((line) => line.final),
    lines.map((_, index) => index === lines.length - 1),
  );
});

/** Starts the meter and waits until its programs are attached. */
async function started(...args: string[]): Promise<{ child: ChildProcess; output: () => string; programs: number[] }> {
  const child = spawn(process.execPath, [main, 'meter', ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout!.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const deadline = performance.now() + 60_000;
  while (text === '') {
    assert.ok(performance.now() < deadline && child.exitCode === null, 'the meter did not start');
    await new Promise((wake) => setTimeout(wake, 10));
  }
  return { child, output: () => text, programs: programsOf(child.pid!) };
}

/** Ids of the programs a process holds. */
function programsOf(processId: number): number[] {
  const folder = `/proc/${processId}/fdinfo`;
  return readdirSync(folder).flatMap((fd) => {
    try {
      const id = /^prog_id:\s*(\d+)$/m.exec(readFileSync(`${folder}/${fd}`, 'latin1'))?.[1];
      return id === undefined ? [] : [Number(id)];
    } catch {
      // It was closed meanwhile.
      return [];
    }
  });
}

/** Waits until none of the programs is in the kernel any more: it frees them after a grace period. */
async function assertGone(programs: number[]): Promise<void> {
  const present = () => {
    const ids = new Set<number>();
    for (let id = bpfNextId('program', 0); id > 0; id = bpfNextId('program', id)) ids.add(id);
    return programs.filter((id) => ids.has(id));
  };
  const deadline = performance.now() + 20_000;
  while (present().length > 0 && performance.now() < deadline) await new Promise((wake) => setTimeout(wake, 20));
  assert.deepEqual(present(), []);
}

for (const [signal, expected] of [
  ['SIGINT', 0],
  ['SIGTERM', 0],
  ['SIGHUP', 129],
  ['SIGQUIT', 131],
] as const) {
  test(`${signal} ends with the final report, status ${expected}, nothing attached`, { skip: meterSkip }, async () => {
    const { child, output, programs } = await started('--all', '--json', '--interval', '100ms');
    assert.ok(programs.length >= 6, `${programs.length} programs`);
    child.kill(signal);
    const [status] = (await once(child, 'close')) as [number];
    assert.equal(status, expected);
    const last = JSON.parse(output().trim().split('\n').at(-1)!) as Report;
    assert.equal(last.final, true);
    await assertGone(programs);
  });
}

test('killed with SIGKILL, the meter leaves nothing attached', { skip: meterSkip }, async () => {
  const { child, programs } = await started('--all', '--json', '--interval', '100ms');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await assertGone(programs);
});

test('--pid ends when the process does', { skip: meterSkip }, async () => {
  const portFile = temporary('port-pid');
  const receiver = startWorkload('receiver', '-pid', portFile);
  await fileThere(portFile);
  const { child, output } = await started('--pid', String(receiver.child.pid), '--json', '--interval', '50ms');
  const sender = startWorkload('sender-sendfile', '-pid', portFile);
  await once(child, 'close');
  assert.ok(sender.child.exitCode === null || sender.child.exitCode === 0);
  const last = JSON.parse(output().trim().split('\n').at(-1)!) as Report;
  const moved = JSON.parse(readFileSync(receiver.result, 'utf8')) as Record<string, number>;
  assert.equal(last.counters['tcpReceived'], moved['tcpReceived']);
  assert.equal(last.counters['spliced'], 0);
});

const unified = ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((path) => existsSync(`${path}/cgroup.procs`));

test('--cgroup counts a container and nothing else', { skip: meterSkip || (!unified && 'no cgroup v2') }, async () => {
  const path = `${unified}/clearway-meter-${process.pid}`;
  mkdirSync(path);
  try {
    const { child, output } = await started('--cgroup', path, '--json', '--interval', '100ms');
    const inside = `require('node:fs').writeFileSync(${JSON.stringify(`${path}/cgroup.procs`)}, String(process.pid));
      process.argv.splice(1, 1);
      require('node:child_process').spawnSync(process.execPath, process.argv.slice(1), { stdio: 'ignore' });`;
    const script = temporary('inside.cjs');
    writeFileSync(script, inside);
    const [, ...rest] = workload('unix-sendfile');
    spawnSync(process.execPath, [script, ...rest], { stdio: 'inherit' });
    startWorkload('udp-1000', '-outside');
    await new Promise((wake) => setTimeout(wake, 400));
    child.kill('SIGTERM');
    await once(child, 'close');
    const last = JSON.parse(output().trim().split('\n').at(-1)!) as Report;
    const moved = JSON.parse(readFileSync(temporary('unix-sendfile-cli.json'), 'utf8')) as Record<string, number>;
    assert.equal(last.counters['spliced'], moved['spliced']);
    assert.equal(last.counters['udpSent'], 0);
    assert.match(last.processes[0]!.cgroups[0]!, /clearway-meter-/);
  } finally {
    rmdirSync(path);
  }
});

test('an ordinary user is told in one sentence, status 3', { skip: meterSkip }, () => {
  const outcome = spawnSync('setpriv', ['--reuid', '65534', '--clear-groups', process.execPath, main, 'meter'], {
    encoding: 'utf8',
  });
  assert.equal(outcome.status, 3, outcome.stderr);
  assert.equal(outcome.stdout, '');
  assert.match(outcome.stderr, /^clearway meter: this process may not load BPF programs; run as root[^\n]*\.\n$/);
});

test('a kernel without BTF is told in one sentence, status 3', { skip: meterSkip }, () => {
  const script = 'mount -t tmpfs none /sys/kernel/btf && exec "$0" "$@"';
  const outcome = spawnSync('unshare', ['-m', 'sh', '-c', script, process.execPath, main, 'meter'], {
    encoding: 'utf8',
  });
  assert.equal(outcome.status, 3, outcome.stderr);
  assert.match(outcome.stderr, /^clearway meter: the kernel publishes no types \(BTF\)[^\n]*\.\n$/);
});

/** A seccomp filter that answers bpf(2) with EPERM, as container runtimes' do; then the meter. */
const filtered = (): string => `
  const { scratch } = await import(${JSON.stringify(new URL('../kernel/memory.js', import.meta.url).href)});
  const { syscall6 } = await import(${JSON.stringify(new URL('../kernel/ffi.js', import.meta.url).href)});
  const { sys } = await import(${JSON.stringify(new URL('../kernel/numbers.js', import.meta.url).href)});
  const [filter, header] = [scratch(32), scratch(16)];
  [[0x20, 0, 0, 0], [0x15, 0, 1, sys.bpf], [0x06, 0, 0, 0x00050001], [0x06, 0, 0, 0x7fff0000]].forEach((each, index) => {
    const at = filter.offset + index * 8;
    filter.data.setUint16(at, each[0], true);
    filter.bytes[at + 2] = each[1];
    filter.bytes[at + 3] = each[2];
    filter.data.setUint32(at + 4, each[3], true);
  });
  header.data.setBigUint64(header.offset, 4n, true);
  header.data.setBigUint64(header.offset + 8, BigInt(filter.address), true);
  if (syscall6(sys.prctl, 38, 1, 0, 0, 0) < 0 || syscall6(sys.prctl, 22, 2, header.address) < 0) process.exit(99);
  const { run } = await import(${JSON.stringify(new URL('./meter.js', import.meta.url).href)});
  process.exit(await run([]));`;

test('where a container’s filter stops bpf, one sentence says so, status 3', { skip: meterSkip }, () => {
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', filtered()], { encoding: 'utf8' });
  assert.equal(child.status, 3, child.stderr);
  assert.match(child.stderr, /^clearway meter: a seccomp filter[^\n]*\.\n$/);
});

test('in a process-id namespace of its own the meter says so, status 3', { skip: meterSkip }, () => {
  const outcome = spawnSync('unshare', ['-pf', '--mount-proc', process.execPath, main, 'meter'], { encoding: 'utf8' });
  assert.equal(outcome.status, 3, outcome.stderr);
  assert.match(outcome.stderr, /^clearway meter: this runs in a process-id namespace of its own[^\n]*\.\n$/);
});

test('without loopback the rest is metered, and what was not tested is said', { skip: meterSkip }, () => {
  const outcome = spawnSync('unshare', ['-n', process.execPath, main, 'meter', '--', ...workload('unix-stream')], {
    encoding: 'utf8',
  });
  assert.equal(outcome.status, 0, outcome.stderr);
  assert.match(outcome.stderr, /unix socket: sent by copying +4\.0 MiB/);
  assert.match(outcome.stderr, /The self-test could not try:\n {2}- UDP over loopback/);
});

test('what is not there is said by the command that was asked', { skip: meterSkip }, () => {
  const { status, stderr } = clearway('--pid', '999999999');
  assert.deepEqual([status, stderr], [2, 'clearway meter: there is no process 999999999\n']);
});

test('wrong use is named, with the nearest right word', () => {
  const wrong = (args: string[], words: RegExp) =>
    assert.throws(
      () => parseMeterArguments(args),
      (error: unknown) => error instanceof UsageError && words.test(error.message),
    );
  wrong(['--pdi', '3'], /no option --pdi: did you mean --pid\?/);
  wrong(['--pid', 'x'], /--pid takes a process id/);
  wrong(['--pid', '3', '--all'], /choose one/);
  wrong(['--duration', 'soon'], /--duration is "soon", and must be a time from 0\.001 s to 2145600 s, such as/);
  wrong(['--interval', '0.0001'], /--interval is "0\.0001", and must be a time from 0\.001 s/);
  wrong(['--fail-if', 'amplificaton > 1'], /did you mean amplification/);
  wrong(
    ['--fail-if', 'amp > 1'],
    /there is no figure "amp": the figures are amplification, .*copied, .*the counters of --json/,
  );
  wrong(['server'], /stands after --/);
  wrong(['--'], /no command after --/);
  assert.deepEqual(parseMeterArguments(['--interval', '1.5']).intervalMs, 1500);
  assert.deepEqual(parseMeterArguments(['--duration', '2m', '--', 'a', '--json']).command, ['a', '--json']);
});
