// Each rule on an evidence record: it speaks where it should, with the figure and the command, and is silent otherwise;
// on the tier that cannot see what it needs, it infers or says so.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Counters } from '../meter/accounts/accounts.js';
import { type CauseName, causeNames, tierSees } from '../meter/accounts/causes.js';
import type { DeviceEvidence, Evidence, Reason } from './evidence.js';
import { unreadNotices } from './gather.js';
import { whyText } from './report.js';
import { explain, whyRules } from './rules.js';

const MiB = 1024 * 1024;

/** Counters as a tier gives them: 0 where it sees, absent where it does not. */
function counters(tier: Evidence['tier'], some: Counters): Counters {
  const seen = causeNames.filter((name) => tierSees(tier, name));
  return { ...Object.fromEntries(seen.map((name) => [name, 0])), ...some } as Counters;
}

function device(some: Partial<DeviceEvidence> = {}): DeviceEvidence {
  const offloads = { txChecksum: true, scatterGather: true, tso: true, gso: true, gro: true };
  const traffic = { sentBytes: 100 * MiB, receivedBytes: 100 * MiB };
  return { name: 'eth0', kind: 'other', mtu: 1500, offloads, ...traffic, tcPrograms: [], ...some };
}

interface Case {
  readonly tier?: Evidence['tier'];
  readonly counters?: Counters;
  readonly device?: Partial<DeviceEvidence>;
  readonly captures?: string[];
  readonly readBytes?: number;
  readonly held?: number;
  readonly unasked?: string[];
}

/** A host with one process that did everything, and one device. */
function evidenceOf(given: Case): Evidence {
  const tier = given.tier ?? 'functions';
  const all = counters(tier, given.counters ?? {});
  const read = given.readBytes === undefined ? {} : { readBytes: given.readBytes };
  return {
    ...{ tier, counters: all, devices: [device(given.device)] },
    processes: [{ processId: 7, command: 'app', counters: all, ...read }],
    captures: given.captures ?? [],
    unreadNotices: given.held === undefined ? [] : [{ processId: 7, ends: 'a - b', heldBytes: given.held }],
    breakEven: { bytes: 10_240, source: 'test' },
    unasked: given.unasked ?? [],
  };
}

const reasons = (given: Case) => explain(evidenceOf(given)).reasons;
const blind = (given: Case) => explain(evidenceOf(given)).blind.map(({ rule }) => rule);

/** The one reason of a rule. */
function reason(rule: string, given: Case): Reason {
  const found = reasons(given).filter((each) => each.rule === rule);
  assert.equal(found.length, 1, `${rule}: ${JSON.stringify(reasons(given))}`);
  return found[0]!;
}

function silent(rule: string, given: Case): void {
  assert.deepEqual(
    reasons(given).filter((each) => each.rule === rule),
    [],
  );
}

test('a sound host with plain, small traffic gives no reasons and no blind spots', () => {
  for (const tier of ['functions', 'tracepoints'] as const) {
    const quiet = { tier, counters: { tcpSent: 4 * MiB, payloadSent: 4 * MiB, sendCalls: 4096 } };
    assert.deepEqual(explain(evidenceOf(quiet)), { reasons: [], blind: [] });
  }
});

test('who linearised and who reverted is evidence', () => {
  const stack = [
    '__pskb_pull_tail',
    'skb_ensure_writable',
    'bpf_skb_pull_data',
    'tcx_run',
    'tcp_sendmsg',
    'do_syscall_64',
  ];
  const stacks = [{ cause: 'linearised' as const, bytes: 16 * MiB, events: 256, stack }];
  const off = { offloads: { txChecksum: false, scatterGather: true } };
  const evidence = evidenceOf({ counters: { spliced: 16 * MiB, linearised: 16 * MiB }, device: off });
  const words = explain({ ...evidence, stacks }).reasons[0]!.evidence.join('; ');
  assert.match(words, /16\.0 MiB, 256 times, on __pskb_pull_tail <- skb_ensure_writable <- .* <- tcp_sendmsg$/);
  const reverted = evidenceOf({ counters: { pinned: 4 * MiB, reverted: 4 * MiB, payloadSent: 4 * MiB } });
  assert.doesNotMatch(JSON.stringify(explain({ ...reverted, stacks }).reasons), /__pskb_pull_tail/);
});

