// The meter: attaches the best tier the host allows, tests itself, and reads accounts on demand until closed.

import { readlinkSync } from 'node:fs';
import { Btf } from '../bpf/btf.js';
import { attachIterator } from '../bpf/link.js';
import { BpfProgram } from '../bpf/program.js';
import { ProgramSet } from '../bpf/program-set.js';
import { RefusedError } from '../bpf/refusals.js';
import { bpfInfo } from '../kernel/bpf.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { wrongState } from '../text/coded.js';
import {
  type AccountRow,
  type AccountSource,
  addCounters,
  type Counters,
  readAccounts,
  readShortfall,
  type Shortfall,
  type Summary,
  subtractCounters,
  summarise,
} from './accounts/accounts.js';
import { type CauseName, checkTier, type Tier } from './accounts/causes.js';
import { type SocketRow, socketMaps } from './accounts/socket-accounts.js';
import { listProgram } from './accounts/task-accounts.js';
import { type Blame, forgetBlame, KernelSymbols, readBlame, stackMaps } from './functions/stacks.js';
import { functionTier } from './functions/tier.js';
import { addMembers, checkScope, inScope, type Scope } from './scope.js';
import { runSelfTest, type SelfTest, SelfTestError } from './self-test.js';
import { SocketList } from './socket-list.js';
import { stackNotes } from './stack-lines.js';
import { type TierPrograms, tracepointTier } from './tracepoints/tier.js';

/** How to open a meter. */
export interface MeterOptions {
  /** Default: this process and its descendants. */
  readonly scope?: Scope;
  /** Also keeps accounts by socket, for {@link Meter.sockets}. Default false: it makes every event dearer. */
  readonly sockets?: boolean;
  /** Also keeps kernel stacks of what was reverted and linearised, for {@link Meter.stacks}. Default false. */
  readonly stacks?: boolean;
  /** Only this tier. Default: the one that sees most of those the host allows. */
  readonly tier?: Tier;
}

/** Everything counted since the meter was opened. */
export interface Reading {
  readonly tier: Tier;
  /** Line by line, what this tier cannot see. */
  readonly unseen: readonly string[];
  /** Parts of the self-test that could not be tried on this host, with the reason. */
  readonly untested: readonly string[];
  readonly elapsedMs: number;
  /** One row for each process, network namespace and cgroup, the largest copier first. */
  readonly rows: readonly AccountRow[];
  readonly counters: Counters;
  readonly summary: Summary;
  readonly shortfall: Shortfall & {
    /** Events that a program missed because it was running on that CPU already; their bytes are unknown. */
    readonly missedEvents: number;
  };
}

/** An open meter. Close it: until then its programs run. If the process dies, the kernel detaches them. */
export interface Meter {
  readonly tier: Tier;
  readonly selfTest: SelfTest;
  /** How long loading, attaching and the self-test took. */
  readonly attachMs: number;
  /** Also counts a process, with its descendants from now on (for the scope `process`). @throws ScopeError */
  include(processId: number): void;
  /** Stops adding what a process forks to those counted; what it forked before stays. */
  exclude(processId: number): void;
  /** Reads the accounts in scope. Milliseconds; the programs go on counting. */
  read(): Reading;
  /**
   * What went through each socket that is open now and whose last user is in scope, the busiest first.
   * @throws TypeError where the meter was opened without `sockets`.
   */
  sockets(): SocketRow[];
  /**
   * Who did it: the kernel stacks on which zero-copy was reverted and, on the function tier, buffers were linearised, of those
   * in scope; the one with the most bytes first. Empty on the tracepoint tier without the option `stacks`.
   */
  stacks(): Blame[];
  /** What the stacks do not show, in sentences: by tier, and where the kernel hides its symbols. */
  stackNotes(): string[];
  /** Detaches and frees everything. Harmless when done twice. */
  close(): void;
}

/**
 * Opens a meter.
 * @throws RefusedError where the host does not allow it (not Linux, no BTF, not permitted, tracepoints missing);
 * SelfTestError where what it counts is not what was moved; ScopeError; RangeError for a tier that there is not. Nothing stays attached then.
 */
export function createMeter(options: MeterOptions = {}): Meter {
  checkTier(options.tier);
  const { scope = { kind: 'process', processId: process.pid } } = options;
  checkScope(scope);
  const started = performance.now();
  const { set, tier } = loadBestTier(options);
  let source: AccountSource | undefined;
  try {
    source = openSource(set);
    const selfTest = runSelfTest(source, tier.tier, (target) => set.attachedTo(target));
    if (!selfTest.passed) throw new SelfTestError(selfTest);
    forgetBlame(set.maps);
    const members = set.maps['meter_members']!;
    inScope(scope, members);
    if (scope.kind === 'process') addMembers(members, scope.processId);
    return new OpenMeter(set, { tier, scope, source, selfTest, started });
  } catch (error) {
    source?.tasks.detach();
    set.close();
    throw error;
  }
}

/** The tiers, the one that sees most first. */
const tiers: readonly TierPrograms[] = [functionTier, tracepointTier];

/** PROC_PID_INIT_INO (include/linux/proc_ns.h): the namespace whose ids the kernel's own structures hold. */
const firstProcessNamespace = 'pid:[4026531836]';

