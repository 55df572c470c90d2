// Refusals by errno and host, and the verifier's complaints in plain words.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BpfCapability, HostFacts, SymbolState } from './host-facts.js';
import { type Attempt, MissingTypeError, nameRefusal, type RefusalReason, RefusedError } from './refusals.js';
import { explainVerifierLog } from './verifier-log.js';

const root: BpfCapability[] = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN'];
const host = (part: Partial<HostFacts> = {}): HostFacts => ({
  kernelRelease: '6.18.0',
  capabilities: new Set(root),
  lockdown: 'none',
  seccomp: false,
  btf: true,
  ...part,
});

test('every refusal has its name', () => {
  const EPERM = 1;
  const cases: [Partial<Attempt>, Partial<HostFacts>, SymbolState, RefusalReason][] = [
    [{ stage: 'map', kind: 'hash map', errno: EPERM }, { capabilities: new Set() }, 'unknown', 'missing-capability'],
    [{ kind: 'tp_btf', errno: EPERM }, { capabilities: new Set(['CAP_BPF']) }, 'unknown', 'missing-capability'],
    [{ kind: 'tp_btf', errno: EPERM }, { seccomp: true }, 'unknown', 'seccomp'],
    [{ kind: 'fentry', errno: EPERM }, {}, 'present', 'policy'],
    [{ kind: 'fexit', errno: EPERM }, { lockdown: 'integrity' }, 'present', 'policy'],
    [{ kind: 'tp_btf', errno: EPERM }, { lockdown: 'confidentiality' }, 'unknown', 'lockdown'],
    [
      { kind: 'tp_btf', errno: 22, log: 'program of this type cannot use helper bpf_probe_read_kernel#113' },
      { lockdown: 'confidentiality' },
      'unknown',
      'lockdown',
    ],
    [{ kind: 'fentry', errno: 2, target: 'tcp_transmit_skb' }, {}, 'renamed', 'renamed-function'],
    [{ kind: 'fentry', errno: 2, target: 'gone' }, {}, 'absent', 'no-function'],
    [{ stage: 'attach', kind: 'fexit', errno: 16, target: '_copy_to_iter' }, {}, 'present', 'notrace'],
    [{ stage: 'attach', kind: 'fentry', errno: 524, target: 'tcp_collapse' }, {}, 'present', 'too-many-arguments'],
    [{ kind: 'tp_btf', errno: 13, log: "R1 invalid mem access 'scalar'" }, {}, 'unknown', 'verifier'],
    [{ kind: 'tc', errno: 22, log: '' }, {}, 'unknown', 'kernel-too-old'],
    [{ stage: 'attach', kind: 'xdp', errno: 16 }, {}, 'unknown', 'busy'],
    [{ stage: 'attach', kind: 'xdp', errno: 95 }, {}, 'unknown', 'device'],
    [{ stage: 'attach', kind: 'raw_tracepoint', errno: 2, target: 'none' }, {}, 'unknown', 'no-tracepoint'],
    [{ stage: 'map', kind: 'hash map', errno: 12 }, {}, 'unknown', 'memory'],
    [{ stage: 'map', kind: 'hash map', errno: 38 }, {}, 'unknown', 'no-bpf'],
  ];
  for (const [attempt, facts, symbol, expected] of cases) {
    const whole: Attempt = { stage: 'load', kind: 'tp_btf', errno: 1, ...attempt };
    const named = nameRefusal(
      whole,
      () => host(facts),
      () => symbol,
    );
    assert.equal(named, expected, JSON.stringify(attempt));
  }
});

test('a refusal says why, what it costs and what to do', () => {
  const error = new RefusedError('notrace', 'fexit _copy_to_iter', 16);
  assert.match(error.message, /^fexit _copy_to_iter: this function cannot be traced.*\(EBUSY\); .*; watch its callers/);
  assert.equal(error.code, 'CLEARWAY_BPF_REFUSED');
  assert.equal(new MissingTypeError('sk_buff.gone', 'no-field').reason, 'no-field');
});

test("the verifier's complaints are explained, with the place", () => {
  const cases: [string, RegExp, number | undefined][] = [
    ['0: R1=ctx() R10=fp0\n0: (79) r0 = *(u64 *)(r2 +0)\nR2 !read_ok\nprocessed 1 insns', /r2 is read before/, 0],
    ["5: (79) r0 = *(u64 *)(r0 +0)\nR0 invalid mem access 'map_value_or_null'\n", /may be null here/, 5],
    ["2: (61) r0 = *(u32 *)(r2 +0)\nR2 invalid mem access 'scalar'\n", /plain number here/, 2],
    [
      '1: (79) r0 = *(u64 *)(r1 +1696)\naccess beyond struct sock at off 1696 size 8\n',
      /past the end of struct sock/,
      1,
    ],
    ['unreachable insn 7\n', /instruction 7 can never run/, 7],
    [
      '3: (85) call bpf_probe_read_kernel#113\nprogram of this type cannot use helper bpf_probe_read_kernel#113\n',
      /may not call the helper bpf_probe_read_kernel/,
      3,
    ],
    ['8: (95) exit\nUnreleased reference id=3 alloc_insn=2\n', /not released on some path/, 8],
    ['something no one has seen before\n', /something no one has seen before/, undefined],
  ];
  for (const [log, meaning, at] of cases) {
    const explained = explainVerifierLog(log);
    assert.match(explained.meaning, meaning);
    assert.equal(explained.instruction, at);
  }
  const placed = explainVerifierLog(cases[1]![0], { labelBefore: (index) => `near ${index}` });
  assert.equal(placed.label, 'near 5');
});