test('checksum offload off: counted by functions, inferred by tracepoints', () => {
  const off = { offloads: { txChecksum: false, scatterGather: true } };
  const sent = { spliced: 16 * MiB, payloadSent: 16 * MiB, linearised: 16 * MiB, buffersLinearised: 11_776 };
  const counted = reason('checksum-offload-off', { counters: sent, device: off });
  assert.equal(counted.savesBytes, 16 * MiB);
  assert.equal(counted.certainty, 'counted');
  assert.equal(counted.remedy, 'ethtool -K eth0 tx on');
  assert.match(counted.says, /linearised 11,776 times: TX checksum offload is off on eth0/);
  const few = { tier: 'tracepoints', counters: { spliced: 16 * MiB }, device: off } as const;
  assert.deepEqual(
    [reason('checksum-offload-off', few).certainty, reason('checksum-offload-off', few).savesBytes],
    ['inferred', 16 * MiB],
  );
  const smaller = { ...few, device: { ...off, sentBytes: 2 * MiB } };
  assert.equal(reason('checksum-offload-off', smaller).savesBytes, 2 * MiB, 'no more than the device sent');
  silent('checksum-offload-off', { counters: { ...sent, linearised: 0 }, device: off });
  silent('checksum-offload-off', { counters: sent });
  silent('checksum-offload-off', { counters: { tcpSent: 16 * MiB }, device: off, tier: 'tracepoints' });
});

test('scatter-gather off: every way to send is copied once more', () => {
  const off = { offloads: { txChecksum: false, scatterGather: false } };
  const inferred = reason('scatter-gather-off', {
    tier: 'tracepoints',
    counters: { payloadSent: 8 * MiB },
    device: off,
  });
  assert.deepEqual([inferred.savesBytes, inferred.certainty], [8 * MiB, 'inferred']);
  assert.match(inferred.remedy, /ethtool -K eth0 sg on/);
  assert.equal(reason('scatter-gather-off', { counters: { segmented: 9 * MiB }, device: off }).savesBytes, 9 * MiB);
  silent('checksum-offload-off', { tier: 'tracepoints', counters: { spliced: 8 * MiB }, device: off });
});

test('a tc program that pulls data: named by functions, a blind spot of tracepoints', () => {
  const program = { tcPrograms: [{ direction: 'egress', program: 'firewall' }] } as const;
  const found = reason('tc-program-pulls', { counters: { linearised: 3 * MiB }, device: program });
  assert.match(found.says, /firewall on eth0 egress/);
  assert.equal(found.savesBytes, 3 * MiB);
  silent('tc-program-pulls', { counters: {}, device: program });
  silent('tc-program-pulls', { counters: { linearised: 3 * MiB } });
  assert.deepEqual(blind({ tier: 'tracepoints', device: program }), ['tc-program-pulls']);
});

test('XDP copies in generic mode and on veth, not in a driver of its own', () => {
  const xdp = (mode: 'generic' | 'driver', kind: DeviceEvidence['kind']) => ({
    counters: { xdpCopied: 5 * MiB },
    device: { kind, xdp: { mode, program: 'filter' } },
  });
  assert.match(reason('xdp-on-path', xdp('generic', 'other')).remedy, /xdpgeneric off/);
  assert.match(reason('xdp-on-path', xdp('driver', 'veth')).says, /filter on eth0 \(driver mode, a veth device\)/);
  silent('xdp-on-path', xdp('driver', 'other'));
  const unseen = { ...xdp('generic', 'other'), tier: 'tracepoints', counters: { payloadReceived: 4 * MiB } } as const;
  assert.equal(reason('xdp-on-path', unseen).certainty, 'inferred');
});

