// The names of what is counted below a server past the kernel: the stack's figures, and the kernel's of the socket; and how they are written for Prometheus. Numbers and
// words alone, so that whoever shows them loads nothing else.

import { Figure } from '../core/control.js';
import type { XdpStatistics } from '../kernel/xdp.js';
import { familyText } from '../text/prometheus.js';

/** What the stack counts, in order (core/control.ts says what each is). */
export const stackFigureNames = Object.keys(Figure).filter((name) =>
  Number.isNaN(Number(name)),
) as (keyof typeof Figure)[];

/** What the kernel counts of the socket. */
export const linkFigureNames: readonly (keyof XdpStatistics)[] = [
  'receiveDropped',
  'receiveInvalid',
  'transmitInvalid',
  'receiveRingFull',
  'fillRingEmpty',
  'transmitRingEmpty',
];

/** Queues whose packets the kernel copies (copy mode): 1, or 0 where the driver works in our memory. */
const modeFigureName = 'copyModeQueues';

/** All of them: the stack's first. */
export const bypassFigureNames: readonly string[] = [...stackFigureNames, ...linkFigureNames, modeFigureName];

/** All of them as families of metrics. @param figureAt in the order of {@link bypassFigureNames} */
export function bypassFamilies(figureAt: (index: number) => number): string {
  const counters = [...stackFigureNames, ...linkFigureNames];
  return (
    familyText(
      'clearway_bypass_total',
      'counter',
      'Packets, refusals and faults of our own TCP/IP, and of its socket.',
      counters.map((figure, index) => [`{figure="${figure}"}`, figureAt(index)] as const),
    ) +
    familyText('clearway_bypass_copy_mode_queues', 'gauge', 'Queues whose packets the kernel copies.', [
      ['', figureAt(counters.length)],
    ])
  );
}
