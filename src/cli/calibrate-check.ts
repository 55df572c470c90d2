// `clearway calibrate --check`: serve at sizes, engines and connections that no constant was solved from, predicted by the profile and
// measured. The measuring takes part in calibration's own rounds, so that a host that slows down meanwhile slows down both sides.

import { answer } from '../journey/answer.js';
import type { Host } from '../journey/hosts.js';
import { defaultScenario } from '../journey/scenario.js';
import type { Measured } from './calibrate-fit.js';
import type { Series } from './calibrate-rounds.js';
import type { ServedPoint, ServeRig } from './calibrate-serve.js';
import { hereDefaults } from './host-profile.js';

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

/** Two series a point: processor nanoseconds a request, and nanoseconds by the clock between two answers. */
export function checkSeries(rig: ServeRig, uring: boolean, forMs: number): Series[] {
  return checkPoints(uring).flatMap((point): Series[] => {
    const wall: number[] = [];
    const title = `checked: ${point.bytes / 1024} KiB, ${point.connections} connections`;
    const once = async (): Promise<number> => {
      const cost = await rig.measure(point, forMs);
      wall.push(1e9 / cost.requestsPerSecond);
      return cost.nsPerRequest;
    };
    return [
      { name: nameOf(point), title, once, values: [] },
      { name: `${nameOf(point)} wall`, title, once: () => wall.pop(), values: [] },
    ];
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

/** One point of the check; `error` is predicted over measured, less one. */
export interface CheckedPoint extends ServedPoint {
  nsPerRequest: { predicted: number; measured: number; low: number; high: number; error: number };
  requestsPerSecond: { predicted: number; measured: number; error: number };
}

/** What `--json` prints of the check: every point, and how many of the errors are within 25 %. */
export interface Check {
  points: CheckedPoint[];
  errors: number;
  within25Percent: number;
  medianError: number;
  worstError: number;
}

/** The check: predicted and measured processor time and requests a second of every point that was measured. */
export function check(measured: ReadonlyMap<string, Measured>, here: Host): Check {
  const uring = [...measured.keys()].some((name) => name.startsWith('uring'));
  const points: CheckedPoint[] = [];
  for (const point of checkPoints(uring)) {
    const [cost, wall] = [measured.get(nameOf(point)), measured.get(`${nameOf(point)} wall`)];
    if (!cost || !wall) continue;
    const predicted = predictServed(point, here);
    const rate = 1e9 / wall.typical;
    points.push({
      ...point,
      nsPerRequest: {
        predicted: predicted.nsPerRequest,
        measured: cost.typical,
        low: cost.low,
        high: cost.high,
        error: predicted.nsPerRequest / cost.typical - 1,
      },
      requestsPerSecond: {
        predicted: predicted.requestsPerSecond,
        measured: rate,
        error: predicted.requestsPerSecond / rate - 1,
      },
    });
  }
  const errors = points
    .flatMap((one) => [Math.abs(one.nsPerRequest.error), Math.abs(one.requestsPerSecond.error)])
    .sort((a, b) => a - b);
  return {
    points,
    errors: errors.length,
    within25Percent: errors.filter((error) => error <= 0.25).length,
    medianError: errors[errors.length >> 1] ?? 0,
    worstError: errors.at(-1) ?? 0,
  };
}

const percent = (error: number): string => `${error >= 0 ? '+' : ''}${Math.round(error * 100)} %`;

/** The table of the check, for a reader. */
export function checkTable(given: Check): string {
  const lines: string[] = [
    '',
    'serve where no constant was measured: predicted by plan --here, and measured in the same rounds (a reader that polls;',
    'time in which server or reader waited for a core that others used is taken off the requests a second)',
    '',
    '| engine | way | size | connections | s/GiB predicted | measured | error | requests/s predicted | measured | error | interval |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  for (const { engine, way, bytes, connections, nsPerRequest: cost, requestsPerSecond: rate } of given.points) {
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
      `${percent(cost.low / cost.measured - 1)} to ${percent(cost.high / cost.measured - 1)}`,
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  const figure = (error: number): string => `${(error * 100).toFixed(0)} %`;
  const worst = `median error ${figure(given.medianError)}, worst ${figure(given.worstError)}`;
  lines.push('', `${given.within25Percent} of ${given.errors} within 25 %; ${worst}.`);
  return lines.join('\n');
}
