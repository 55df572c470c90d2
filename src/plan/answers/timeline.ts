// One message through its stages with nothing else on the machine: when each stage starts and ends, what overlaps with what, and the latency.
// A message is cut into pieces (at most 64); a stage works at its grain, so the NIC reads the first packets while the processor still
// prepares the next super-packet. Store and forward at that grain.

import type { BoundStage, Journey } from '../stages/journey.js';

export interface Interval {
  startNs: number;
  endNs: number;
}

export interface TimelineRow {
  stage: string;
  label: string;
  resource: string;
  side: string;
  /** First start and last end. */
  startNs: number;
  endNs: number;
  busyNs: number;
  latencyNs: number;
  /** When the resource worked: the bars of the Gantt chart. */
  bars: Interval[];
}

export interface Timeline {
  /** From the call to the moment the reader has the last byte. */
  latencyNs: number;
  /** Sum of all service and fixed times: what it would take without overlap. */
  serialNs: number;
  rows: TimelineRow[];
  /** Work after the message has arrived (completions, acknowledgements). */
  afterwardsNs: number;
}

const maximumPieces = 64;

function piecesOf(journey: Journey): { pieces: number; perSuper: number } {
  const packets = Math.max(1, Math.ceil(journey.counts.packets));
  const pieces = Math.min(packets, maximumPieces);
  const supers = Math.max(1, Math.ceil(journey.counts.sendSkbs));
  return { pieces, perSuper: Math.max(1, Math.ceil(pieces / supers)) };
}

/** Bars that touch are one bar. */
function addBar(bars: Interval[], startNs: number, endNs: number): void {
  const last = bars.at(-1);
  if (last && startNs - last.endNs < 1e-6) last.endNs = endNs;
  else bars.push({ startNs, endNs });
}

/** Runs all pieces through one stage; `ready` holds when each piece arrives and is replaced by when it leaves. */
function runStage(stage: BoundStage, ready: number[], group: number, free: Map<string, number>): TimelineRow {
  const bars: Interval[] = [];
  const pieces = ready.length;
  const share = stage.serviceNs / pieces;
  let end = 0;
  for (let first = 0; first < pieces; first += group) {
    const last = Math.min(first + group, pieces) - 1;
    const work = share * (last - first + 1);
    const start = Math.max(ready[last]!, free.get(stage.resourceId) ?? 0);
    end = start + work;
    if (work > 0) {
      free.set(stage.resourceId, end);
      addBar(bars, start, end);
    }
    for (let piece = first; piece <= last; piece += 1) ready[piece] = end + stage.latencyNs;
  }
  return {
    stage: stage.id,
    label: stage.label,
    resource: stage.resourceId,
    side: stage.side,
    startNs: bars[0]?.startNs ?? end,
    endNs: ready[pieces - 1]!,
    busyNs: stage.serviceNs,
    latencyNs: stage.latencyNs,
    bars,
  };
}

/** Resources that do not delay a lone message: their work overlaps with the stage that causes it. */
function isConcurrent(stage: BoundStage): boolean {
  return (
    stage.resource === 'memory bus' ||
    stage.resource === 'connections' ||
    stage.resource === 'DMA reads in flight' ||
    stage.resource === 'IOMMU walker'
  );
}

/** The time line of one message of a journey on idle machines. */
export function timelineOf(journey: Journey): Timeline {
  const { pieces, perSuper } = piecesOf(journey);
  const ready: number[] = new Array(pieces).fill(0);
  const free = new Map<string, number>();
  const rows: TimelineRow[] = [];
  for (const stage of journey.stages) {
    if (isConcurrent(stage)) continue;
    const group = stage.grain === 'message' ? pieces : stage.grain === 'super' ? perSuper : 1;
    if (stage.id === 'rx-ack') continue;
    rows.push(runStage(stage, ready, group, free));
  }
  const serial = rows.reduce((sum, row) => sum + row.busyNs + row.latencyNs, 0);
  return {
    latencyNs: Math.max(...ready),
    serialNs: serial,
    rows,
    afterwardsNs: journey.afterwards.reduce((sum, stage) => sum + stage.serviceNs, 0),
  };
}
