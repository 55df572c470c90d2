// Sweet spots in size: from how many bytes a reference is cheaper than a copy, and below how many bytes a fragment is better copied into its
// neighbour than referenced. Processor time of the sending end decides; nothing is measured here.

import type { Host } from '../facts/hosts.js';
import type { Scenario, Way } from '../scenario.js';
import { countsOf } from '../stages/counts.js';
import { hostOf } from '../stages/journey.js';
import { afterSendStages, sendProcessorStages } from '../stages/send.js';
import { workshopFor } from '../stages/stage.js';

export interface BreakEven {
  way: Way;
  /** Bytes from which the reference costs less processor time; null when it never does up to 16 MiB. */
  bytes: number | null;
  sentence: string;
}

const wayNames: Record<Way, string> = {
  copy: 'A copy',
  gather: 'A gathered copy',
  sendfile: 'sendfile',
  zerocopy: 'MSG_ZEROCOPY',
  send_zc: 'SEND_ZC',
  send_zc_fixed: 'SEND_ZC with registered buffers',
  bypass: 'Kernel bypass',
};

const smallest = 16;
const largest = 2 ** 24;

/** Sender processor time of messages sent by `way`, as a function of their bytes. The packet counts are those of a stream of such messages. */
function sendCosts(scenario: Scenario, way: Way, here?: Host): (bytes: number) => number {
  const changed: Scenario = { ...scenario, path: 'socket', app: 'none', way, direction: 'send', fragments: 1 };
  const shop = workshopFor(changed, hostOf(changed, here));
  const ackSegments = shop.look('ack.segments').value;
  return (bytes) => {
    // One scenario of our own, at another size each time: copying it for every size is what would take the time.
    changed.message = bytes;
    const counts = countsOf(changed, ackSegments);
    let sum = 0;
    for (const stage of sendProcessorStages(shop, counts)) if (stage.resource !== 'memory bus') sum += stage.busyNs;
    for (const stage of afterSendStages(shop, counts)) sum += stage.busyNs;
    return sum;
  };
}

/** Sender processor time of one message of `message` bytes sent by `way`. */
export function sendCostNs(scenario: Scenario, way: Way, message: number, here?: Host): number {
  return sendCosts(scenario, way, here)(message);
}

/** The size from which `way` is cheaper than one copy, by bisection between the last size at which it loses and the next at which it wins. */
export function breakEven(scenario: Scenario, way: Way, here?: Host): BreakEven {
  return breakEvens(scenario, [way], here)[0]!;
}

/** Break-even sizes of several ways: the cost of the copy is computed once a size. */
export function breakEvens(scenario: Scenario, ways: readonly Way[], here?: Host): BreakEven[] {
  const copies = new Map<number, number>();
  const copied = sendCosts(scenario, 'gather', here);
  const copyCost = (bytes: number): number => {
    const known = copies.get(bytes) ?? copied(bytes);
    copies.set(bytes, known);
    return known;
  };
  return ways.map((way) => {
    const cost = sendCosts(scenario, way, here);
    return breakEvenOf(way, (bytes) => cost(bytes) < copyCost(bytes));
  });
}

function breakEvenOf(way: Way, wins: (bytes: number) => boolean): BreakEven {
  let lastLoss = 0;
  for (let bytes = smallest; bytes <= largest; bytes *= 2) if (!wins(bytes)) lastLoss = bytes;
  if (lastLoss === 0)
    return { way, bytes: smallest, sentence: `${wayNames[way]} is cheaper than a copy at every size.` };
  if (lastLoss * 2 > largest) {
    return {
      way,
      bytes: null,
      sentence: `${wayNames[way]} never pays here: referencing a page costs more than copying it.`,
    };
  }
  let low = lastLoss;
  let high = lastLoss * 2;
  while (high - low > Math.max(1, low / 128)) {
    const middle = Math.floor((low + high) / 2);
    if (wins(middle)) high = middle;
    else low = middle;
  }
  return { way, bytes: high, sentence: `${wayNames[way]} is cheaper than a copy from ${high} B on.` };
}

export interface CoalescingThreshold {
  /** Fragments below this many bytes are cheaper copied together than referenced one by one. */
  bytes: number;
  perFragmentNs: number;
  copyPerByteNs: number;
}

/** What one more fragment costs (iovec, page reference, mapping, its descriptor on the link) against copying its bytes. */
export function coalescingThreshold(scenario: Scenario, here?: Host): CoalescingThreshold {
  const { look } = workshopFor(scenario, hostOf(scenario, here));
  const nic = scenario.device === 'nic';
  const mapping = !nic
    ? 0
    : look('frag.map').value +
      (scenario.iommu === 'strict'
        ? look('iommu.map').value
        : scenario.iommu === 'lazy'
          ? look('iommu.map.lazy').value
          : 0);
  const reference =
    scenario.way === 'sendfile'
      ? look('sendfile.page').value
      : scenario.way === 'send_zc_fixed'
        ? look('uring.fixed.page').value
        : look('zerocopy.pin').value;
  const perFragmentNs = look('call.iovec').value + reference + mapping;
  const copyPerByteNs = look('copy.user').value;
  return { bytes: Math.round(perFragmentNs / copyPerByteNs), perFragmentNs, copyPerByteNs };
}

/** Cost of copy and of each reference way over sizes, for a chart: processor nanoseconds a byte. */
export function costCurves(
  scenario: Scenario,
  ways: readonly Way[],
  here?: Host,
): { bytes: number[]; curves: { way: Way; nsPerByte: number[] }[] } {
  const bytes: number[] = [];
  for (let size = 256; size <= 2 ** 20; size *= 2) bytes.push(size);
  return {
    bytes,
    curves: ways.map((way) => ({ way, nsPerByte: bytes.map((size) => sendCostNs(scenario, way, size, here) / size) })),
  };
}
