// What `clearway plan` says to a packet of a guest that a monitor takes to a tap, beside what was measured: sizes of which no constant was made.
// Arithmetic only.

import { answer } from '../plan/answers/answer.js';
import type { Host } from '../plan/facts/hosts.js';
import { defaultScenario } from '../plan/scenario.js';
import { type Compared, compared, percent } from './compared.js';
import { comparedGuests, type GuestPoint, guestName } from './guest-series.js';
import { hereDefaults } from './host-profile.js';
import type { Measured } from './solve.js';

/** A packet of one size, in nanoseconds of the monitor. */
export type CheckedGuest = GuestPoint & Compared;

/** What the profile says to one point. */
function predictedNs({ bytes }: GuestPoint, here: Host): number {
  const scenario = {
    ...{ ...defaultScenario(), ...hereDefaults },
    // A datagram is a packet of its own.
    ...{ host: 'here' as const, guest: 'virtio' as const, protocol: 'udp' as const, device: 'nic' as const },
    ...{ way: 'copy' as const, engine: 'syscall' as const, message: bytes, flows: 1 },
  };
  const { stages } = answer(scenario, { here });
  return stages.find(({ id }) => id === 'guest-worker-sender')?.busyNs ?? Number.NaN;
}

/** The table, for a reader; empty where no guest was measured. */
export function guestTable(guests: readonly CheckedGuest[]): string {
  if (guests.length === 0) return '';
  const rows = guests.map(
    ({ bytes, predicted, measured, error }) =>
      `| ${bytes} | ${Math.round(predicted)} | ${Math.round(measured)} | ${percent(error)} |`,
  );
  return [
    '',
    'a guest\u2019s packet to a tap (clearway net): predicted by plan --here with guest: virtio, and measured; the constant is of 64 bytes',
    '',
    '| bytes | ns a packet predicted | measured | error |',
    '| ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ].join('\n');
}

/** The comparison; empty where no guest was measured. */
export function checkGuests(measured: ReadonlyMap<string, Measured>, here: Host): CheckedGuest[] {
  return compared(measured, comparedGuests, guestName, (point) => predictedNs(point, here));
}
