// The measured journey as an object: programs attached, records drained, journeys put together. See docs/journey.md.
// Not here: the programs, the way of a message (path.ts), how it is shown.

import { readlinkSync } from 'node:fs';
import { Assembler, type TypeSource } from '../bpf/assembler.js';
import { Btf } from '../bpf/btf.js';
import { attachTracing } from '../bpf/link.js';
import type { BpfMap } from '../bpf/map.js';
import { BpfProgram } from '../bpf/program.js';
import { ProgramSet, type SetMember } from '../bpf/program-set.js';
import { RefusedError } from '../bpf/refusals.js';
import { RingBuffer } from '../bpf/ring-buffer.js';
import { platformIsLinux } from '../kernel/ffi.js';
import { checkTier, type Tier } from '../meter/accounts/causes.js';
import { forkProgram, treeMaps } from '../meter/accounts/process-tree.js';
import { addMembers, checkScope, type Scope } from '../meter/scope.js';
import { wrongArgument, wrongState } from '../text/coded.js';
import { shown } from '../text/shown.js';
import { Collector, type StageSummary } from './collector.js';
import { parseConnectionFilter } from './connection-filter.js';
import type { Journey } from './path.js';
import { type PointName, pointNames, points, totalsOffset } from './points.js';
import type { Choice } from './programs/begin.js';
import { functionPrograms } from './programs/function-programs.js';
import { packetPrograms } from './programs/packet-programs.js';
import { journeyMaps, ringBytes } from './programs/program-code.js';
import { receivePrograms } from './programs/receive-programs.js';
import { type SendProbe, sendPrograms } from './programs/send-programs.js';
import { readStamp } from './record.js';

/** What to follow. */
export interface JourneyOptions {
  /** Messages that a process or its descendants send or receive, or all. Default: all. */
  readonly scope?: Exclude<Scope, { kind: 'cgroup' }>;
  /** Only connections with this end: `10.0.0.7`, `:443`, `[::1]:80`. @throws ConnectionFilterError for another text. */
  readonly connection?: string;
  /** One message in so many, by chance; at least 1, which is the default. */
  readonly sample?: number;
  /** Also keep packet headers, for pcapng. Default false. */
  readonly headers?: boolean;
  /** Journeys kept whole for {@link JourneyTracer.journeys}. Default 10,000. */
  readonly keep?: number;
  /** How many of the slowest are kept whole. Default 5. */
  readonly slowest?: number;
  /** Leaves out messages that this process sends or receives. Default false. */
  readonly ignoreSelf?: boolean;
  /** Only this tier. Default: functions where the host allows them. */
  readonly tier?: Tier;
}

/** What was measured since the tracer was opened. */
export interface JourneyReading {
  readonly tier: Tier;
  /** Line by line, what this tier cannot see here. */
  readonly unseen: readonly string[];
  readonly elapsedMs: number;
  /**
   * Messages of the whole host that the filter let pass: `seen` where one could begin, `followed`, and `busy`: left out because
   * their connection had one under way. Sampling leaves out the rest.
   */
  readonly messages: { readonly seen: number; readonly followed: number; readonly busy: number };
  /** Journeys in scope, by how they ended. */
  readonly outcomes: { readonly read: number; readonly acknowledged: number; readonly unfinished: number };
  /** Records that found no room in the ring, by point: their journeys lack a stamp. Empty in a sound run. */
  readonly lost: readonly { readonly point: PointName; readonly records: number }[];
  /** Messages whose beginning is missing, for want of that record. */
  readonly headless: number;
  /** Journeys beyond those that are kept; they are in the figures. */
  readonly notKept: number;
  /** From the first point to the last. */
  readonly total: StageSummary;
  readonly stages: readonly StageSummary[];
  readonly slowest: readonly Journey[];
}

/** Follows messages until it is closed. If the process dies, the kernel detaches the programs. */
export interface JourneyTracer {
  readonly tier: Tier;
  /** Also follows a process and its descendants (for the scope `process`). @throws ScopeError */
  include(processId: number): void;
  /** Stops adding what a process forks. */
  exclude(processId: number): void;
  /** Takes what is in the ring; it is done every 10 ms anyway while the event loop runs. */
  poll(): void;
  /** The figures up to now. */
  read(): JourneyReading;
  /** The journeys kept, in the order in which they ended. */
  journeys(): readonly Journey[];
  /** Detaches; what is under way is taken as it is. Figures can still be read. Harmless when done twice. */
  close(): void;
}

