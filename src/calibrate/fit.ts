// From calibration's measurements to the constants of the model: which figure is which constant, and how those that cannot be measured alone
// are solved from those that can (those of serve: fit-serve.ts). Arithmetic only.

import type { Constant, ConstantId } from '../plan/facts/constants.js';
import type { SendLimits } from '../transport/send-modes.js';
import { fitBypass } from './fit-bypass.js';
import { fitPieces } from './fit-pieces.js';
import { fitRequests } from './fit-requests.js';
import { fitServe } from './fit-serve.js';
import { fittedGuest, guestName } from './guest-series.js';
import { digits, fitLine, type Measured, Profile, superBytes } from './solve.js';

export interface Fitted {
  constants: Partial<Record<ConstantId, Constant>>;
  /** Files up to this size cost serve less from memory than by sendfile. */
  inlineBytes: number;
  /** How pieces of files leave, by their length. */
  pieces: SendLimits;
}

/** Sends over loopback: what a copied byte does not explain is the stack, a super-packet at a time; sendfile has the same stack. */
function fitSends(profile: Profile): void {
  const gather = fitLine(profile.points('gather.'));
  const sendfile = fitLine(profile.points('sendfile.'));
  const entry = profile.constants['call.entry']?.value ?? 0;
  const copy = Math.min(profile.constants['copy.tx']?.value ?? 0, gather.perByte);
  const stack = (gather.perByte - copy) * superBytes;
  const pages = sendfile.perByte - stack / superBytes;
  profile.put('tcp.call', gather.call - entry, 'sends of 4 KiB to 1 MiB: what does not grow with size');
  profile.put(
    'tcp.transmit',
    pages < 0 ? sendfile.perByte * superBytes : stack,
    'a super-packet down and up the stack, acknowledgement included',
  );
  profile.put('sendfile.page', pages * 4096, 'sendfile of 4 KiB to 1 MiB, less the stack');
  profile.put('sendfile.call', sendfile.call - gather.call, 'sendfile of 4 KiB to 1 MiB: what does not grow with size');
  for (const id of ['tx.packet', 'rx.stack', 'ack.receive', 'page.alloc', 'frag.map'] as const) {
    profile.put(id, 0, 'within tcp.transmit');
  }
}

/** Constants of this host by the figures as they stand. */
function solve(measured: ReadonlyMap<string, Measured>, table: Readonly<Record<ConstantId, Constant>>): Fitted {
  const profile = new Profile(measured, table);
  profile.direct('call.entry', 'call');
  profile.direct('copy.tx', 'copy.hot');
  profile.direct('copy.user', 'copy.hot');
  profile.direct('copy.deferred', 'copy.cold');
  profile.direct('copy.tx.large', 'copy.cold');
  profile.direct('rx.wake', 'wake');
  profile.direct('guest.vmm.packet', guestName(fittedGuest));
  profile.direct('sendzc.notify', 'notification');
  if (measured.has('notification')) profile.put('sendzc.call', 0, 'within sendzc.notify');
  const datagram = measured.get('datagram');
  if (datagram)
    profile.put(
      'udp.call',
      datagram.typical - (profile.constants['call.entry']?.value ?? 0),
      'datagram of 1400 B over loopback, delivery included',
    );
  fitSends(profile);
  fitBypass(profile);
  fitRequests(profile);
  return { constants: profile.constants, inlineBytes: fitServe(profile), pieces: fitPieces(measured) };
}

/**
 * Constants of this host, and what serve takes from them. What is solved from several figures has an interval as well: each figure is moved to
 * the ends of its own interval, and what that changes is added in squares, as of errors that know nothing of each other.
 */
export function fitProfile(
  measured: ReadonlyMap<string, Measured>,
  table: Readonly<Record<ConstantId, Constant>>,
): Fitted {
  const fitted = solve(measured, table);
  const spread = new Map<string, { below: number; above: number }>();
  for (const [name, one] of measured) {
    for (const typical of [one.low, one.high]) {
      const moved = solve(new Map([...measured, [name, { ...one, typical }]]), table);
      for (const [id, { value }] of Object.entries(fitted.constants)) {
        const change = moved.constants[id as ConstantId]!.value - value;
        const sum = spread.get(id) ?? { below: 0, above: 0 };
        spread.set(id, sum);
        if (change < 0) sum.below += change ** 2;
        else sum.above += change ** 2;
      }
    }
  }
  for (const [id, one] of Object.entries(fitted.constants)) {
    const { below, above } = spread.get(id)!;
    if (below + above === 0 || one.conditions.includes('interval')) continue;
    const low = Math.max(0, one.value - Math.sqrt(below));
    one.conditions = `95 % interval ${digits(low)} to ${digits(one.value + Math.sqrt(above))}; ${one.conditions}`;
  }
  return fitted;
}
