// `clearway doctor` as a program, on hosts of every kind: this one, an ordinary user's, one whose filter refuses io_uring,
// one that is not Linux, one without the FFI library. It must answer on all of them.
// Not here: the probes one by one (src/kernel/probe-*.test.ts) and the table's form (src/cli/doctor-table.test.ts).

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { allProbes, type DoctorReport } from '../../src/cli/doctor.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import { program as main } from '../support/program.js';
import { refusingImpossible, runRefusing, uringCalls } from '../support/refuse.js';
import { bypassRefused, ip, makeVethPair } from '../support/veth-pairs.js';

const linux = { skip: !platformIsLinux && 'needs Linux' };

/** What every report must be, wherever it was made. */
function parse(done: { status: number | null; stdout: string; stderr: string }): DoctorReport {
  assert.equal(done.stderr, '');
  assert.equal(done.status, 0);
  const report = JSON.parse(done.stdout) as DoctorReport;
  assert.deepEqual(Object.keys(report), ['schema', 'clearway', 'engine', 'findings', 'interfaces']);
  for (const finding of [...report.findings, ...report.interfaces]) {
    const keys = ['id', 'group', 'what', 'state', 'detail', 'meaning', 'cost', 'remedy', 'facts'];
    assert.deepEqual(Object.keys(finding), keys, finding.id);
    for (const text of [finding.what, finding.detail, finding.meaning]) assert.ok(text.length > 0, finding.id);
    const lacking = finding.state !== 'yes';
    assert.equal(finding.cost !== null, lacking, `${finding.id}: the cost`);
    assert.equal(finding.remedy !== null, lacking, `${finding.id}: the fix`);
    assert.notEqual(finding.facts.reason, 'probe-failed', `${finding.id}: ${finding.detail}`);
  }
  return report;
}

const run = (args: readonly string[], options: { uid?: number; gid?: number; cwd?: string } = {}) =>
  spawnSync(process.execPath, [...args], { encoding: 'utf8', timeout: 60_000, ...options });
let kept: DoctorReport | undefined;
/** The report of this host as it is, made once. */
const reportHere = (): DoctorReport => (kept ??= parse(run([main, 'doctor', '--json'])));
const find = (report: DoctorReport, id: string) => report.findings.find((finding) => finding.id === id)!;

test('the ids and their order are a contract with programs', () => {
  assert.deepEqual(
    allProbes.map(({ id }) => id),
    [
      ...['kernel', 'node', 'ffi', 'processors', 'privileges', 'seccomp', 'confinement'],
      ...['io_uring', 'io_uring_operations', 'io_uring_send_zc', 'io_uring_recv_zc'],
      ...['openat2', 'statx', 'preadv2_nowait', 'cachestat', 'inotify'],
      ...['pacing', 'so_zerocopy', 'ktls', 'memlock', 'nofile', 'hugepages', 'page_size'],
      ...['bpf_privileges', 'btf', 'lockdown', 'bpf_tp_btf', 'bpf_fentry', 'bpf_raw_tracepoint', 'bpf_tc', 'bpf_xdp'],
      ...['bpf_sockops', 'bpf_cgroup_skb_egress', 'af_xdp', 'kvm', 'tap'],
      ...['audio_fifo', 'audio_memlock', 'audio_throttling', 'audio_cgroup', 'audio_cards', 'audio_group'],
      ...['audio_libasound', 'audio_libjack', 'audio_libflac', 'audio_libsndfile'],
    ],
  );
});

test('on this host: every probe answers, and the engine fits the answers', linux, () => {
  const report = reportHere();
  assert.deepEqual(
    report.findings.map(({ id }) => id),
    allProbes.map(({ id }) => id),
  );
  assert.equal(report.engine, find(report, 'io_uring').state === 'yes' ? 'uring' : 'epoll');
});

test('the table names everything that the JSON names', linux, () => {
  const done = run([main, 'doctor']);
  assert.equal(done.status, 0);
  for (const { what } of allProbes) assert.ok(done.stdout.includes(`  ${what}  `), what);
  assert.ok(!done.stdout.includes('\u001b'), 'no colours into a pipe');
});

