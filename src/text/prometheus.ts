// Metrics as Prometheus text (exposition format 0.0.4). Pure text. Not here: what is counted, and who serves it.

/** The labels of a row: `{reason="encode"}`; nothing where there are none. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(
    ([key, value]) =>
      `${key}="${value.replaceAll('\\', '\\\\').replaceAll('"', String.raw`\"`).replaceAll('\n', '\\n')}"`,
  );
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** A row: its labels (with what stands between name and labels, `_bucket` say), and its value. */
export type MetricRow = readonly [labels: string, value: number];

/** A family: its meaning, its type, and its rows. */
export function familyText(name: string, type: string, help: string, rows: readonly MetricRow[]): string {
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${rows.map(([labels, value]) => `${name}${labels} ${value}\n`).join('')}`;
}