/**
 * Attaches and begins.
 * @throws RefusedError where the host does not allow it, ConnectionFilterError, ScopeError, RangeError for a count or a tier that there is not.
 * Nothing stays attached then.
 */
export function traceJourneys(options: JourneyOptions = {}): JourneyTracer {
  const { sample = 1, keep = defaults.keep, slowest = defaults.slowest } = options;
  checkCount('sample', sample, 1);
  checkCount('keep', keep, 0);
  checkCount('slowest', slowest, 0);
  checkTier(options.tier);
  if (options.scope !== undefined) checkScope(options.scope);
  const filter = options.connection === undefined ? undefined : parseConnectionFilter(options.connection);
  refuseHost();
  const choice: Choice = {
    sample,
    filter,
    headers: options.headers === true,
    members: options.scope?.kind === 'process',
  };
  const { tier, members } = programsFor(Btf.kernel(), choice, options.tier);
  const ring = RingBuffer.create('journey_ring', ringBytes);
  let set: ProgramSet | undefined;
  try {
    set = ProgramSet.load([...journeyMaps, ...treeMaps], members, { journey_ring: ring.map });
    const include = () => {
      if (options.scope?.kind === 'process') addMembers(set!.maps['meter_members']!, options.scope.processId);
    };
    // Before, so that none of their messages is taken for one of others; and again for what they forked meanwhile.
    include();
    set.attach();
    include();
    return new OpenTracer(set, ring, tier, options);
  } catch (error) {
    set?.close();
    ring.close();
    throw error;
  }
}

const defaults = { keep: 10_000, slowest: 5 } as const;

function checkCount(name: string, value: unknown, least: number): void {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= 2 ** 31) return;
  throw wrongArgument(`${name} is a whole number from ${least} on, not ${shown(value)}`);
}

/** The namespace whose process ids the kernel's own structures hold (PROC_PID_INIT_INO). */
const firstProcessNamespace = 'pid:[4026531836]';

function refuseHost(): void {
  if (!platformIsLinux) throw new RefusedError('not-linux', 'the measured journey');
  if (readlinkSync('/proc/self/ns/pid') !== firstProcessNamespace) {
    throw new RefusedError('pid-namespace', 'the measured journey');
  }
}

/** The programs for a kernel's types, and the tier they make. @throws RefusedError where a send's beginning cannot be seen */
function programsFor(types: Btf, choice: Choice, wanted: Tier | undefined): { tier: Tier; members: SetMember[] } {
  if (types.functionId('bpf_rdonly_cast') === undefined) throw new RefusedError('kernel-too-old', 'bpf_rdonly_cast');
  const functions = wanted !== 'tracepoints' && functionsAllowed(wanted === 'functions');
  const hasTracepoint = types.tracepoint('tcp_sendmsg_locked') !== undefined;
  if (!hasTracepoint && !functions) throw new RefusedError('no-tracepoint', 'tp_btf tcp_sendmsg_locked');
  const probe: SendProbe = hasTracepoint ? 'tracepoint' : 'function';
  const members = journeyPrograms(types, choice, probe);
  if (!functions) return { tier: 'tracepoints', members };
  return { tier: 'functions', members: [...members, ...functionPrograms(types)] };
}

/** The programs that need no function entry (but for a send's beginning before 6.14), and the one that follows forks. */
export function journeyPrograms(types: TypeSource, choice: Choice, probe: SendProbe) {
  return [
    forkProgram(types),
    ...receivePrograms(types, choice),
    ...packetPrograms(types, choice),
    ...sendPrograms(types, choice, probe),
  ];
}

/** Tries the smallest program. @throws RefusedError where functions are insisted on */
function functionsAllowed(insisted: boolean): boolean {
  try {
    const code = new Assembler().exit(0).assemble();
    const program = BpfProgram.load({ name: 'journey_probe', type: 'fentry', target: 'tcp_sendmsg_locked', code });
    try {
      attachTracing(program).detach();
    } finally {
      program.close();
    }
    return true;
  } catch (error) {
    if (insisted || !(error instanceof RefusedError)) throw error;
    return false;
  }
}

const pollMs = 10;

