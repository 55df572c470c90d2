// The account of a network device behind AF_XDP as Prometheus text, and as people watch it. Not here: who counts (xdp/), other families
// (net-metrics.ts).

import type { XdpStatistics } from '../../kernel/xdp.js';
import { familyText, labelText } from '../../text/prometheus.js';
import type { XdpCounts } from './xdp-interface.js';

/** What the kernel lost, in words: a packet without a frame to receive into is in `receiveDropped` as well. */
const reasons: readonly (readonly [string, (kernel: XdpStatistics) => number])[] = [
  ['no frame to receive into', ({ fillRingEmpty }) => fillRingEmpty],
  ['ring full', ({ receiveRingFull }) => receiveRingFull],
  ['too long', ({ receiveDropped, fillRingEmpty }) => Math.max(0, receiveDropped - fillRingEmpty)],
  ['entry of the fill ring', ({ receiveInvalid }) => receiveInvalid],
  ['entry of the transmit ring', ({ transmitInvalid }) => transmitInvalid],
];

type Row = readonly [labels: string, value: number];

function rows(
  { name, queues }: XdpCounts,
  of: (queue: XdpCounts['queues'][number]) => readonly (readonly [Readonly<Record<string, string>>, number])[],
): Row[] {
  return queues.flatMap((queue, index) =>
    of(queue).map(([labels, value]) => [labelText({ device: name, queue: `${index}`, ...labels }), value] as const),
  );
}

/** The metrics of a device. */
export function xdpFamilies(counts: XdpCounts): string {
  return [
    familyText(
      'clearway_xdp_dropped_total',
      'counter',
      'Packets that the kernel lost before or behind the rings of AF_XDP, and entries that it refused, by reason.',
      rows(counts, ({ kernel }) =>
        kernel === undefined ? [] : reasons.map(([reason, of]) => [{ reason }, of(kernel)] as const),
      ),
    ),
    familyText(
      'clearway_xdp_frames',
      'gauge',
      'Frames of memory for packets by owner: nobody, the kernel to receive into, the kernel to send from.',
      rows(counts, ({ frames }) => Object.entries(frames).map(([owner, count]) => [{ owner }, count] as const)),
    ),
    familyText(
      'clearway_xdp_faults_total',
      'counter',
      'Hand-overs of frames that made no sense, by reason.',
      rows(counts, ({ faults }) =>
        Object.entries(faults)
          .filter(([, count]) => count > 0)
          .map(([reason, count]) => [{ reason }, count] as const),
      ),
    ),
  ].join('');
}

/** What was lost, and hand-overs that made no sense, by reason, as people watch it. */
export function xdpReasons({ name, queues }: XdpCounts): Readonly<Record<string, Readonly<Record<string, number>>>> {
  const faults: Record<string, number> = {};
  for (const queue of queues) {
    for (const [reason, count] of Object.entries(queue.faults)) faults[reason] = (faults[reason] ?? 0) + count;
  }
  const lost = reasons.map(
    ([reason, of]) => [reason, queues.reduce((sum, { kernel }) => sum + (kernel ? of(kernel) : 0), 0)] as const,
  );
  return { [`${name}, AF_XDP, lost`]: Object.fromEntries(lost), [`${name}, AF_XDP, faults`]: faults };
}
