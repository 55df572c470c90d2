// Programs: from an assembly and its maps to a program in the kernel. Where it then runs is link.ts.

import {
  bpfBtfName,
  bpfClose,
  bpfDescriptorById,
  bpfInfo,
  bpfNextId,
  bpfPin,
  bpfProgramLoad,
  bpfTestRun,
  type TestRun,
} from '../kernel/bpf.js';
import { check } from '../kernel/system-error.js';
import { wrongArgument } from '../text/coded.js';
import type { Assembly } from './assembler.js';
import { Btf } from './btf.js';
import { Held } from './held.js';
import { encode, Pseudo } from './instructions.js';
import type { BpfMap } from './map.js';
import { nameRefusal, type RefusalReason, RefusedError } from './refusals.js';
import { describeExplanation, explainVerifierLog } from './verifier-log.js';

interface TypeRow {
  /** BPF_PROG_TYPE_*. */
  readonly type: number;
  /** BPF_* attach type, also asked for at load where `expected`. */
  readonly attach: number;
  readonly expected: boolean;
  /** How the target's BTF id is found, for types that are bound to a target at load. */
  readonly target?: 'function' | 'tracepoint' | 'iterator';
}

/** Program types by the name this package gives them (numbers of include/uapi/linux/bpf.h). */
export const programTypes = {
  tp_btf: { type: 26, attach: 23, expected: true, target: 'tracepoint' },
  fentry: { type: 26, attach: 24, expected: true, target: 'function' },
  fexit: { type: 26, attach: 25, expected: true, target: 'function' },
  iter: { type: 26, attach: 28, expected: true, target: 'iterator' },
  raw_tracepoint: { type: 17, attach: 0, expected: false },
  socket_filter: { type: 1, attach: 0, expected: false },
  tc: { type: 3, attach: 0, expected: false },
  xdp: { type: 6, attach: 37, expected: true },
  sockops: { type: 13, attach: 3, expected: true },
  cgroup_skb_ingress: { type: 8, attach: 0, expected: true },
  cgroup_skb_egress: { type: 8, attach: 1, expected: true },
  cgroup_sock_create: { type: 9, attach: 2, expected: true },
  cgroup_connect4: { type: 18, attach: 10, expected: true },
  cgroup_connect6: { type: 18, attach: 11, expected: true },
} as const satisfies Record<string, TypeRow>;
export type ProgramType = keyof typeof programTypes;

/** A program before it is loaded. */
export interface ProgramSource {
  /** Shown by tools; the kernel keeps 15 characters. */
  readonly name: string;
  readonly type: ProgramType;
  /** The tracepoint, function or iterator (`task`, `bpf_sk_storage_map`) for tracing types; the raw tracepoint's name. */
  readonly target?: string;
  /** The kernel module the target lives in; `vmlinux` where not given. */
  readonly module?: string;
  readonly code: Assembly;
}

/** A program in the kernel, held by its descriptor. */
export class BpfProgram extends Held {
  readonly source: ProgramSource;

  private constructor(fd: number, source: ProgramSource) {
    super(fd, `the program ${source.name}`);
    this.source = source;
  }

  /**
   * Loads a program; its references to maps are resolved by name.
   * @throws RefusedError, named, with the verifier's complaint explained where it rejected the program.
   */
  static load(source: ProgramSource, maps: Readonly<Record<string, BpfMap>> = {}): BpfProgram {
    const row: TypeRow = programTypes[source.type];
    const target = findTarget(source, row);
    try {
      const request = {
        type: row.type,
        expectedAttachType: row.expected ? row.attach : 0,
        instructions: link(source, maps),
        name: source.name,
        attachTypeId: target.id,
        attachBtfFd: target.btfFd,
      };
      const first = bpfProgramLoad(request);
      if (first.result >= 0) return new BpfProgram(first.result, source);
      const again = bpfProgramLoad({ ...request, logLevel: 1 });
      if (again.result >= 0) return new BpfProgram(again.result, source);
      throw loadRefusal(source, -first.result, again.log);
    } finally {
      if (target.btfFd !== 0) bpfClose(target.btfFd);
    }
  }

