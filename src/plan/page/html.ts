/// <reference lib="dom" />
// Small helpers of the plan page: escaping, finding elements, numbers as people read them. No model, no charts.

import { escapeHtml } from '../../text/escape-html.js';
import { byId } from '../../ui/dom.js';
import { formatNs } from '../answers/report.js';

/** Text safe between tags and in attributes. */
export function safe(text: string | number): string {
  return escapeHtml(String(text));
}

/** Replaces what an element shows; does nothing when it shows that already. */
export function show(id: string, html: string): void {
  const element = byId(id);
  if (element.dataset.shown === html) return;
  element.dataset.shown = html;
  element.innerHTML = html;
}

/** A round step for an axis that goes to `end` with about `ticks` marks. */
export function niceStep(end: number, ticks: number): number {
  const rough = end / ticks;
  const power = 10 ** Math.floor(Math.log10(rough));
  return power * ([1, 2, 5, 10].find((one) => one * power >= rough) ?? 10);
}

/** Nanoseconds on an axis: no more digits than needed. */
export function axisNs(ns: number): string {
  return ns === 0 ? '0' : formatNs(ns).replace(/\.0(?= )/, '');
}
