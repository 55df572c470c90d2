/// <reference lib="dom" />
// Rings as they run: each queue a circle of its entries, of which the device took some, and some wait for it. Figures beside it say the same.
// Not here: where the figures come from (vhost/vring.ts).

import { element, svg } from '../../ui/dom.js';
import type { DeviceFigures } from '../../vhost/device-figures.js';
import type { QueueState } from '../../vhost/device-state.js';
import { bytesText } from './figures.js';

/** Rings that are drawn at once. */
const mostRings = 32;
/** The least of a circle that can be seen. */
const leastShare = 1 / 72;

/** An arc of a ring of `size` entries. */
function arc(kind: string, size: number, from: number, count: number): SVGElement[] {
  if (count === 0) return [];
  const length = Math.min(size, Math.max(count, size * leastShare));
  return [
    svg('circle', {
      ...{ class: kind, cx: 36, cy: 36, r: 29, pathLength: size, transform: 'rotate(-90 36 36)' },
      'stroke-dasharray': `${length} ${size - length}`,
      'stroke-dashoffset': -from,
    }),
  ];
}

function ring({ name, size, isEnabled, next, used, taken, waiting }: QueueState): HTMLElement {
  const drawing = svg(
    'svg',
    { width: 72, height: 72, viewBox: '0 0 72 72', 'aria-hidden': 'true' },
    svg('circle', { cx: 36, cy: 36, r: 29 }),
    ...arc('waiting', size, next, waiting),
    ...arc('taken', size, used, taken),
    svg('text', { x: 36, y: 41 }, String(taken + waiting)),
  );
  return element(
    'li',
    {},
    drawing,
    element(
      'div',
      {},
      element('b', {}, name),
      element('p', {}, `${size} entries${isEnabled ? '' : ', not enabled'}`),
      element('p', {}, `${taken} taken, ${waiting} waiting`),
      element('p', {}, `next ${next}, given back up to ${used}`),
    ),
  );
}

/** Replaces what `target` shows by the rings of devices. @returns whether there are any */
export function showRings(target: HTMLElement, devices: readonly DeviceFigures[]): boolean {
  const running = devices.filter(({ state }) => state.queues.length > 0);
  let left = mostRings;
  const parts = running.flatMap(({ name, state }) => {
    const queues = state.queues.slice(0, left);
    left -= queues.length;
    if (queues.length === 0) return [];
    const words = [...state.features, `${bytesText(state.memoryBytes)} of memory`].join(', ');
    return [
      element('h3', {}, name),
      element('p', { class: 'quiet' }, words),
      element('ul', { class: 'rings' }, ...queues.map(ring)),
    ];
  });
  const all = running.reduce((sum, { state }) => sum + state.queues.length, 0);
  if (all > mostRings) parts.push(element('p', { class: 'quiet' }, `${mostRings} of ${all}: choose a device above.`));
  target.replaceChildren(...parts);
  return running.length > 0;
}
