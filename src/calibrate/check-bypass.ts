// What `clearway plan` says to an echo past the kernel and through it, beside what was measured: frames and batches of which no constant was made.
// Arithmetic only.

import { answer } from '../plan/answers/answer.js';
import type { Host } from '../plan/facts/hosts.js';
import { defaultScenario } from '../plan/scenario.js';
import { type BypassPoint, bypassName, comparedPoints } from './bypass-series.js';
import { type Compared, compared, percent } from './compared.js';
import { hereDefaults } from './host-profile.js';
import type { Measured } from './solve.js';

/** A frame that is answered, in nanoseconds of all processors. */
export type CheckedBypass = BypassPoint & Compared;

/** What the profile says to one point. */
function predictedBypassNs({ part, frame, batch }: BypassPoint, here: Host): number {
  const scenario = {
    ...{ ...defaultScenario(), ...hereDefaults, host: 'here' as const, device: 'veth' as const },
    ...{ path: part === 'socket' ? ('socket-echo' as const) : ('bypass-copy' as const), way: 'bypass' as const },
    ...{ message: frame, constants: { 'xsk.kick.batch': batch } },
  };
  return answer(scenario, { here }).cpu.receiverNsPerMessage;
}

/** The comparison; empty where nothing was measured. */
export function checkBypass(measured: ReadonlyMap<string, Measured>, here: Host): CheckedBypass[] {
  return compared(measured, comparedPoints, bypassName, (point) => predictedBypassNs(point, here));
}

/** The table, for a reader; empty where nothing was measured. */
export function bypassTable(checked: readonly CheckedBypass[]): string {
  if (checked.length === 0) return '';
  const rows = checked.map(({ part, frame, batch, predicted, measured, error }) => {
    const way = part === 'socket' ? 'the kernel’s socket' : 'our stack, AF_XDP in copy mode';
    return `| ${way} | ${frame} | ${batch} | ${Math.round(predicted)} | ${Math.round(measured)} | ${percent(error)} |`;
  });
  return [
    '',
    'an echo of UDP on a veth pair: predicted by plan --here with path: bypass-copy or socket-echo and way: bypass, and measured;',
    'the constants are of frames of 64 and 1518 bytes, 4 and 32 together',
    '',
    '| way | bytes | together | ns a packet predicted | measured | error |',
    '| --- | ---: | ---: | ---: | ---: | ---: |',
    ...rows,
    '',
  ].join('\n');
}
