// Metric families as Prometheus text (exposition format 0.0.4). Not here: what the families are, and who serves them.

import { familyText, labelText, type MetricRow } from '../../text/prometheus.js';
import type { Family } from './families.js';

/** The text of families: `clearway.meter.copied` in `By` becomes `clearway_meter_copied_bytes_total`. */
export function prometheusText(families: readonly Family[]): string {
  return families
    .filter(({ points }) => points.length > 0)
    .map((family) => {
      const name = prometheusName(family);
      const rows = family.points.map(({ labels, value }): MetricRow => [labelText(labels), value]);
      return familyText(name, family.kind, family.help, rows);
    })
    .join('');
}

function prometheusName({ name, unit, kind }: Family): string {
  return `${name.replaceAll('.', '_')}${unit === 'By' ? '_bytes' : ''}${kind === 'counter' ? '_total' : ''}`;
}
