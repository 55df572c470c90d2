// The accounts of network devices as Prometheus text, and which figures people watch. Not here: who counts (net-device.ts), who serves it (cli/net.ts).

import { familyText, labelText } from '../../text/prometheus.js';
import { type DeviceKind, queueMeasures, sumOf } from '../device-figures.js';
import { type DevicesCounts, queueFamilies, rowsOf } from '../queue-counts.js';
import type { NetCounts } from './net-device.js';
import type { UplinkCounts } from './uplink.js';
import type { XdpCounts } from './xdp-interface.js';
import { xdpFamilies, xdpReasons } from './xdp-metrics.js';

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

/** Network devices, as they are watched. Sent and received are the guest's words. */
export const netKind: DeviceKind<NetCounts, NetsCounts> = {
  measures: [
    {
      ...{ words: 'packets sent', head: 'sent', unit: 'count', isRate: true, chart: 'Packets a second' },
      of: ({ sentPackets }) => sentPackets,
    },
    {
      ...{ words: 'bytes sent', head: 'bytes', unit: 'bytes', isRate: true, chart: 'Bytes a second' },
      of: ({ sentBytes }) => sentBytes,
    },
    {
      ...{ words: 'packets received', head: 'received', unit: 'count', isRate: true, chart: 'Packets a second' },
      of: ({ receivedPackets }) => receivedPackets,
    },
    {
      ...{ words: 'bytes received', head: 'bytes', unit: 'bytes', isRate: true, chart: 'Bytes a second' },
      of: ({ receivedBytes }) => receivedBytes,
    },
    {
      ...{ words: 'dropped', head: 'dropped', unit: 'count', isRate: false },
      of: ({ sentDropped, receivedDropped }) => sumOf(sentDropped) + sumOf(receivedDropped),
    },
    ...queueMeasures,
  ],
  reasons: ({ sentDropped, receivedDropped }) => ({
    'sent and dropped': sentDropped,
    'for it and dropped': receivedDropped,
  }),
  reasonsOfAll: ({ uplink, xdp }) => ({
    ...(uplink === undefined
      ? {}
      : { 'not taken by the way out': uplink.sentDropped, 'from outside, for no guest': uplink.receivedDropped }),
    ...(xdp === undefined ? {} : xdpReasons(xdp)),
  }),
};
