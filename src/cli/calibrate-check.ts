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

const percent = (ratio: number): string => `${ratio >= 1 ? '+' : ''}${Math.round((ratio - 1) * 100)} %`;

/** The table of the check: predicted, measured and the difference, for processor time and requests a second. */
export function check(measured: ReadonlyMap<string, Measured>, here: Host): string {
  const uring = [...measured.keys()].some((name) => name.startsWith('uring'));
  const lines: string[] = [
    '',
    'serve where no constant was measured: predicted by plan --here, and measured in the same rounds (a reader that polls;',
    'time in which server or reader waited for a core that others used is taken off the requests a second)',
    '',
    '| engine | way | size | connections | s/GiB predicted | measured | error | requests/s predicted | measured | error | interval |',
    '| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
  ];
  const errors: number[] = [];
  for (const point of checkPoints(uring)) {
    const [cost, wall] = [measured.get(nameOf(point)), measured.get(`${nameOf(point)} wall`)];
    if (!cost || !wall) continue;
    const predicted = predictServed(point, here);
    const rate = 1e9 / wall.median;
    const perGiB = (ns: number): string => ((ns / point.bytes) * 1.073741824).toFixed(3);
    const ratios = [predicted.nsPerRequest / cost.median, predicted.requestsPerSecond / rate];
    errors.push(...ratios.map((ratio) => Math.abs(ratio - 1)));
    const cells = [
      point.engine,
      point.way === 'inline' ? 'memory' : 'sendfile',
      `${point.bytes / 1024} KiB`,
      point.connections,
      perGiB(predicted.nsPerRequest),
      perGiB(cost.median),
      percent(ratios[0]!),
      Math.round(predicted.requestsPerSecond),
      Math.round(rate),
      percent(ratios[1]!),
      `${percent(cost.low / cost.median)} to ${percent(cost.high / cost.median)}`,
    ];
    lines.push(`| ${cells.join(' | ')} |`);
  }
  errors.sort((a, b) => a - b);
  const within = errors.filter((error) => error <= 0.25).length;
  const figure = (error: number | undefined): string => `${((error ?? 0) * 100).toFixed(0)} %`;
  lines.push(
    '',
    `${within} of ${errors.length} within 25 %; median error ${figure(errors[errors.length >> 1])}, worst ${figure(errors.at(-1))}.`,
  );
  return lines.join('\n');
}
