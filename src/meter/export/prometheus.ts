// Metric families as Prometheus text (exposition format 0.0.4). Not here: what the families are, and who serves them.

import type { Family } from './families.js';

/** The text of families: `clearway.meter.copied` in `By` becomes `clearway_meter_copied_bytes_total`. */
export function prometheusText(families: readonly Family[]): string {
  return families
    .filter(({ points }) => points.length > 0)
    .map((family) => {
      const name = prometheusName(family);
      const lines = family.points.map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`);
      return `# HELP ${name} ${family.help}\n# TYPE ${name} ${family.kind}\n${lines.join('')}`;
    })
    .join('');
}

function prometheusName({ name, unit, kind }: Family): string {
  return `${name.replaceAll('.', '_')}${unit === 'By' ? '_bytes' : ''}${kind === 'counter' ? '_total' : ''}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([key, value]) =>
      `${key}="${value.replaceAll('\\', '\\\\').replaceAll('"', String.raw`\"`).replaceAll('\n', '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}