class OpenTracer implements JourneyTracer {
  readonly tier: Tier;
  private readonly set: ProgramSet;
  private readonly ring: RingBuffer;
  private readonly collector: Collector;
  private readonly timer: NodeJS.Timeout;
  private readonly openedAt = performance.now();
  private readonly unseen: readonly string[];
  private elapsedMs: number | undefined;
  private ready: ReadonlySet<number> = new Set();
  private counts: Pick<JourneyReading, 'messages' | 'lost'> | undefined;

  constructor(set: ProgramSet, ring: RingBuffer, tier: Tier, options: JourneyOptions) {
    this.set = set;
    this.ring = ring;
    this.tier = tier;
    this.unseen = unseenBy(set);
    const members = set.maps['meter_members']!;
    const all = options.scope === undefined || options.scope.kind === 'all';
    const inside = (processId: number | undefined) => processId !== undefined && isMember(members, processId);
    this.collector = new Collector({
      keep: options.keep ?? defaults.keep,
      slowest: options.slowest ?? defaults.slowest,
      wanted: ({ sender, reader }) => {
        if (options.ignoreSelf === true && (sender?.process === process.pid || reader?.process === process.pid))
          return false;
        return all || inside(sender?.process) || inside(reader?.process);
      },
    });
    this.timer = setInterval(() => this.poll(), pollMs);
    this.timer.unref();
  }

  private members(): BpfMap {
    if (this.elapsedMs !== undefined) throw wrongState('this tracer is closed', TypeError);
    return this.set.maps['meter_members']!;
  }

  include(processId: number): void {
    addMembers(this.members(), processId);
  }

  exclude(processId: number): void {
    this.members().delete(processId);
  }

  poll(): void {
    if (this.elapsedMs !== undefined) return;
    this.drain();
    const ready = this.ready;
    this.ready = this.collector.ripened();
    this.collector.harvest(ready, Number(process.hrtime.bigint()));
  }

  private drain(): void {
    this.ring.drain((record) => {
      const stamp = readStamp(record);
      if (stamp !== undefined) this.collector.take(stamp);
    });
  }

  read(): JourneyReading {
    if (this.elapsedMs === undefined) this.poll();
    const { outcomes, headless, notKept, total, summary, slowest } = this.collector;
    return {
      tier: this.tier,
      unseen: this.unseen,
      elapsedMs: this.elapsedMs ?? performance.now() - this.openedAt,
      ...(this.counts ?? this.readCounts()),
      outcomes: { ...outcomes },
      headless,
      notKept,
      total,
      stages: summary,
      slowest,
    };
  }

  private readCounts(): Pick<JourneyReading, 'messages' | 'lost'> {
    const totals = this.set.maps['journey_totals']!.lookup(0)!;
    const word = (offset: number) => Number(totals.getBigUint64(offset, true));
    return {
      messages: {
        seen: word(totalsOffset.seen),
        followed: word(totalsOffset.begun),
        busy: word(totalsOffset.busy),
      },
      lost: pointNames
        .map((point, index) => ({ point, records: word(totalsOffset.lost + 8 * index) }))
        .filter(({ records }) => records > 0),
    };
  }

  journeys(): readonly Journey[] {
    return this.collector.kept;
  }

  close(): void {
    if (this.elapsedMs !== undefined) return;
    clearInterval(this.timer);
    this.set.detach();
    this.drain();
    this.collector.finishAll();
    this.counts = this.readCounts();
    this.elapsedMs = performance.now() - this.openedAt;
    this.set.close();
    this.ring.close();
  }
}

function isMember(members: BpfMap, processId: number): boolean {
  return members.lookup(processId) !== undefined;
}

/** Where a journey has a gap on every host. */
const alwaysUnseen: readonly string[] = [
  'UDP and AF_UNIX messages: only TCP is followed',
  'readers by splice, sendfile or TCP_ZEROCOPY_RECEIVE: there is no copy to a reader, such journeys stay unfinished',
  'what a network card and the wire do: between the driver and the acknowledgement, or before the receive poll',
  'the other side of address translation (NAT): it is another connection here',
];

/** Line by line, what cannot be seen with the programs of a set. */
function unseenBy({ programs, refused }: ProgramSet): string[] {
  const gone = new Set(refused.map(({ subject }) => subject.split(' ').at(-1)));
  const seen = new Set(programs.map(({ source }) => source.target ?? '').filter((target) => !gone.has(target)));
  const missing = Object.values(points).filter((point) => !point.at.split(', ').some((name) => seen.has(name)));
  const lines = missing.map(({ at, words }) => `when ${words} (${at})`);
  return [...lines, ...alwaysUnseen];
}
