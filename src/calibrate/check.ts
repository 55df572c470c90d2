// `clearway calibrate --check`: serve at sizes, engines and connections that no constant was solved from, predicted by the profile and
// measured. The measuring takes part in calibration's own rounds, each point between the sizes that predict it, so that a host that slows down
// meanwhile slows down both sides. A point's own interval says how well it is known.

import { answer } from '../plan/answers/answer.js';
import type { Host } from '../plan/facts/hosts.js';
import { defaultScenario } from '../plan/scenario.js';
import { percent } from './compared.js';
import { hereDefaults } from './host-profile.js';
import type { Drift } from './rounds.js';
import type { ServedPoint } from './serve.js';
import type { Measured } from './solve.js';

/** The points that are scored: between the sizes and connections that were fitted, none of them the same. */
export function checkPoints(uring: boolean): ServedPoint[] {
  const engine = uring ? 'uring' : 'epoll';
  const points: ServedPoint[] = [];
  for (const way of ['inline', 'sendfile'] as const) {
    points.push(
      { engine, way, bytes: 8192, connections: 32 },
      { engine, way, bytes: 32_768, connections: 8 },
      { engine, way, bytes: 131_072, connections: 32 },
      { engine, way, bytes: 393_216, connections: 8 },
      { engine, way, bytes: 786_432, connections: 32 },
      { engine, way, bytes: 8192, connections: 1 },
    );
    if (uring) points.push({ engine: 'epoll', way, bytes: 32_768, connections: 32 });
  }
  return points;
}

const nameOf = (point: ServedPoint): string => `${point.engine} ${point.way} ${point.bytes} ${point.connections}`;

/** The points with the names their series have. */
export function checkedPoints(uring: boolean): { name: string; title: string; point: ServedPoint }[] {
  return checkPoints(uring).map((point) => {
    const title = `checked: ${point.bytes / 1024} KiB, ${point.connections} connections`;
    return { name: nameOf(point), title, point };
  });
}

/** What the profile says to one point. */
export function predictServed(point: ServedPoint, here: Host): { nsPerRequest: number; requestsPerSecond: number } {
  const scenario = {
    ...defaultScenario(),
    ...hereDefaults,
    host: 'here' as const,
    way: point.way === 'inline' ? ('copy' as const) : ('sendfile' as const),
    engine: point.engine === 'uring' ? ('uring' as const) : ('syscall' as const),
    message: point.bytes,
    flows: point.connections,
  };
  const given = answer(scenario, { here });
  return { nsPerRequest: given.cpu.senderNsPerMessage, requestsPerSecond: given.throughput.messagesPerSecond };
}

/** What was predicted and measured, with the measured one's 95 % interval; `error` is predicted over measured, less one. */
export interface CheckedFigure {
  predicted: number;
  measured: number;
  low: number;
  high: number;
  error: number;
}

/** One point of the check. `known`: both its intervals are within the bound of 25 %, so that the errors mean something. */
export interface CheckedPoint extends ServedPoint {
  nsPerRequest: CheckedFigure;
  requestsPerSecond: CheckedFigure;
  known: boolean;
}

/** What `--json` prints of the check: every point, how many of the errors are within 25 %, and the same of those that are known so well. */
export interface Check {
  points: CheckedPoint[];
  errors: number;
  within25Percent: number;
  medianError: number;
  worstError: number;
  known: { errors: number; within25Percent: number };
  drift: Drift;
}

const bound = 0.25;

function figure(predicted: number, { typical, low, high }: Pick<Measured, 'typical' | 'low' | 'high'>): CheckedFigure {
  return { predicted, measured: typical, low, high, error: predicted / typical - 1 };
}

const isKnown = ({ measured, low, high }: CheckedFigure): boolean =>
  low >= measured * (1 - bound) && high <= measured * (1 + bound);

const errorsOf = (points: readonly CheckedPoint[]): number[] =>
  points
    .flatMap((one) => [Math.abs(one.nsPerRequest.error), Math.abs(one.requestsPerSecond.error)])
    .sort((a, b) => a - b);

const within = (errors: readonly number[]): number => errors.filter((error) => error <= bound).length;

/** The check: predicted and measured processor time and requests a second of every point that was measured. */
export function check(measured: ReadonlyMap<string, Measured>, here: Host, drift: Drift): Check {
  const uring = [...measured.keys()].some((name) => name.startsWith('uring'));
  const points: CheckedPoint[] = [];
  for (const point of checkPoints(uring)) {
    const [cost, wall] = [measured.get(nameOf(point)), measured.get(`${nameOf(point)} wall`)];
    if (!cost || !wall) continue;
    const predicted = predictServed(point, here);
    const nsPerRequest = figure(predicted.nsPerRequest, cost);
    const rate = { typical: 1e9 / wall.typical, low: 1e9 / wall.high, high: 1e9 / wall.low };
    const requestsPerSecond = figure(predicted.requestsPerSecond, rate);
    points.push({
      ...point,
      nsPerRequest,
      requestsPerSecond,
      known: isKnown(nsPerRequest) && isKnown(requestsPerSecond),
    });
  }
  const errors = errorsOf(points);
  const known = errorsOf(points.filter((one) => one.known));
  return {
    points,
    errors: errors.length,
    within25Percent: within(errors),
    medianError: errors[errors.length >> 1] ?? 0,
    worstError: errors.at(-1) ?? 0,
    known: { errors: known.length, within25Percent: within(known) },
    drift,
  };
}

/** The drift, for a reader. */
export function driftWords({ rounds, quickest, slowest }: Drift): string {
  if (rounds < 2)
    return 'There was one round, so that nothing says how far the host itself swings: --seconds 55 makes more.';
  return `Over ${rounds} rounds the host itself was between ${percent(quickest - 1)} and ${percent(slowest - 1)} of what was kept.`;
}

/** The table of the check, for a reader. */
export function checkTable(given: Check): string {
  const lines: string[] = [
    '',
    'serve where no constant was measured: predicted by plan --here, and measured in the same rounds (a reader that polls;',
    'time in which server or reader waited for a core that others used is taken off the requests a second). Solved from 1, 60, 64,',
    '256, 512 KiB and 1 MiB with 16 connections, and 1 KiB with one; none of these is below.',
    '',
    '| engine | way | size | connections | s/GiB predicted | measured | error | requests/s predicted | measured | error | interval |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  for (const { engine, way, bytes, connections, known, nsPerRequest: cost, requestsPerSecond: rate } of given.points) {
    const perGiB = (ns: number): string => ((ns / bytes) * 1.073741824).toFixed(3);
    const cells = [
      engine,
      way === 'inline' ? 'memory' : 'sendfile',
      `${bytes / 1024} KiB`,
      connections,
      perGiB(cost.predicted),
      perGiB(cost.measured),
      percent(cost.error),
      Math.round(rate.predicted),
      Math.round(rate.measured),
      percent(rate.error),
      `${percent(cost.low / cost.measured - 1)} to ${percent(cost.high / cost.measured - 1)}${known ? '' : ' *'}`,
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  const words = (error: number): string => `${(error * 100).toFixed(0)} %`;
  const worst = `median error ${words(given.medianError)}, worst ${words(given.worstError)}`;
  lines.push('', `${given.within25Percent} of ${given.errors} within 25 %; ${worst}. ${driftWords(given.drift)}`);
  const { known } = given;
  if (known.errors < given.errors) {
    lines.push(
      `* measured no better than to 25 % itself, on this host and in this time: of the other ${known.errors} errors ` +
        `${known.within25Percent} are within 25 %.`,
    );
  }
  return lines.join('\n');
}
