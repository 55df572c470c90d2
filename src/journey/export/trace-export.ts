// Journeys as a trace that Perfetto and chrome://tracing open: the JSON of the Trace Event Format (the published document
// "Trace Event Format", sections "Async Events", "Complete Events" and "Metadata Events"). Times are in us, with decimals.

import { printable } from '../../meter/report.js';
import type { Journey, Party } from '../path.js';
import { points } from '../points.js';
import { describeFlow } from '../record.js';
import { callName } from '../report.js';

/** One event of a trace. */
export interface TraceEvent {
  readonly name: string;
  /** `b` and `e` begin and end a span of a message, `n` marks a moment in it, `X` is a whole span of a thread, `M` names. */
  readonly ph: 'b' | 'e' | 'n' | 'X' | 'M';
  readonly pid: number;
  readonly tid: number;
  /** us since the first event. */
  readonly ts: number;
  readonly dur?: number;
  readonly cat?: string;
  /** The message: spans of one id are drawn in one track, one within the other. */
  readonly id?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

/** The whole file. */
export interface Trace {
  readonly traceEvents: readonly TraceEvent[];
  readonly displayTimeUnit: 'ns';
  readonly otherData: Readonly<Record<string, string | number>>;
}

/** The trace of journeys: a track for each message with its stages, and the calls of both parties on their threads. */
export function traceOf(journeys: readonly Journey[], subject: string): Trace {
  const begin = journeys.reduce((least, journey) => Math.min(least, beginningOf(journey)), Number.POSITIVE_INFINITY);
  const us = (timeNs: number) => (timeNs - begin) / 1000;
  const traceEvents: TraceEvent[] = [...namesOf(journeys)];
  for (const journey of journeys) traceEvents.push(...messageEvents(journey, us), ...callEvents(journey, us));
  return {
    traceEvents,
    displayTimeUnit: 'ns',
    otherData: {
      subject: printable(subject),
      clock: 'CLOCK_MONOTONIC',
      firstNs: Number.isFinite(begin) ? begin : 0,
      journeys: journeys.length,
    },
  };
}

/** The reader may have waited in its call before the message began. */
function beginningOf({ path, stamps }: Journey): number {
  const enteredNs = stamps.findLast(({ point }) => point === 'copy')?.enteredNs ?? 0;
  return enteredNs === 0 ? path[0]!.timeNs : Math.min(path[0]!.timeNs, enteredNs);
}

/** A message belongs to the process that sent it, or, from elsewhere, that read it. */
function ownerOf({ sender, reader }: Journey): { pid: number; tid: number } {
  const party = sender ?? reader;
  return { pid: party?.process ?? 0, tid: party?.thread ?? 0 };
}

function messageEvents(journey: Journey, us: (timeNs: number) => number): TraceEvent[] {
  const { id, bytes, flow, path, stages, beside, outcome, retransmissions } = journey;
  const common = { ...ownerOf(journey), cat: 'message', id: `0x${id.toString(16)}` };
  const name = `message of ${bytes} B${flow === undefined ? '' : `, ${describeFlow(flow)}`}`;
  const events: TraceEvent[] = [
    { name, ph: 'b', ts: us(path[0]!.timeNs), ...common, args: { bytes, outcome, retransmissions } },
  ];
  for (const { from, to, startNs, durationNs } of stages) {
    const stage = `${from} > ${to}`;
    events.push({ name: stage, ph: 'b', ts: us(startNs), ...common, args: { until: points[to].words } });
    events.push({ name: stage, ph: 'e', ts: us(startNs + durationNs), ...common });
  }
  const end = path.at(-1)!.timeNs;
  for (const { point, timeNs } of beside) {
    // A moment after the end has no place within the span.
    if (timeNs <= end) events.push({ name: point, ph: 'n', ts: us(timeNs), ...common });
  }
  events.push({ name, ph: 'e', ts: us(end), ...common });
  return events;
}

/** The sender's and the reader's call, where entry and return were both seen. */
function callEvents(journey: Journey, us: (timeNs: number) => number): TraceEvent[] {
  const { sender, reader, path, beside, stamps } = journey;
  const args = { message: journey.id };
  const events: TraceEvent[] = [];
  const add = (party: Party | undefined, startNs: number | undefined, endNs: number | undefined) => {
    if (party === undefined || startNs === undefined || startNs === 0 || endNs === undefined) return;
    const name = callName(party.call) ?? 'call';
    const place = { pid: party.process, tid: party.thread, cat: 'call' };
    // Two messages of one call (sendfile) would draw it twice at the same place: harmless.
    events.push({ name, ph: 'X', ts: us(startNs), dur: (endNs - startNs) / 1000, ...place, args });
  };
  const timeOf = (list: Journey['path'], point: string) => list.find((each) => each.point === point)?.timeNs;
  const copy = stamps.findLast(({ point }) => point === 'copy');
  add(sender, timeOf(path, 'entered'), timeOf(beside, 'sendReturned'));
  add(reader, copy?.enteredNs, timeOf(path, 'returned'));
  return events;
}

/** The names of processes and threads. */
function namesOf(journeys: readonly Journey[]): TraceEvent[] {
  const named = new Map<string, TraceEvent>();
  for (const { sender, reader } of journeys) {
    for (const party of [sender, reader]) {
      if (party === undefined) continue;
      const { process: pid, thread: tid } = party;
      const args = { name: printable(party.name) };
      const both = { pid, tid, ts: 0, ph: 'M' as const, args };
      if (!named.has(`p${pid}`)) named.set(`p${pid}`, { ...both, name: 'process_name' });
      if (!named.has(`t${tid}`)) named.set(`t${tid}`, { ...both, name: 'thread_name' });
    }
  }
  return [...named.values()];
}