  /**
   * Runs a packet program once (or `repeat` times, for its mean duration) on bytes of your own, without attaching it
   * (Documentation/bpf/bpf_prog_run.rst). @throws SystemError where the type cannot be test-run.
   */
  testRun(data: Uint8Array, context?: Uint8Array, repeat = 1): TestRun {
    const outcome = bpfTestRun(this.fd, data, context, repeat);
    check(outcome.result, 'bpf test run', this.source.name);
    return outcome;
  }

  /** The kernel's id of the program, as bpftool shows it. */
  get id(): number {
    const info = bpfInfo(this.fd, 128);
    return new DataView(info.buffer).getUint32(4, true);
  }

  /** Pins the program under a path of a bpf file system, so that `tc` or another process can attach it. */
  pin(path: string): void {
    check(bpfPin(this.fd, path), 'bpf pin', path, 'the path must lie in a mounted bpf file system (/sys/fs/bpf)');
  }

  /** Closes the descriptor; links keep the program in the kernel until they are closed too. */
  close(): void {
    this.end();
  }
}

/** The BTF id a tracing program is bound to, and the descriptor of the module's BTF it belongs to (0: the kernel). */
function findTarget(source: ProgramSource, row: TypeRow): { id: number; btfFd: number } {
  if (row.target === undefined) return { id: 0, btfFd: 0 };
  const name = source.target;
  if (name === undefined) throw wrongArgument(`a program of type ${source.type} needs a target`, TypeError);
  const module = source.module ?? 'vmlinux';
  const types = module === 'vmlinux' ? Btf.kernel() : Btf.module(module);
  if (types === undefined) throw new RefusedError('no-btf', `module ${module}`);
  const missing: RefusalReason = row.target === 'tracepoint' ? 'no-tracepoint' : 'no-function';
  const id =
    row.target === 'tracepoint'
      ? types.tracepointId(name)
      : types.functionId(row.target === 'iterator' ? `bpf_iter_${name}` : name);
  if (id === undefined) throw new RefusedError(missing, `${source.type} ${name}`);
  return { id, btfFd: module === 'vmlinux' ? 0 : moduleDescriptor(module) };
}

/** Finds a module's BTF object among those in the kernel. */
function moduleDescriptor(module: string): number {
  for (let id = bpfNextId('btf', 0); id > 0; id = bpfNextId('btf', id)) {
    const fd = bpfDescriptorById('btf', id);
    if (fd < 0) continue;
    if (bpfBtfName(fd) === module) return fd;
    bpfClose(fd);
  }
  throw new RefusedError('no-btf', `module ${module}`);
}

/** The instructions' bytes, map descriptors filled in. */
function link(source: ProgramSource, maps: Readonly<Record<string, BpfMap>>): Uint8Array {
  const instructions = source.code.instructions.map((each) => ({ ...each }));
  for (const { index, map } of source.code.maps) {
    const found = maps[map];
    if (found === undefined)
      throw wrongArgument(`program ${source.name} uses map "${map}", which was not given`, TypeError);
    instructions[index]!.immediate = found.fd;
    if (instructions[index]!.source !== Pseudo.mapValue) instructions[index + 1]!.immediate = 0;
  }
  return encode(instructions);
}

function loadRefusal(source: ProgramSource, errno: number, log: string): RefusedError {
  const reason = nameRefusal({ stage: 'load', kind: source.type, target: source.target, errno, log });
  const subject = `${source.type} ${source.target ?? source.name}`;
  const detail = log.trim() === '' ? undefined : describeExplanation(explainVerifierLog(log, source.code));
  return new RefusedError(reason, subject, errno, detail);
}
