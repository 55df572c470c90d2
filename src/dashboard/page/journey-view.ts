/// <reference lib="dom" />
// The journey of messages: a row for each stage with its quantiles, and a bar for its share of all time.

import { element, svg } from '../../ui/dom.js';
import type { JourneyFigures } from '../frame.js';
import { countText, durationText } from './figures.js';

/** Replaces what `target` shows by the figures. */
export function showJourney(target: HTMLElement, figures: JourneyFigures): void {
  const { count, p50Ns, p99Ns, maxNs, stages } = figures;
  if (count === 0) {
    target.replaceChildren(element('p', { class: 'quiet' }, 'No message has been followed yet.'));
    return;
  }
  const head = ['Stage, and until when', '#p50', '#p99', '#Longest', 'Share'].map((text) =>
    element('th', { scope: 'col', ...classOf(text) }, text.replace(/^#/, '')),
  );
  const rows = stages.map((stage) =>
    element(
      'tr',
      {},
      element(
        'th',
        { scope: 'row' },
        element('b', {}, `${stage.from} > ${stage.to}`),
        element('span', { class: 'until' }, ` until ${stage.words}`),
      ),
      ...[stage.p50Ns, stage.p99Ns, stage.maxNs].map((value) =>
        element('td', { class: 'figure' }, durationText(value)),
      ),
      element('td', {}, bar(stage.share), ` ${(stage.share * 100).toFixed(stage.share < 0.0995 ? 1 : 0)} %`),
    ),
  );
  const whole = element(
    'tr',
    { class: 'whole' },
    element('th', { scope: 'row' }, 'The whole journey'),
    ...[p50Ns, p99Ns, maxNs].map((value) => element('td', { class: 'figure' }, durationText(value))),
    element('td', {}, bar(1), ' 100 %'),
  );
  const caption = `${countText(count)} messages, one in ten by chance, since this page was opened`;
  target.replaceChildren(
    element(
      'table',
      {},
      element('caption', {}, caption),
      element('thead', {}, element('tr', {}, ...head)),
      element('tbody', {}, ...rows, whole),
    ),
  );
}

function classOf(head: string): { class?: string } {
  return head.startsWith('#') ? { class: 'figure' } : {};
}

/** A bar of a share: the figure beside it says the same. */
function bar(share: number): SVGElement {
  const width = Math.max(1, Math.round(share * 100));
  const frame = { class: 'share', width: 100, height: 10, viewBox: '0 0 100 10', 'aria-hidden': 'true' };
  return svg('svg', frame, svg('rect', { class: 'part', width, height: 10 }));
}
