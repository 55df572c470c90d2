// What a Clearway server tells the dashboard about itself, from the accounts of its workers: requests, body bytes by way,
// copies in user space by reason. The kernel's side is the meter's.

import { copyReasonNames } from '../memory/copy.js';
import { type MetricName, type Metrics, wayNames } from '../serve/metrics.js';

/** Cumulative, except connections. Bytes. */
export interface ServerFigures {
  readonly requests: number;
  readonly connections: number;
  /** Body bytes by the way they left. */
  readonly ways: Readonly<Record<string, number>>;
  /** Bytes copied in user space, by reason. */
  readonly copies: Readonly<Record<string, number>>;
}

/** Sums the accounts of all workers. */
export function serverFigures(workers: readonly Metrics[]): ServerFigures {
  const sum = (name: MetricName, index = 0) => workers.reduce((total, each) => total + each.get(name, index), 0);
  return {
    requests: [1, 2, 3, 4, 5].reduce((total, hundred) => total + sum('requests', hundred), 0),
    connections: sum('connectionsOpen'),
    ways: Object.fromEntries(wayNames.map((way, index) => [way, sum('wayBytes', index)])),
    copies: Object.fromEntries(copyReasonNames.map((reason, index) => [reason, sum('copied', index)])),
  };
}
