// What is counted of a device's queues, whatever the device is, and how it is shown in metrics. Not here: what a device counts of its own.

import { copiedBytes, copyReasonNames } from '../memory/copy.js';
import { familyText, labelText, type MetricRow } from '../text/prometheus.js';
import type { DeviceState } from './device-state.js';

/** See the file's head. All of it only grows. */
export interface QueueCounts {
  /** Front ends that came. */
  frontEnds: number;
  /** Kicks of the guest that were heard, and requests of it that were found without one of their own. */
  kicks: number;
  kicksSaved: number;
  /** Interrupts that were sent to the guest, and those that it did not ask for. */
  interrupts: number;
  interruptsSaved: number;
  /** What a guest wrote that made no sense, by reason. */
  readonly faults: Record<string, number>;
}

/** Counts of a queue, all zero. */
export function emptyQueueCounts(): QueueCounts {
  return { frontEnds: 0, kicks: 0, kicksSaved: 0, interrupts: 0, interruptsSaved: 0, faults: {} };
}

/** Adds one to a count by name. */
export function countOne<Name extends string>(counts: Partial<Record<Name, number>>, name: Name): void {
  counts[name] = (counts[name] ?? 0) + 1;
}

/** A device by its name, with its counts, and how it stands. */
export interface Named<Counts> {
  readonly name: string;
  readonly counts: Counts;
  readonly state: DeviceState;
}

/** What was counted of the devices of a thread. */
export interface DevicesCounts<Counts> {
  readonly devices: readonly Named<Counts>[];
  /** Bytes that were copied in user space, by reason. */
  readonly copied: readonly number[];
}

/** The counts of devices, with this thread's account of copies. */
export function countsOf<Counts>(devices: readonly Named<Counts>[]): DevicesCounts<Counts> {
  return { devices, copied: [...copiedBytes] };
}

/** Rows of all devices: those that `of` makes of each, with the device's name among their labels. */
export function rowsOf<Counts>(
  devices: readonly Named<Counts>[],
  of: (counts: Counts) => readonly (readonly [labels: Readonly<Record<string, string>>, value: number])[],
): MetricRow[] {
  return devices.flatMap(({ name, counts }) =>
    of(counts).map(([labels, value]) => [labelText({ device: name, ...labels }), value] as const),
  );
}

/** The families of queues, as Prometheus text. @param copied bytes copied in user space, by reason */
export function queueFamilies(devices: readonly Named<QueueCounts>[], copied: readonly number[]): string {
  const one = (of: (counts: QueueCounts) => number): MetricRow[] => rowsOf(devices, (counts) => [[{}, of(counts)]]);
  return [
    familyText(
      'clearway_vhost_front_ends_total',
      'counter',
      'Front ends that came.',
      one(({ frontEnds }) => frontEnds),
    ),
    familyText(
      'clearway_vhost_front_end_connected',
      'gauge',
      'Whether a front end is there.',
      devices.map(({ name, state }) => [labelText({ device: name }), state.frontEnd === undefined ? 0 : 1]),
    ),
    familyText(
      'clearway_virtio_kicks_total',
      'counter',
      'Kicks of guests.',
      one(({ kicks }) => kicks),
    ),
    familyText(
      'clearway_virtio_kicks_saved_total',
      'counter',
      'Requests and packets of guests that were found without a kick of their own.',
      one(({ kicksSaved }) => kicksSaved),
    ),
    familyText(
      'clearway_virtio_interrupts_total',
      'counter',
      'Interrupts of guests: sent, and saved because the guest did not ask for them.',
      rowsOf(devices, ({ interrupts, interruptsSaved }) => [
        [{ outcome: 'sent' }, interrupts],
        [{ outcome: 'saved' }, interruptsSaved],
      ]),
    ),
    familyText(
      'clearway_virtio_faults_total',
      'counter',
      'What guests wrote that made no sense, by reason.',
      rowsOf(devices, ({ faults }) => Object.entries(faults).map(([reason, count]) => [{ reason }, count])),
    ),
    familyText(
      'clearway_copied_bytes_total',
      'counter',
      'Bytes copied in user space, by reason.',
      copyReasonNames.map((reason, index) => [labelText({ reason }), copied[index] ?? 0]),
    ),
  ].join('');
}
