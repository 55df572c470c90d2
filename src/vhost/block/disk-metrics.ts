// The accounts of disks as Prometheus text, and as a live screen. Not here: who counts (block-request.ts), who serves it (cli/disk.ts).

import { familyText, labelText, type MetricRow } from '../../text/prometheus.js';
import { formatBytes } from '../../text/units.js';
import { type Named, queueFamilies, rowsOf } from '../queue-counts.js';
import { type BlockCounts, latencyBoundsMs } from './block-counts.js';
import type { DisksCounts } from './disks.js';

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
export function diskMetrics({ disks, copied }: DisksCounts, engine: string): string {
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

const perSecond = (now: number, before: number | undefined, seconds: number): number =>
  Math.max(0, now - (before ?? 0)) / seconds;

const sum = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((total, count) => total + count, 0);

function column(values: readonly (string | number)[], width = 12): string {
  return values.map((value) => String(value).padStart(width)).join('');
}

/** One screen: what each disk did in the last `seconds`. */
export function diskScreen(now: DisksCounts, before: DisksCounts | undefined, seconds: number): string {
  const heads = ['requests/s', 'read/s', 'written/s', 'under way', 'kicks/s', 'irq/s', 'saved/s', 'errors', 'faults'];
  const lines = now.disks.map(({ name, counts }, index) => {
    const old = before?.disks[index]?.counts;
    const rate = (of: (counts: BlockCounts) => number): number =>
      perSecond(of(counts), old === undefined ? undefined : of(old), seconds);
    const values = [
      Math.round(rate(({ requests }) => sum(requests))),
      formatBytes(rate(({ readBytes }) => readBytes)),
      formatBytes(rate(({ writtenBytes }) => writtenBytes)),
      counts.underWay,
      Math.round(rate(({ kicks }) => kicks)),
      Math.round(rate(({ interrupts }) => interrupts)),
      Math.round(rate(({ interruptsSaved }) => interruptsSaved)),
      counts.errors,
      sum(counts.faults),
    ];
    return `${name.slice(-20).padEnd(20)}${column(values)}`;
  });
  const copied = sum(Object.fromEntries(now.copied.entries()));
  return `${''.padEnd(20)}${column(heads)}\n${lines.join('\n')}\ncopied in user space: ${formatBytes(copied)}\n`;
}
