// What a probe is, and the one way to run probes: it never throws, and away from Linux it says what needs Linux.
// The probes themselves stand in probe-*.ts, beside the facility they try; how findings look is the doctor's (cli/).

import { platformIsLinux } from './ffi.js';

/** Whether the host can do it; `limited`: it works, but less well than it could. */
export type ProbeState = 'yes' | 'no' | 'limited';
/** What a probe learned, for programs. */
export type ProbeFacts = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

/** The answer of one probe. `cost` and `remedy` belong to every answer that is not `yes`. */
export interface Outcome {
  readonly state: ProbeState;
  /** What was found, in a few words. */
  readonly detail: string;
  /** What is lost by it. */
  readonly cost?: string;
  /** The command that gives it, or, where no command can, what to do. */
  readonly remedy?: string;
  readonly facts?: ProbeFacts;
}

/** The groups of probes, in the order in which they are shown. */
export const probeGroups = ['host', 'engine', 'files', 'sockets', 'memory', 'bpf', 'bypass', 'audio'] as const;

/** One question to the host. `examine` may throw: {@link runProbe} turns that into an answer. */
export interface Probe {
  /** Stable name, for programs. */
  readonly id: string;
  readonly group: (typeof probeGroups)[number];
  /** What is asked about, as people call it. */
  readonly what: string;
  /** What Clearway does with it. */
  readonly meaning: string;
  /** True for what can be answered on any system. */
  readonly anywhere?: boolean;
  examine(): Outcome;
}

/** A probe with its answer: every field is always there. */
export interface Finding {
  readonly id: string;
  readonly group: (typeof probeGroups)[number];
  readonly what: string;
  readonly state: ProbeState;
  readonly detail: string;
  readonly meaning: string;
  readonly cost: string | null;
  readonly remedy: string | null;
  readonly facts: ProbeFacts;
}

/** Runs one probe. Never throws: a probe that fails is a `no` that says how it failed. */
export function runProbe(probe: Probe, onLinux = platformIsLinux): Finding {
  const { id, group, what, meaning } = probe;
  const outcome = onLinux || probe.anywhere === true ? attempt(probe) : needsLinux();
  return {
    ...{ id, group, what, state: outcome.state, detail: outcome.detail, meaning },
    ...{ cost: outcome.cost ?? null, remedy: outcome.remedy ?? null, facts: outcome.facts ?? {} },
  };
}

function attempt(probe: Probe): Outcome {
  try {
    return probe.examine();
  } catch (error) {
    const { message, hint } = (error ?? {}) as { message?: string; hint?: string };
    return {
      state: 'no',
      detail: `could not be tried: ${message ?? String(error)}`,
      cost: 'what needs it is not used',
      remedy: hint ?? 'fix what the message names, then run clearway doctor again',
      facts: { reason: 'probe-failed' },
    };
  }
}

function needsLinux(): Outcome {
  return {
    state: 'no',
    detail: `needs Linux on x64 or arm64; this is ${process.platform} on ${process.arch}`,
    cost: 'what needs it cannot run here',
    remedy: 'run it on a Linux host, in a virtual machine, or in a container on Linux',
    facts: { reason: 'not-linux' },
  };
}