test('of each interface it says what it can do for --bypass, and the fix', { skip: bypassRefused() }, () => {
  const pair = makeVethPair();
  const interfaceOf = (name: string) =>
    parse(run([main, 'doctor', '--json'])).interfaces.find(({ what }) => what === name)!;
  const found = interfaceOf(pair.device);
  assert.equal(found.state, 'limited');
  assert.match(found.detail, /^veth, 1 queue, MTU 1500/);
  assert.deepEqual([found.facts.driver, found.facts.queues, found.facts.mostMtu], ['veth', 1, 3776]);
  ip('link', 'set', pair.device, 'mtu', '9000');
  assert.equal(interfaceOf(pair.device).remedy, `sudo ip link set dev ${pair.device} mtu 1500`);
  ip('link', 'set', pair.device, 'mtu', '1500', 'down');
  const down = interfaceOf(pair.device);
  assert.deepEqual([down.state, down.remedy], ['no', `sudo ip link set dev ${pair.device} up`]);
  pair.remove();
});

test('of devices it tells those of its own namespace, not those of whoever mounted /sys', {
  skip: bypassRefused(),
}, () => {
  // This thread is in a namespace of its own since the pair was made, and /sys is still that of the one before.
  const pair = makeVethPair();
  const there = JSON.parse(ip('-json', 'link', 'show')) as { ifname: string }[];
  const names = there.map(({ ifname }) => ifname).filter((name) => name !== 'lo');
  const report = parse(run([main, 'doctor', '--json']));
  const socket = find(report, 'af_xdp');
  assert.deepEqual(Object.keys(socket.facts).sort(), names.sort());
  assert.deepEqual(report.interfaces.map(({ what }) => what).sort(), names);
  assert.match(socket.detail, new RegExp(`${pair.device} `));
  pair.remove();
});

test('--help explains, an unknown option is a wrong use', () => {
  assert.match(run([main, 'doctor', '--help']).stdout, /^Usage: clearway doctor \[--json\]/);
  const wrong = run([main, 'doctor', '--jsn']);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /^clearway doctor: .*--jsn.*\n$/);
  assert.equal(run([main, 'doctor', 'everything']).status, 2);
});

test('a reader that goes away is no failure', linux, () => {
  const done = spawnSync('sh', ['-c', `"${process.execPath}" "${main}" doctor --json | head -c 1`], {
    encoding: 'utf8',
  });
  assert.equal(done.stdout, '{');
  assert.equal(done.stderr, '');
});

const noFilters = refusingImpossible();
for (const [calls, call] of [
  [uringCalls, 'io_uring_setup'],
  [['io_uring_register'], 'io_uring_register'],
  [['io_uring_enter'], 'io_uring_enter'],
] as const) {
  for (const errno of ['EPERM', 'ENOSYS'] as const) {
    test(`under a filter that gives ${errno} for ${calls.join(', ')}`, { skip: noFilters }, (t) => {
      const here = reportHere();
      if (find(here, 'io_uring').state === 'no') return t.skip('io_uring is refused here without the filter');
      const report = parse(runRefusing(calls, process.execPath, [main, 'doctor', '--json'], { errno }));
      const finding = find(report, 'io_uring');
      assert.equal(finding.state, 'no');
      assert.deepEqual(finding.facts, { reason: 'seccomp', call, error: errno });
      assert.match(finding.detail, /seccomp/);
      assert.equal(report.engine, 'epoll');
      assert.equal(find(report, 'seccomp').state, 'limited');
      assert.equal(find(report, 'openat2').state, find(here, 'openat2').state);
    });
  }
}

test('under a filter that refuses everything the doctor asks with', { skip: noFilters }, () => {
  const calls = [
    ...['openat2', 'statx', 'preadv2', 'cachestat', 'inotify_init1', 'prlimit64', 'bpf', 'memfd_create'],
    ...['setsockopt', 'io_uring_setup'],
  ] as const;
  const done = runRefusing(calls as never, process.execPath, [main, 'doctor', '--json']);
  assert.equal(done.status, 0);
  assert.equal(done.stderr, '');
  const report = JSON.parse(done.stdout) as DoctorReport;
  for (const id of ['openat2', 'statx', 'preadv2_nowait', 'cachestat', 'inotify', 'pacing', 'so_zerocopy', 'bpf_xdp']) {
    const { state, cost, remedy } = find(report, id);
    assert.equal(state, 'no', id);
    assert.ok(cost !== null && remedy !== null, id);
  }
});

