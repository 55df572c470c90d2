// The drawings of the plan page as SVG text: Gantt chart of one message, cost curves of copy and reference, latency under load.
// Pure functions from an answer to markup, drawn for the width they are given.

import type { Answer } from '../answers/answer.js';
import type { BreakEven } from '../answers/breakeven.js';
import { formatBytes, formatNs } from '../answers/report.js';
import type { Timeline, TimelineRow } from '../answers/timeline.js';
import { axisNs, niceStep, safe } from './html.js';

const rowHeight = 22;

function svg(width: number, height: number, label: string, body: string): string {
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${safe(label)}" width="${width}" height="${height}">${body}</svg>`;
}

function barsOf(row: TimelineRow, left: number, y: number, scale: number): string {
  const bars = row.bars
    .map(({ startNs, endNs }) => {
      const width = Math.max(1, (endNs - startNs) * scale);
      return `<rect class="${row.side}" x="${(left + startNs * scale).toFixed(1)}" y="${y + 5}" width="${width.toFixed(1)}" height="12" rx="2"/>`;
    })
    .join('');
  const last = row.bars.at(-1)?.endNs ?? row.startNs;
  const wait =
    row.latencyNs > 0
      ? `<path class="wait" d="M${(left + last * scale).toFixed(1)} ${y + 11}h${Math.max(1, row.latencyNs * scale).toFixed(1)}"/>`
      : '';
  const about = `${row.label}: from ${formatNs(row.startNs)} to ${formatNs(row.endNs)}, busy ${formatNs(row.busyNs)}${row.latencyNs > 0 ? `, then ${formatNs(row.latencyNs)} of latency` : ''}`;
  return `<g><title>${safe(about)}</title><rect x="${left}" y="${y}" width="100%" height="${rowHeight}" fill="transparent"/>${bars}${wait}</g>`;
}

/** Bars of every stage against time. On a narrow page the names stand above the bars. */
export function gantt(timeline: Timeline, width: number): string {
  const rows = timeline.rows.filter((row) => row.bars.length > 0);
  const narrow = width < 560;
  const left = narrow ? 0 : 232;
  const right = narrow ? 4 : 70;
  const step = narrow ? rowHeight + 16 : rowHeight;
  const scale = (width - left - right) / timeline.latencyNs;
  const height = rows.length * step + 24;
  const parts: string[] = [];
  const tick = niceStep(timeline.latencyNs, narrow ? 4 : 8);
  for (let at = 0; at <= timeline.latencyNs; at += tick) {
    const x = left + at * scale;
    const anchor = at === 0 ? 'start' : x > width - 30 ? 'end' : 'middle';
    parts.push(`<path class="grid" d="M${x.toFixed(1)} 0V${height - 20}"/>`);
    parts.push(`<text x="${x.toFixed(1)}" y="${height - 5}" text-anchor="${anchor}">${axisNs(at)}</text>`);
  }
  rows.forEach((row, index) => {
    const top = index * step;
    const y = narrow ? top + 15 : top;
    const name = narrow
      ? `<text class="strong" x="0" y="${top + 13}">${safe(row.label)} <tspan fill="var(--soft)">${formatNs(row.busyNs)}</tspan></text>`
      : `<text class="strong" x="${left - 10}" y="${y + 15}" text-anchor="end">${safe(row.label)}</text>`;
    parts.push(name, barsOf(row, left, y, scale));
    if (!narrow) parts.push(`<text x="${width}" y="${y + 15}" text-anchor="end">${formatNs(row.busyNs)}</text>`);
  });
  return svg(width, height, `Time line of one message, ${formatNs(timeline.latencyNs)} in all`, parts.join(''));
}

export interface Curve {
  name: string;
  color: string;
  dash: string;
  points: readonly { x: number; y: number }[];
}

interface Frame {
  width: number;
  height: number;
  left: number;
  right: number;
  top: number;
  bottom: number;
}

const frameOf = (width: number): Frame => ({ width, height: 250, left: 62, right: 14, top: 10, bottom: 30 });

function curvePath(curve: Curve, x: (value: number) => number, y: (value: number) => number): string {
  const path = curve.points.map(
    (point, index) => `${index === 0 ? 'M' : 'L'}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`,
  );
  return `<path class="curve" stroke="${curve.color}" stroke-dasharray="${curve.dash}" d="${path.join('')}"><title>${safe(curve.name)}</title></path>`;
}

