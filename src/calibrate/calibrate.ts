// Measures this host: every series in interleaved rounds within a given time, and the points of serve beside them.
// What is measured is in series.ts; not here: what it means (fit.ts), the command and its words (cli/calibrate.ts).

import { checkedPoints } from './check.js';
import { Payload, Sink } from './measure.js';
import { BypassRig } from './measure-bypass.js';
import { GuestRig } from './measure-guest.js';
import { RequestRig } from './measure-requests.js';
import { type Drift, driftOf, repeat, summarise } from './rounds.js';
import { measurements, requestSeries, servedPoints, serveSeries } from './series.js';
import { hasUring, ServeRig } from './serve.js';
import type { Measured } from './solve.js';

/** Rounds of the points of serve at most. */
const serveRounds = 60;

/** What a host gave: figures by name for the fit, figures that are only compared, and how far the host drifted meanwhile. */
export interface Everything {
  measured: Map<string, Measured>;
  checked: Map<string, Measured>;
  drift: Drift;
}

/**
 * Measures everything within about `seconds`; with `checking`, the points that are only compared take part in the rounds
 * and it takes half a minute more. `progress` is told what is measured now.
 */
export async function measureHost(
  seconds: number,
  checking: boolean,
  progress: (text: string) => void,
): Promise<Everything> {
  const started = Date.now();
  const sink = await Sink.open();
  const payload = new Payload(16 * 1024 * 1024);
  const guest = GuestRig.open();
  const bypass = BypassRig.open();
  const series = measurements(sink, payload, checking, guest, bypass);
  try {
    await repeat(series, started + seconds * 250, 15, progress);
  } finally {
    sink.close();
    payload.close();
    guest?.close();
    bypass?.close();
  }
  const rig = new ServeRig();
  const uring = hasUring();
  const [solved, compared] = [servedPoints(uring), checking ? checkedPoints(uring) : []];
  const served = serveSeries(rig, [...solved, ...compared]);
  const requests = RequestRig.open();
  const asked = requests === undefined ? [] : requestSeries(requests, checking);
  try {
    const until = started + (checking ? seconds + 25 : seconds) * 1000;
    await repeat([...served, ...asked], until, serveRounds, progress, true);
  } finally {
    await rig.close();
    await requests?.close();
  }
  const summed = new Map<string, Measured>();
  for (const one of [...series, ...served, ...asked])
    if (one.values.length > 0) summed.set(one.name, summarise(one.values));
  const names = new Set(solved.map(({ name }) => name));
  const isMeasured = (name: string): boolean =>
    names.has(name) || [...series, ...asked].some((one) => one.name === name);
  const turnaround = summed.get('serve.alone wall');
  return {
    measured: new Map([
      ...[...summed].filter(([name]) => isMeasured(name)),
      ...(turnaround ? [['serve.turnaround', turnaround] as const] : []),
    ]),
    checked: new Map([...summed].filter(([name]) => !isMeasured(name))),
    drift: driftOf(served),
  };
}
