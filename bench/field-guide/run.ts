// One subject of the field guide, metered: its server under each load in turn, with a meter opened after the server is ready and
// read when all is still again. The meter sees the server and its descendants; the generator is outside.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Counters, Reading, Summary, Tier } from '../../src/meter/index.js';
import { addCounters, createMeter, type Meter } from '../../src/meter/index.js';
import type { Why } from '../../src/why/evidence.js';
import { Watch } from '../../src/why/gather.js';
import { explain } from '../../src/why/rules.js';
import { ended, startPinned } from '../host/child.js';
import { type Moved, perform } from './client.js';
import type { NamedLoad, RunningSubject, Subject, SubjectContext, UsualLoad } from './subject.js';

/** What was found under one load. */
export interface Finding {
  readonly subject: string;
  readonly load: string;
  readonly tier: Tier;
  /** What the guide's generator counted. */
  readonly moved: Moved;
  readonly summary: Summary;
  readonly counters: Counters;
  /** Sends and receives that the server made. */
  readonly sendCalls: number;
  readonly receiveCalls: number;
  readonly why: Why;
  readonly shortfall: Reading['shortfall'];
}

/** Payload of one end, as metered. */
export interface Ends {
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** The same by a generator that others use: both ends metered, and what it says itself. */
export interface UsualFinding {
  readonly subject: string;
  readonly load: string;
  readonly server: Ends;
  readonly generator: Ends;
  /** Bytes received by the generator's own count, where it has one. */
  readonly ownCountBytes: number | undefined;
}

/** All about one subject. */
export interface SubjectFindings {
  readonly subject: string;
  /** Why it was left out, if it was. */
  readonly skipped: string | undefined;
  readonly findings: readonly Finding[];
  readonly usual: UsualFinding | undefined;
  readonly usualSkipped: string | undefined;
}

/** True where every byte that the generator received was metered as sent, and the other way about. */
export function isExact({ moved, summary }: Finding): boolean {
  return summary.payloadSent === moved.receivedBytes && summary.payloadReceived === moved.sentBytes;
}

/** Starts a subject, meters it under each of its loads, and stops it. @throws where it does not start or answer as it should */
export async function runSubject(
  subject: Subject,
  context: Omit<SubjectContext, 'scratchDirectory'> & { readonly root: string },
  wants: { readonly usual: boolean },
): Promise<SubjectFindings> {
  const absent = subject.absence();
  if (absent !== undefined) {
    return { subject: subject.name, skipped: absent, findings: [], usual: undefined, usualSkipped: undefined };
  }
  const scratchDirectory = join(context.root, subject.name.replaceAll(/\W+/g, '-'));
  mkdirSync(scratchDirectory, { recursive: true });
  const running = await subject.start({ ...context, scratchDirectory });
  try {
    const findings: Finding[] = [];
    for (const load of running.loads) {
      if (context.loads === undefined || load.name.includes(context.loads))
        findings.push(await meterLoad(subject.name, running, load));
    }
    const usualSkipped = wants.usual ? running.usual?.absence() : 'not asked for';
    const usual =
      running.usual !== undefined && usualSkipped === undefined
        ? await meterUsual(subject.name, running, running.usual)
        : undefined;
    return { subject: subject.name, skipped: undefined, findings, usual, usualSkipped };
  } finally {
    await running.stop();
  }
}

async function meterLoad(subject: string, { processId }: RunningSubject, load: NamedLoad): Promise<Finding> {
  const meter = createMeter({ scope: { kind: 'process', processId } });
  try {
    const watch = new Watch('/proc/self/ns/net', processId);
    const sampler = setInterval(() => watch.sample(), 50);
    const moved = await perform(load).finally(() => clearInterval(sampler));
    const wanted = load.contentBytes * moved.requests;
    if (moved.contentBytes !== wanted)
      throw new Error(`${subject}, ${load.name}: ${moved.contentBytes} bytes of content, not ${wanted}`);
    const reading = await readWhenStill(meter);
    const { summary, counters, tier, shortfall } = reading;
    const { sendCalls = 0, receiveCalls = 0 } = counters;
    const why = explain(watch.end(reading));
    return { subject, load: load.name, tier, moved, summary, counters, sendCalls, receiveCalls, why, shortfall };
  } finally {
    meter.close();
  }
}

/** Reads until nothing more is counted: a server may read a last word after its client has gone. At most two seconds. */
async function readWhenStill(meter: Meter): Promise<Reading> {
  let before = meter.read();
  for (let attempt = 0; attempt < 40; attempt++) {
    await sleep(50);
    const now = meter.read();
    if (JSON.stringify(now.counters) === JSON.stringify(before.counters)) return now;
    before = now;
  }
  return before;
}

async function meterUsual(subject: string, { processId }: RunningSubject, usual: UsualLoad): Promise<UsualFinding> {
  const anywhere = { cpus: undefined, niceness: 0 };
  const run = (line: readonly string[]) => startPinned(anywhere, line[0]!, line.slice(1));
  if (usual.prepare !== undefined) await ended(run(usual.prepare), 30_000);
  const meter = createMeter({ scope: { kind: 'process', processId } });
  try {
    const child = run(usual.command);
    meter.include(child.pid!);
    const { status, stdout, stderr } = await ended(child, 60_000);
    if (status !== 0) throw new Error(`${usual.command.join(' ')} ended with ${status}: ${stderr.slice(-300)}`);
    const { rows } = await readWhenStill(meter);
    const of = (generator: boolean) => {
      const own = rows.filter((row) => (row.processId === child.pid) === generator);
      const counters = addCounters(own.map((row) => row.counters));
      // What a generator prints goes through a unix socket: the pipes that Node makes for its children are such.
      const printed = generator ? (counters.unixSent ?? 0) : 0;
      return { sentBytes: (counters.payloadSent ?? 0) - printed, receivedBytes: counters.payloadReceived ?? 0 };
    };
    const ownCountBytes = usual.receivedBytes?.(stdout);
    return { subject, load: usual.name, server: of(false), generator: of(true), ownCountBytes };
  } finally {
    meter.close();
  }
}