test('a running capture copies pinned pages and what it captures', () => {
  const captures = ['tcpdump (9)'];
  const both = reason('capture-running', { captures, counters: { captured: MiB, pinned: 4 * MiB } });
  assert.deepEqual([both.savesBytes, both.certainty], [5 * MiB, 'counted']);
  assert.match(both.says, /tcpdump \(9\)/);
  silent('capture-running', { counters: { pinned: 4 * MiB } });
  assert.deepEqual(blind({ captures, tier: 'tracepoints' }), ['capture-running']);
});

test('zero-copy that was reverted names the local device', () => {
  const loopback = { name: 'lo', kind: 'loopback' } as const;
  const found = reason('zero-copy-reverted', {
    counters: { pinned: MiB, reverted: MiB, reverts: 16 },
    device: loopback,
  });
  assert.match(found.says, /receivers are on this host \(lo\)/);
  assert.deepEqual([found.savesBytes, found.certainty], [MiB, 'counted']);
  silent('zero-copy-reverted', { counters: { pinned: MiB }, device: loopback });
});

test('zero-copy of small messages costs more than the copy; of large ones it does not', () => {
  const sends = (bytes: number) => ({ counters: { pinned: 100 * bytes, payloadSent: 100 * bytes, sendCalls: 100 } });
  assert.match(
    reason('zero-copy-below-break-even', sends(1000)).says,
    /1000 B at a time with zero-copy: below 10\.0 KiB/,
  );
  assert.equal(reason('zero-copy-below-break-even', sends(1000)).savesBytes, 0);
  silent('zero-copy-below-break-even', sends(20_000));
});

test('large sends by copying to other hosts could be zero-copy; to this host they could not', () => {
  const sent = { tcpSent: 64 * MiB, payloadSent: 64 * MiB, sendCalls: 1024 };
  assert.equal(reason('large-plain-sends', { counters: sent }).savesBytes, 64 * MiB);
  silent('large-plain-sends', { counters: sent, device: { kind: 'loopback' } });
  silent('large-plain-sends', { counters: { ...sent, sendCalls: 65_536 } });
});

test('completions that nobody takes', () => {
  const given = { counters: { pinned: MiB, payloadSent: MiB, sendCalls: 16 }, held: 768 };
  assert.match(reason('zero-copy-without-completion', given).remedy, /MSG_ERRQUEUE/);
  silent('zero-copy-without-completion', { ...given, counters: {} });
  assert.ok(blind({ counters: { pinned: MiB }, unasked: ['ss'] }).includes('zero-copy-without-completion'));
});

test('splice and sendfile that copied after all', () => {
  assert.match(reason('splice-fell-back', { counters: { kernelSent: MiB } }).says, /the socket takes no pages/);
  assert.match(reason('splice-fell-back', { counters: { kernelRead: MiB } }).says, /the file system gives no pages/);
  silent('splice-fell-back', { counters: { spliced: MiB } });
  assert.deepEqual(blind({ tier: 'tracepoints', counters: { spliced: MiB } }), ['splice-fell-back']);
});

test('an application that reads and writes where it could send by reference', () => {
  const sent = { tcpSent: 8 * MiB, payloadSent: 8 * MiB, sendCalls: 8192 };
  const counted = reason('read-and-write-instead-of-sendfile', { counters: { ...sent, fileRead: 8 * MiB } });
  assert.deepEqual([counted.savesBytes, counted.certainty], [16 * MiB, 'counted']);
  const tracepoints = { tier: 'tracepoints', counters: sent } as const;
  const rule = 'read-and-write-instead-of-sendfile';
  assert.equal(reason(rule, { ...tracepoints, readBytes: 9 * MiB }).certainty, 'inferred');
  silent(rule, { ...tracepoints, readBytes: 1000 });
  silent(rule, tracepoints);
  silent(rule, { ...tracepoints, counters: { ...sent, spliced: 9 * MiB }, readBytes: 9 * MiB });
});