/** An ordinary user's id, when this process may become one that can read the program. */
function ordinaryUser(): { uid: number } | string {
  if (process.getuid?.() !== 0) return 'needs root, to become an ordinary user';
  const uid = 65_534;
  const script = `require('node:fs').accessSync(${JSON.stringify(main)})`;
  if (run(['-e', script], { uid, gid: uid }).status !== 0) return 'an ordinary user cannot read this checkout';
  return { uid };
}

test('as an ordinary user', linux, (t) => {
  const user = ordinaryUser();
  if (typeof user === 'string') return t.skip(user);
  const report = parse(run([main, 'doctor', '--json'], { uid: user.uid, gid: user.uid, cwd: '/' }));
  assert.equal(find(report, 'privileges').state, 'limited');
  assert.equal(find(report, 'bpf_privileges').state, 'no');
  assert.equal(find(report, 'bpf_xdp').facts.reason, 'missing-capability');
  assert.equal(find(report, 'af_xdp').facts.reason, 'missing-capability');
  assert.equal(find(report, 'openat2').state, 'yes');
});

test('low limits are seen, and the fix tells raising them here from raising them for good', linux, (t) => {
  const under = (limits: string) => {
    const script = `${limits}; exec "$0" "$@"`;
    return parse(spawnSync('sh', ['-c', script, process.execPath, main, 'doctor', '--json'], { encoding: 'utf8' }));
  };
  // Node raises its own soft limit of open files to the hard one, so only the hard one can be low.
  const files = find(under('ulimit -n 256'), 'nofile');
  assert.deepEqual(files.facts, { soft: 256, hard: 256 });
  assert.equal(files.state, 'limited');
  assert.match(files.remedy ?? '', /LimitNOFILE=65536/);
  const locked = find(under('ulimit -l 64'), 'memlock');
  assert.equal(locked.facts.softBytes, 65_536);
  assert.equal(locked.state, locked.facts.exempt === true ? 'yes' : 'limited');
  const user = ordinaryUser();
  if (typeof user === 'string') return t.diagnostic(`not tried as an ordinary user: ${user}`);
  const limited = parse(run([main, 'doctor', '--json'], { uid: user.uid, gid: user.uid, cwd: '/' }));
  assert.equal(find(limited, 'memlock').facts.exempt, false);
});

/** Runs the doctor after `script`, which bends the process into another host. */
function runBent(script: string): ReturnType<typeof run> {
  const folder = mkdtempSync(join(tmpdir(), 'clearway-doctor-'));
  try {
    const bend = join(folder, 'bend.mjs');
    writeFileSync(bend, script);
    return run(['--import', bend, main, 'doctor', '--json']);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('on macOS and Windows it says what needs Linux', () => {
  for (const platform of ['darwin', 'win32']) {
    const report = parse(runBent(`Object.defineProperty(process, 'platform', { value: '${platform}' });`));
    assert.equal(report.engine, null);
    assert.equal(find(report, 'node').state, 'yes');
    assert.match(find(report, 'io_uring').detail, new RegExp(`needs Linux.*${platform}`));
    for (const { id, state } of report.findings) {
      if (!['node', 'processors'].includes(id)) assert.equal(state, 'no', id);
    }
  }
});

test('without the FFI library every line says so, and nothing throws', linux, () => {
  const done = runBent(`import Module from 'node:module';
    const load = Module._load;
    Module._load = function (request, ...rest) {
      if (request === 'koffi' || request.endsWith('koffi.node')) throw new Error("Cannot find module 'koffi'");
      return load.call(this, request, ...rest);
    };`);
  assert.equal(done.status, 0);
  const report = JSON.parse(done.stdout) as DoctorReport;
  assert.equal(report.engine, null);
  const ffi = find(report, 'ffi');
  assert.equal(ffi.state, 'no');
  assert.match(ffi.detail, /koffi did not load/);
  assert.match(ffi.remedy ?? '', /npm install koffi/);
  assert.equal(find(report, 'node').state, 'yes');
});
