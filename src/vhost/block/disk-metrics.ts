// The accounts of disks as Prometheus text, and as a live screen. Not here: who counts (block-request.ts), who serves it (cli/disk.ts).

import { familyText, labelText, type MetricRow } from '../../text/prometheus.js';
import { formatBytes } from '../../text/units.js';
import { deviceScreen, type ScreenColumn, sumOf } from '../device-screen.js';
import { type DevicesCounts, type Named, queueFamilies, rowsOf } from '../queue-counts.js';
import { type BlockCounts, latencyBoundsMs } from './block-counts.js';

function latencyRows(disks: readonly Named<BlockCounts>[]): MetricRow[] {
  return disks.flatMap(({ name, counts }) => {
    let count = 0;
    const labelled = (bound: string): string => `_bucket${labelText({ device: name, le: bound })}`;
    const buckets = latencyBoundsMs.map((boundMs, index): MetricRow => {
      count += counts.latency[index]!;
      return [labelled(`${boundMs / 1000}`), count];
    });
    count += counts.latency[latencyBoundsMs.length]!;
    const device = labelText({ device: name });
    return [
      ...buckets,
      [labelled('+Inf'), count],
      [`_sum${device}`, counts.latencySumMs / 1000],
      [`_count${device}`, count],
    ];
  });
}

/** The metrics of disks. */
export function diskMetrics({ devices: disks, copied }: DevicesCounts<BlockCounts>, engine: string): string {
  return [
    familyText(
      'clearway_disk_info',
      'gauge',
      'Disks that are offered.',
      disks.map(({ name }) => [labelText({ device: name, engine }), 1]),
    ),
    familyText(
      'clearway_disk_requests_total',
      'counter',
      'Requests by what they asked for.',
      rowsOf(disks, ({ requests }) => Object.entries(requests).map(([type, count]) => [{ type }, count])),
    ),
    familyText(
      'clearway_disk_errors_total',
      'counter',
      'Requests that were answered with an error.',
      rowsOf(disks, ({ errors }) => [[{}, errors]]),
    ),
    familyText(
      'clearway_disk_bytes_total',
      'counter',
      'Bytes read and written.',
      rowsOf(disks, ({ readBytes, writtenBytes }) => [
        [{ direction: 'read' }, readBytes],
        [{ direction: 'written' }, writtenBytes],
      ]),
    ),
    familyText(
      'clearway_disk_requests_under_way',
      'gauge',
      'Requests that have not ended.',
      rowsOf(disks, ({ underWay }) => [[{}, underWay]]),
    ),
    familyText(
      'clearway_disk_request_duration_seconds',
      'histogram',
      'From the turn of the loop that took a request to the one in which it ended.',
      latencyRows(disks),
    ),
    queueFamilies(disks, copied),
  ].join('');
}

const columns: readonly ScreenColumn<BlockCounts>[] = [
  ['requests/s', (_, perSecond) => Math.round(perSecond(({ requests }) => sumOf(requests)))],
  ['read/s', (_, perSecond) => formatBytes(perSecond(({ readBytes }) => readBytes))],
  ['written/s', (_, perSecond) => formatBytes(perSecond(({ writtenBytes }) => writtenBytes))],
  ['under way', ({ underWay }) => underWay],
  ['errors', ({ errors }) => errors],
];

/** One screen: what each disk did in the last `seconds`. */
export function diskScreen(
  now: DevicesCounts<BlockCounts>,
  before: DevicesCounts<BlockCounts> | undefined,
  seconds: number,
): string {
  return deviceScreen(columns, now, before, seconds);
}