/** Loads and attaches the first tier that the host takes. @throws RefusedError the last tier's, where it takes none */
function loadBestTier({ sockets = false, stacks = false, tier: wanted }: MeterOptions): {
  set: ProgramSet;
  tier: TierPrograms;
} {
  if (!platformIsLinux) throw new RefusedError('not-linux', 'the copy meter');
  if (readlinkSync('/proc/self/ns/pid') !== firstProcessNamespace) {
    throw new RefusedError('pid-namespace', 'the copy meter');
  }
  let refused: unknown;
  for (const tier of tiers.filter((each) => wanted === undefined || each.tier === wanted)) {
    try {
      return { set: loadTier(tier, sockets, stacks), tier };
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      refused = error;
    }
  }
  throw refused;
}

function loadTier(tier: TierPrograms, sockets: boolean, stacks: boolean): ProgramSet {
  const maps = [
    ...tier.maps,
    ...(sockets ? socketMaps : []),
    ...(stacks && !tier.maps.includes(stackMaps[0]!) ? stackMaps : []),
  ];
  const set = ProgramSet.load(maps, tier.programs(Btf.kernel(), sockets, stacks));
  try {
    set.attach();
    tier.prepare?.(Btf.kernel(), set);
    return set;
  } catch (error) {
    set.close();
    throw error;
  }
}

/** Where accounts are read from: the maps, and the iterator over what living tasks keep. */
export function openSource(set: ProgramSet): AccountSource {
  const lister = BpfProgram.load(listProgram(Btf.kernel()), set.maps);
  try {
    const tasks = attachIterator(lister);
    return { accounts: set.maps['meter_accounts']!, totals: set.maps['meter_totals']!, tasks };
  } finally {
    lister.close();
  }
}

class OpenMeter implements Meter {
  readonly tier: Tier;
  private readonly unseen: readonly string[];
  readonly selfTest: SelfTest;
  readonly attachMs: number;
  private readonly set: ProgramSet;
  private readonly scope: Scope;
  private readonly source: AccountSource;
  private readonly openedAt = performance.now();
  private readonly symbols = new KernelSymbols();
  private readonly socketList: SocketList | undefined;
  private closed = false;

  constructor(
    set: ProgramSet,
    state: { tier: TierPrograms; scope: Scope; source: AccountSource; selfTest: SelfTest; started: number },
  ) {
    this.set = set;
    this.tier = state.tier.tier;
    this.unseen = state.tier.unseen(set);
    this.scope = state.scope;
    this.source = state.source;
    this.selfTest = state.selfTest;
    const accounts = set.maps['meter_sockets'];
    this.socketList = accounts === undefined ? undefined : SocketList.open(accounts);
    this.attachMs = this.openedAt - state.started;
  }

  private map(name: string) {
    if (this.closed) throw wrongState('this meter is closed', TypeError);
    return this.set.maps[name]!;
  }

  include(processId: number): void {
    addMembers(this.map('meter_members'), processId);
  }

  exclude(processId: number): void {
    this.map('meter_members').delete(processId);
  }

  read(): Reading {
    const wanted = inScope(this.scope, this.map('meter_members'));
    const rows = this.withoutSelfTest(readAccounts(this.source, this.tier)).filter(wanted);
    const copied = new Map(rows.map((row) => [row, summarise(row.counters).copied]));
    rows.sort((left, right) => copied.get(right)! - copied.get(left)!);
    const counters = addCounters(rows.map((row) => row.counters));
    return {
      tier: this.tier,
      unseen: this.unseen,
      untested: this.selfTest.untried,
      elapsedMs: performance.now() - this.openedAt,
      rows,
      counters,
      summary: summarise(counters),
      shortfall: { ...readShortfall(this.source.totals), missedEvents: this.missed() },
    };
  }

  /** The self-test was this process's doing, but nobody asked for it. */
  private withoutSelfTest(rows: AccountRow[]): AccountRow[] {
    const { moved } = this.selfTest;
    const own = rows.findIndex(
      ({ processId, counters }) =>
        processId === process.pid &&
        (Object.keys(moved) as CauseName[]).every((name) => (counters[name] ?? 0) >= moved[name]!),
    );
    return rows.map((row, index) =>
      index === own ? { ...row, counters: subtractCounters(row.counters, moved) } : row,
    );
  }

  /** The kernel counts, for each program, the events it skipped because the program was running on that CPU already. */
  private missed(): number {
    const { offset } = Btf.kernel().field('bpf_prog_info', 'recursion_misses');
    return this.set.programs.reduce((sum, program) => {
      const info = bpfInfo(program.fd);
      if (info.length < offset + 8) return sum;
      return sum + Number(new DataView(info.buffer).getBigUint64(offset, true));
    }, 0);
  }

  sockets(): SocketRow[] {
    const members = this.map('meter_members');
    if (this.socketList === undefined) {
      throw wrongState('open the meter with { sockets: true } to read accounts by socket', TypeError);
    }
    const wanted = inScope(this.scope, members);
    const processes = new Set(
      readAccounts(this.source, this.tier)
        .filter(wanted)
        .map((row) => row.processId),
    );
    const busy = (row: SocketRow) => row.sentCopied + row.sentByReference + row.received;
    return this.socketList.read(processes).sort((left, right) => busy(right) - busy(left));
  }

  stacks(): Blame[] {
    if (this.map('meter_blame') === undefined) return [];
    return readBlame(this.set.maps, this.symbols, inScope(this.scope, this.map('meter_members')));
  }

  stackNotes(): string[] {
    return stackNotes(this.tier, this.scope, this.symbols.hidden);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.source.tasks.detach();
    this.socketList?.close();
    this.set.close();
  }
}
