// The report as a page: one file that asks nobody for anything, without a script. What it shows is what the text says, with the histogram of lateness
// and headroom over time drawn. Not here: its looks (page/), the words (words.ts).

import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { escapeHtml } from '../../text/escape-html.js';
import { clockWords } from '../../text/units.js';
import type { Distribution } from './distribution.js';
import type { HeadroomPoint, SinkFacts, TrackFacts } from './facts.js';
import type { PlayReport } from './report.js';
import { definitions, mostXruns, reportRows, timeWords, tookWords, xrunWords } from './words.js';

const template = fileURLToPath(new URL('./page/report.html', import.meta.url));

/** Most points of the drawing: what is more is drawn by its least value. */
const mostPoints = 600;

function tile(figure: string, words: string, kind = ''): string {
  return `<section><b${kind === '' ? '' : ` class="${kind}"`}>${escapeHtml(figure)}</b><span>${escapeHtml(words)}</span></section>`;
}

function tiles(report: PlayReport): string {
  const { scheduling, lateness, headroom, xrunCount, copies, lostFrames } = report;
  const rank = scheduling.class === 'OTHER' ? '' : ` ${scheduling.priority}`;
  return [
    tile(`${scheduling.class}${rank}`, 'class of the pump', scheduling.class === 'OTHER' ? '' : 'yes'),
    ...(lateness === null
      ? [tile('no clock', 'nothing about time can be said')]
      : [tile(timeWords(lateness.p99Us), 'lateness, p99')]),
    ...(headroom === null
      ? []
      : [
          tile(
            timeWords(headroom.least.ms * 1000),
            `least headroom, ${Math.round(headroom.least.percentOfRing)} % of the ring`,
          ),
        ]),
    tile(String(xrunCount), 'xruns', xrunCount === 0 ? 'yes' : 'no'),
    tile(String(lostFrames), 'frames of the files missing', lostFrames === 0 ? 'yes' : 'no'),
    ...(copies === null ? [] : [tile((copies.user + copies.kernel).toFixed(2), 'copies of a sample after decoding')]),
  ].join('');
}

/** Buckets joined to powers of two, so that a row is a doubling. */
export function doublings({ upTo, counts, greatest }: Distribution): { upTo: number; count: number }[] {
  const rows: { upTo: number; count: number }[] = [];
  counts.forEach((count, index) => {
    if (count === 0) return;
    const bound = Math.max(1, Math.min(upTo[index] ?? greatest, greatest));
    const power = 2 ** Math.ceil(Math.log2(bound));
    const last = rows.at(-1);
    if (last !== undefined && last.upTo === power) last.count += count;
    else rows.push({ upTo: power, count });
  });
  // What is empty in between stands there too: a gap is a finding.
  return rows.flatMap((row, index) => {
    const before = rows[index - 1];
    const empty: { upTo: number; count: number }[] = [];
    for (let power = (before?.upTo ?? row.upTo) * 2; power < row.upTo; power *= 2)
      empty.push({ upTo: power, count: 0 });
    return [...empty, row];
  });
}

function histogram({ lateness, sink }: PlayReport): string {
  if (lateness === null) return '';
  const rows = doublings(lateness.histogram);
  const most = Math.max(...rows.map(({ count }) => count));
  const periodUs = (sink.periodFrames / sink.rate) * 1e6;
  const lines = rows.map(({ upTo, count }) => {
    const width = count === 0 ? 0 : Math.max(1, Math.round((Math.log2(1 + count) / Math.log2(1 + most)) * 100));
    const late = upTo / 2 >= periodUs ? ' class="late"' : '';
    return `<tr${late}><th scope="row" class="figure">${escapeHtml(timeWords(upTo))}</th><td class="figure">${count}</td><td><span class="bar" style="width:${width}%"></span></td></tr>`;
  });
  return `<section><h2>Lateness</h2><div class="scroll" tabindex="0" role="region" aria-label="Histogram of lateness"><table class="bars"><caption>Wake-ups by how late they were. Each row is up to twice as late as the one above it; a bar is as long as the logarithm of its count; red is later than a period (${escapeHtml(timeWords(periodUs))}).</caption><thead><tr><th scope="col" class="figure">up to</th><th scope="col" class="figure">wake-ups</th><th scope="col"></th></tr></thead><tbody>${lines.join('')}</tbody></table></div></section>`;
}

/** At most so many points: of those that become one the least stays, since the least is what matters. */
export function thinned(points: readonly HeadroomPoint[], most = mostPoints): HeadroomPoint[] {
  const step = Math.ceil(points.length / most);
  if (step <= 1) return [...points];
  const rows: HeadroomPoint[] = [];
  for (let at = 0; at < points.length; at += step) {
    const part = points.slice(at, at + step);
    rows.push({ seconds: part[0]!.seconds, leastFrames: Math.min(...part.map(({ leastFrames }) => leastFrames)) });
  }
  return rows;
}

/** Where a stretch ends: where the next one begins; a second's worth behind the last. */
const endOf = (points: readonly HeadroomPoint[], index: number): number =>
  points[index + 1]?.seconds ?? points[index]!.seconds + 1;