/** Processor time a byte against message size, both logarithmic; break-even sizes as marks on the axis. */
export function costChart(
  curves: readonly Curve[],
  marks: readonly BreakEven[],
  current: number,
  width: number,
): string {
  const frame = frameOf(width);
  const xs = curves.flatMap((curve) => curve.points.map((point) => point.x));
  const ys = curves.flatMap((curve) => curve.points.map((point) => point.y));
  const [x0, x1] = [Math.log2(Math.min(...xs)), Math.log2(Math.max(...xs))];
  const [y0, y1] = [Math.floor(Math.log10(Math.min(...ys))), Math.ceil(Math.log10(Math.max(...ys)))];
  const x = (value: number): number =>
    frame.left + ((Math.log2(value) - x0) / (x1 - x0)) * (width - frame.left - frame.right);
  const y = (value: number): number =>
    frame.top + (1 - (Math.log10(value) - y0) / (y1 - y0)) * (frame.height - frame.top - frame.bottom);
  const base = frame.height - frame.bottom;
  const parts: string[] = [];
  for (let power = y0; power <= y1; power += 1) {
    parts.push(`<path class="grid" d="M${frame.left} ${y(10 ** power)}H${width - frame.right}"/>`);
    parts.push(`<text x="${frame.left - 6}" y="${y(10 ** power) + 4}" text-anchor="end">${10 ** power}</text>`);
  }
  for (let power = x0; power <= x1; power += width < 420 ? 4 : 2) {
    const anchor = power === x0 ? 'start' : power >= x1 - 1 ? 'end' : 'middle';
    parts.push(
      `<text x="${x(2 ** power)}" y="${frame.height - 10}" text-anchor="${anchor}">${formatBytes(2 ** power)}</text>`,
    );
  }
  parts.push(`<text x="${frame.left + 4}" y="${frame.top + 12}">ns a byte at the sender</text>`);
  if (current >= 2 ** x0 && current <= 2 ** x1) {
    parts.push(`<path class="grid" stroke-dasharray="4 3" d="M${x(current)} ${frame.top}V${base}"/>`);
  }
  for (const curve of curves) parts.push(curvePath(curve, x, y));
  for (const mark of marks) {
    if (mark.bytes === null || mark.bytes < 2 ** x0 || mark.bytes > 2 ** x1) continue;
    const at = x(mark.bytes);
    parts.push(`<path d="M${at} ${base}l-5 8h10z" fill="var(--ink)"><title>${safe(mark.sentence)}</title></path>`);
  }
  return svg(
    width,
    frame.height,
    `Processor time a byte against message size. ${marks.map((mark) => mark.sentence).join(' ')}`,
    parts.join(''),
  );
}

/** Latency against load. */
export function loadChart(answer: Answer, width: number): string {
  const frame = frameOf(width);
  const { curve, load, latencyNs } = answer.latency.loaded;
  const shown = curve.filter((point) => point.load <= 0.95);
  const top = Math.max(...shown.map((point) => point.latencyNs), latencyNs) * 1.05;
  const x = (value: number): number => frame.left + value * (width - frame.left - frame.right);
  const y = (value: number): number => frame.top + (1 - value / top) * (frame.height - frame.top - frame.bottom);
  const parts: string[] = [];
  const step = niceStep(top, 5);
  for (let at = 0; at <= top; at += step) {
    parts.push(`<path class="grid" d="M${frame.left} ${y(at).toFixed(1)}H${width - frame.right}"/>`);
    parts.push(`<text x="${frame.left - 6}" y="${(y(at) + 4).toFixed(1)}" text-anchor="end">${axisNs(at)}</text>`);
  }
  for (const at of [0, 0.25, 0.5, 0.75, 1]) {
    parts.push(
      `<text x="${x(at)}" y="${frame.height - 10}" text-anchor="${at === 1 ? 'end' : 'middle'}">${at * 100} %</text>`,
    );
  }
  parts.push(
    curvePath(
      {
        name: 'latency',
        color: 'var(--accent)',
        dash: '',
        points: shown.map((point) => ({ x: point.load, y: point.latencyNs })),
      },
      x,
      y,
    ),
  );
  parts.push(`<text x="${frame.left + 4}" y="${frame.top + 12}">latency; below: share of the throughput bound</text>`);
  parts.push(
    `<circle cx="${x(load)}" cy="${y(latencyNs)}" r="5" fill="var(--accent)" stroke="var(--surface)" stroke-width="2"/>`,
  );
  const anchor = load > 0.5 ? 'end' : 'start';
  parts.push(
    `<text class="strong" x="${x(load) + (load > 0.5 ? -9 : 9)}" y="${y(latencyNs) - 8}" text-anchor="${anchor}">${formatNs(latencyNs)}</text>`,
  );
  return svg(
    width,
    frame.height,
    `Latency under load: ${formatNs(latencyNs)} at ${Math.round(load * 100)} %`,
    parts.join(''),
  );
}