test('a proxy that could splice; one that already does is left alone', () => {
  const passed = { tcpSent: 8 * MiB, payloadSent: 8 * MiB, sendCalls: 8192, tcpReceived: 8 * MiB };
  assert.equal(reason('receive-and-send-instead-of-splice', { counters: passed }).savesBytes, 16 * MiB);
  silent('receive-and-send-instead-of-splice', { counters: { ...passed, tcpReceived: MiB } });
  silent('receive-and-send-instead-of-splice', { counters: { ...passed, tcpSent: 0, spliced: 8 * MiB } });
});

test('headers that grow: by tunnels where there are some, and unseen by tracepoints', () => {
  const grown = { headerExpanded: 3_200_000, buffersExpanded: 10_000 };
  assert.match(reason('header-growth', { counters: grown }).remedy, /bpf_reserve_hdr_opt/);
  assert.deepEqual(reason('header-growth', { counters: grown }).evidence, ['320 bytes a buffer']);
  const tunnel = { name: 'vxlan7', kind: 'tunnel' } as const;
  assert.match(reason('header-growth', { counters: grown, device: tunnel }).says, /vxlan7/);
  silent('header-growth', { counters: { headerExpanded: 100 } });
  assert.deepEqual(blind({ tier: 'tracepoints', device: tunnel }), ['header-growth']);
});

test('the reason that saves most stands first, and every one can be read', () => {
  const given: Case = {
    counters: {
      pinned: MiB,
      reverted: MiB,
      tcpReceived: 4 * MiB,
      tcpSent: 4 * MiB,
      payloadSent: 5 * MiB,
      sendCalls: 9000,
    },
    device: { kind: 'loopback' },
  };
  const evidence = evidenceOf(given);
  const why = explain(evidence);
  assert.deepEqual(
    why.reasons.map(({ rule }) => rule),
    ['receive-and-send-instead-of-splice', 'zero-copy-reverted'],
  );
  const text = whyText(why, evidence, 'app');
  assert.match(text, /1\. app \(7\) received 4\.0 MiB/);
  assert.match(text, /saves 1\.0 MiB \(counted\)/);
  assert.ok(text.split('\n').every((line) => line.length <= 125));
});

test('whatever the figures, no rule throws, promises a negative saving or more than twice what was moved', () => {
  const figure = fc.integer({ min: 0, max: 2 ** 40 });
  const some = fc.dictionary(fc.constantFrom<CauseName[]>(...causeNames), figure);
  const tiers = fc.constantFrom<Evidence['tier'][]>('tracepoints', 'functions');
  fc.assert(
    fc.property(tiers, some, fc.boolean(), figure, (tier, given, off, sentBytes) => {
      const offloads = { txChecksum: !off, scatterGather: true };
      const evidence = evidenceOf({ tier, counters: given, device: { offloads, sentBytes } });
      const largest = Object.values(evidence.counters).reduce((sum, value) => sum + value, 0);
      for (const { savesBytes, says, remedy } of explain(evidence).reasons) {
        assert.ok(savesBytes >= 0 && savesBytes <= 2 * largest);
        assert.ok(says.length > 20 && remedy.length > 10);
      }
    }),
  );
});

test('the rules have names of their own, and cover what the command promises', () => {
  assert.equal(new Set(whyRules.map(({ name }) => name)).size, whyRules.length);
  assert.equal(whyRules.length, 13);
});

test('held notices are read from ss: option memory held while nothing is queued', () => {
  const line = (memory: string) =>
    `ESTAB 0      0          127.0.0.1:41 127.0.0.1:42    users:(("node",pid=31,fd=20)) skmem:(r0,rb131072,t0,tb2626560,${memory},bl0,d0)`;
  assert.deepEqual(unreadNotices(line('f0,w0,o768')), [
    { processId: 31, ends: '127.0.0.1:41 - 127.0.0.1:42', heldBytes: 768 },
  ]);
  assert.deepEqual(unreadNotices([line('f0,w4608,o768'), line('f0,w0,o0'), '', 'nonsense'].join('\n')), []);
});