/** Steps, each as long as its stretch: an xrun stands at the stretch that it emptied, not between two. */
function drawing(points: readonly HeadroomPoint[], sink: SinkFacts, xrunSeconds: readonly number[]): string {
  const [first, last] = [points[0]!.seconds, endOf(points, points.length - 1)];
  const span = Math.max(last - first, 1e-9);
  const [width, height] = [1000, 220];
  const x = (seconds: number): string => (((seconds - first) / span) * width).toFixed(1);
  const y = (frames: number): string => (height - (frames / sink.ringFrames) * height).toFixed(1);
  const line = points
    .map(
      ({ seconds, leastFrames }, index) =>
        `${x(seconds)},${y(leastFrames)} ${x(endOf(points, index))},${y(leastFrames)}`,
    )
    .join(' ');
  const marks = xrunSeconds
    .filter((seconds) => seconds >= first && seconds <= last)
    .map((seconds) => `<line class="xrun" x1="${x(seconds)}" x2="${x(seconds)}" y1="0" y2="${height}"/>`);
  const period = y(sink.periodFrames);
  return `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" aria-hidden="true"><polygon class="area" points="0,${height} ${line} ${width},${height}"/><line class="limit" x1="0" x2="${width}" y1="${period}" y2="${period}"/><polyline class="line" points="${line}"/>${marks.join('')}</svg>`;
}

function headroomChart({ headroom, sink, xruns }: PlayReport): string {
  if (headroom === null || headroom.overTime.length < 2 || sink.ringFrames === 0) return '';
  const points = thinned(headroom.overTime);
  const ms = (frames: number): string => timeWords((frames / sink.rate) * 1e6);
  const scale = [
    `<span class="top" style="top:0">${escapeHtml(ms(sink.ringFrames))}</span>`,
    `<span style="top:50%">${escapeHtml(ms(sink.ringFrames / 2))}</span>`,
    '<span class="bottom" style="top:100%">0</span>',
  ].join('');
  const rows = thinned(headroom.overTime, 60)
    .map(
      ({ seconds, leastFrames }) =>
        `<tr><th scope="row">${escapeHtml(seconds.toFixed(1))} s</th><td class="figure">${leastFrames}</td><td class="figure">${escapeHtml(ms(leastFrames))}</td></tr>`,
    )
    .join('');
  const seen = xruns.map(({ atSeconds }) => atSeconds);
  return `<section><h2>Headroom over time</h2><figure><div class="chart"><div class="scale">${scale}</div>${drawing(points, sink, seen)}<div class="axis"><span>${escapeHtml(clockWords(points[0]!.seconds))}</span><span>${escapeHtml(clockWords(endOf(points, points.length - 1)))}</span></div></div><figcaption class="note">What the ring still held when the pump woke, the least of each stretch (the one in which it had gone to sleep); at 0 it ran dry. Least of all ${escapeHtml(ms(headroom.least.frames))}. Dashed: one period (${escapeHtml(ms(sink.periodFrames))}). Red: an xrun.</figcaption></figure><details><summary>As a table</summary><div class="scroll" tabindex="0" role="region" aria-label="Headroom over time, as a table"><table><thead><tr><th scope="col">from</th><th scope="col" class="figure">frames</th><th scope="col" class="figure">time</th></tr></thead><tbody>${rows}</tbody></table></div></details></section>`;
}

function trackRow(track: TrackFacts): string {
  const { path, format, committedFrames, owedFrames, lostFrames, md5, isWhole } = track;
  const owed = owedFrames === undefined ? 'not said' : String(owedFrames);
  const words = [...(isWhole ? [] : ['in part']), ...(md5 === 'none' ? [] : [`MD5 ${md5}`])].join(', ');
  return `<tr><th scope="row">${escapeHtml(basename(path))}</th><td>${escapeHtml(format)}</td><td class="figure">${committedFrames}</td><td class="figure">${owed}</td><td class="figure">${lostFrames}</td><td>${escapeHtml(words)}</td></tr>`;
}

function xrunList({ xruns, xrunCount }: PlayReport): string {
  if (xrunCount === 0) return '';
  const more = xrunCount > mostXruns ? `<li>and ${xrunCount - mostXruns} more</li>` : '';
  return `<section><h2>Xruns</h2><ul>${xruns
    .slice(0, mostXruns)
    .map((each) => `<li>${escapeHtml(xrunWords(each))}</li>`)
    .join('')}${more}</ul></section>`;
}

/** The page, as HTML. @throws Error where the page was not built */
export function reportPage(report: PlayReport): string {
  const rows = reportRows(report)
    .filter(([name]) => name !== '')
    .map(([name, words]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(words)}</dd>`)
    .join('');
  const meanings = definitions
    .map(([name, words]) => `<dt>${escapeHtml(name)}</dt><dd>${escapeHtml(words)}</dd>`)
    .join('');
  const heads = ['file', 'format', '#committed', '#owed', '#missing', '']
    .map((head) => `<th scope="col"${head.startsWith('#') ? ' class="figure"' : ''}>${head.replace('#', '')}</th>`)
    .join('');
  const { verdict } = report.bits;
  const body = [
    `<section><p class="headline"><span class="${verdict}">bit-perfect: ${verdict}</span>, because ${escapeHtml(report.bits.because)}</p></section>`,
    `<div class="tiles">${tiles(report)}</div>`,
    histogram(report),
    headroomChart(report),
    xrunList(report),
    `<section><h2>Files</h2><div class="scroll" tabindex="0" role="region" aria-label="Files"><table class="tracks"><thead><tr>${heads}</tr></thead><tbody>${report.tracks.map(trackRow).join('')}</tbody></table></div></section>`,
    `<section><h2>The report</h2><dl>${rows}</dl></section>`,
    `<section><h2>What the words mean</h2><dl>${meanings}</dl></section>`,
  ].join('');
  const subtitle = `clearway play to ${report.sink.name}, ${tookWords(report)}`;
  return readFileSync(template, 'utf8')
    .replace('<!--SUBTITLE-->', () => escapeHtml(subtitle))
    .replace('<!--BODY-->', () => body);
}
