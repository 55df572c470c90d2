// The accounts of disks as Prometheus text, and which figures people watch. Not here: who counts (block-request.ts), who serves it (cli/disk.ts).

import { familyText, labelText, type MetricRow } from '../../text/prometheus.js';
import { type DeviceKind, queueMeasures, sumOf } from '../device-figures.js';
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
    familyText(
      'clearway_disk_longest_request_seconds',
      'gauge',
      'The longest that a request took since the start.',
      rowsOf(disks, ({ longestMs }) => [[{}, longestMs / 1000]]),
    ),
    queueFamilies(disks, copied),
  ].join('');
}

/** Disks, as they are watched. */
export const diskKind: DeviceKind<BlockCounts> = {
  measures: [
    {
      ...{ words: 'requests', head: 'reqs', unit: 'count', isRate: true, chart: 'Requests a second' },
      of: ({ requests }) => sumOf(requests),
    },
    {
      words: 'read',
      head: 'read',
      unit: 'bytes',
      isRate: true,
      chart: 'Bytes a second',
      of: ({ readBytes }) => readBytes,
    },
    {
      ...{ words: 'written', head: 'written', unit: 'bytes', isRate: true, chart: 'Bytes a second' },
      of: ({ writtenBytes }) => writtenBytes,
    },
    { words: 'under way', head: 'open', unit: 'count', isRate: false, of: ({ underWay }) => underWay },
    { words: 'errors', head: 'errors', unit: 'count', isRate: false, of: ({ errors }) => errors },
    ...queueMeasures,
  ],
  reasons: ({ requests }) => ({ requests }),
  waits: ({ latency, longestMs }) => ({ boundsMs: latencyBoundsMs, counts: latency, longestMs }),
};
