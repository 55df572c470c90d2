// The accounts of network devices as Prometheus text, and as a live screen. Not here: who counts (net-device.ts), who serves it (cli/net.ts).

import { familyText, labelText } from '../../text/prometheus.js';
import { formatBytes } from '../../text/units.js';
import { deviceScreen, type ScreenColumn, sumOf } from '../device-screen.js';
import { type DevicesCounts, queueFamilies, rowsOf } from '../queue-counts.js';
import type { NetCounts } from './net-device.js';
import type { UplinkCounts } from './uplink.js';
import type { XdpCounts } from './xdp-interface.js';
import { xdpFamilies, xdpLine } from './xdp-metrics.js';

/** What was counted of the devices of a thread, and of their way out, where several have one. */
export interface NetsCounts extends DevicesCounts<NetCounts> {
  readonly uplink: UplinkCounts | undefined;
  /** Of the network device that it leads out by, where that is one of AF_XDP. */
  readonly xdp: XdpCounts | undefined;
}

type Dropped = Readonly<Record<string, number | undefined>>;

/** Drops both ways, by reason, with their labels. */
const droppedBy = (sent: Dropped, received: Dropped): (readonly [Readonly<Record<string, string>>, number])[] =>
  Object.entries({ sent, received }).flatMap(([direction, reasons]) =>
    Object.entries(reasons).map(([reason, count = 0]) => [{ direction, reason }, count] as const),
  );

/** The metrics of network devices. Sent and received are the guest's words. */
export function netMetrics({ devices, copied, uplink, xdp }: NetsCounts, engine: string): string {
  return [
    familyText(
      'clearway_net_info',
      'gauge',
      'Network devices that are offered.',
      devices.map(({ name }) => [labelText({ device: name, engine }), 1]),
    ),
    familyText(
      'clearway_net_packets_total',
      'counter',
      'Packets that the guest sent and received; one of many segments counts once.',
      rowsOf(devices, ({ sentPackets, receivedPackets }) => [
        [{ direction: 'sent' }, sentPackets],
        [{ direction: 'received' }, receivedPackets],
      ]),
    ),
    familyText(
      'clearway_net_bytes_total',
      'counter',
      'Bytes of packets that the guest sent and received.',
      rowsOf(devices, ({ sentBytes, receivedBytes }) => [
        [{ direction: 'sent' }, sentBytes],
        [{ direction: 'received' }, receivedBytes],
      ]),
    ),
    familyText(
      'clearway_net_dropped_total',
      'counter',
      'Packets that went nowhere, by reason.',
      rowsOf(devices, ({ sentDropped, receivedDropped }) => droppedBy(sentDropped, receivedDropped)),
    ),
    uplink === undefined
      ? ''
      : familyText(
          'clearway_net_uplink_dropped_total',
          'counter',
          'Packets that the way out of a switch did not take (sent), and packets of it that reached no guest (received), by reason.',
          droppedBy(uplink.sentDropped, uplink.receivedDropped).map(([labels, count]) => [labelText(labels), count]),
        ),
    xdp === undefined ? '' : xdpFamilies(xdp),
    queueFamilies(devices, copied),
  ].join('');
}

const columns: readonly ScreenColumn<NetCounts>[] = [
  ['sent/s', (_, perSecond) => Math.round(perSecond(({ sentPackets }) => sentPackets))],
  ['', (_, perSecond) => formatBytes(perSecond(({ sentBytes }) => sentBytes))],
  ['received/s', (_, perSecond) => Math.round(perSecond(({ receivedPackets }) => receivedPackets))],
  ['', (_, perSecond) => formatBytes(perSecond(({ receivedBytes }) => receivedBytes))],
  ['dropped', ({ sentDropped, receivedDropped }) => sumOf(sentDropped) + sumOf(receivedDropped)],
];

/** One screen: what each device did in the last `seconds`. */
export function netScreen(now: NetsCounts, before: NetsCounts | undefined, seconds: number): string {
  const { xdp } = now;
  return `${deviceScreen(columns, now, before, seconds)}${xdp === undefined ? '' : xdpLine(xdp)}`;
}
