// The account of a guest as Prometheus text, and as a live screen. Not here: who counts (guest.ts, vsock-device.ts, network-card.ts).

import { copyReasonNames } from '../memory/copy.js';
import { familyText, labelText } from '../text/prometheus.js';
import { formatBytes } from '../text/units.js';

/** What is counted of a guest and its doors. */
export interface VmCounts {
  readonly entries: number;
  readonly registers: number;
  readonly ports: number;
  readonly rests: number;
  readonly kicks: number;
  readonly faults: number;
  readonly packetsIn: number;
  readonly packetsOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  readonly deviceFaults: number;
  /** Packets that the tap did not take. */
  readonly packetsDropped: number;
  readonly accepted: number;
  readonly refused: number;
  /** Clients that were let go of because they kept answers from others. */
  readonly slowReaders: number;
  /** Lines of the serial line that were too many, or that nobody took. */
  readonly linesDropped: number;
  readonly copied: readonly number[];
}

type Figure = Exclude<keyof VmCounts, 'copied'>;

const families: readonly (readonly [name: string, help: string, figure: Figure])[] = [
  ['clearway_vm_entries_total', 'Times that the guest was entered.', 'entries'],
  ['clearway_vm_register_stops_total', 'Stops for a register of a device.', 'registers'],
  ['clearway_vm_port_stops_total', 'Stops for a port: the serial line, rests.', 'ports'],
  ['clearway_vm_rests_total', 'Rests of the guest.', 'rests'],
  ['clearway_vm_kicks_total', 'Times that the guest was stopped from outside.', 'kicks'],
  ['clearway_vm_faults_total', 'Accesses of the guest to what is not there or not allowed.', 'faults'],
  ['clearway_vm_device_faults_total', 'Packets and descriptors of the guest that make no sense.', 'deviceFaults'],
  ['clearway_vm_packets_dropped_total', 'Packets of the guest that its tap did not take.', 'packetsDropped'],
  ['clearway_vm_packets_in_total', 'Packets to the guest.', 'packetsIn'],
  ['clearway_vm_packets_out_total', 'Packets of the guest.', 'packetsOut'],
  ['clearway_vm_input_bytes_total', 'Bytes of streams and packets to the guest.', 'bytesIn'],
  ['clearway_vm_output_bytes_total', 'Bytes of streams and packets from the guest.', 'bytesOut'],
  ['clearway_vm_connections_accepted_total', 'Connections that were accepted.', 'accepted'],
  ['clearway_vm_connections_refused_total', 'Connections beyond --maxclients.', 'refused'],
  ['clearway_vm_slow_readers_total', 'Connections that ended because they kept answers from others.', 'slowReaders'],
  ['clearway_vm_lines_dropped_total', 'Lines beyond 200 or 16 KB a second, or that nobody took.', 'linesDropped'],
];

/** The metrics of a guest. */
export function vmMetrics(counts: VmCounts, engine: string): string {
  const copies = copyReasonNames.map((reason, index) => [labelText({ reason }), counts.copied[index] ?? 0] as const);
  return [
    familyText('clearway_vm_info', 'gauge', 'The guest.', [[labelText({ engine }), 1]]),
    ...families.map(([name, help, figure]) => familyText(name, 'counter', help, [['', counts[figure]]])),
    familyText('clearway_copied_bytes_total', 'counter', 'Bytes copied in user space, by reason.', copies),
  ].join('');
}

/** One screen of what happened in the last `seconds`. */
export function vmScreen(now: VmCounts, before: VmCounts | undefined, seconds: number): string {
  const perSecond = (figure: Figure): string =>
    Math.round(Math.max(0, now[figure] - (before?.[figure] ?? 0)) / seconds).toLocaleString('en');
  const rows: readonly (readonly [string, string])[] = [
    ['entries/s, rests/s', `${perSecond('entries')}, ${perSecond('rests')}`],
    ['stops/s: registers, ports', `${perSecond('registers')}, ${perSecond('ports')}`],
    ['packets/s in, out', `${perSecond('packetsIn')}, ${perSecond('packetsOut')}`],
    ['in, out since the start', `${formatBytes(now.bytesIn)}, ${formatBytes(now.bytesOut)}`],
    ['kicks', String(now.kicks)],
    ['faults: machine, devices', `${now.faults}, ${now.deviceFaults}`],
    ['connections', `${now.accepted} accepted, ${now.refused} refused`],
  ];
  return rows.map(([name, value]) => `${name.padEnd(28)}${value}\n`).join('');
}
