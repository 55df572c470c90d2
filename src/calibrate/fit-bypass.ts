// From an echo's parts to the constants of a server past the kernel: lines through two lengths of frames, and a system call that few frames or many
// share. Arithmetic only.

import type { ConstantId } from '../plan/facts/constants.js';
import { type BypassPart, bypassName, fittedBatches, fittedFrames } from './bypass-series.js';
import { lineThrough, type Profile } from './solve.js';

const fcsBytes = 4;

/** Solves them; nothing where no echo was measured. */
export function fitBypass(profile: Profile): void {
  const figure = (part: BypassPart, frame: number, batch: number): number | undefined =>
    profile.measured.get(bypassName({ part, frame, batch }))?.typical;
  const { small, large } = fittedFrames;
  const { many, few } = fittedBatches;
  const line = (part: BypassPart, fixed: ConstantId, byte: ConstantId, shared: number): void => {
    const [low, high] = [figure(part, small, many), figure(part, large, many)];
    if (low === undefined || high === undefined) return;
    const { call, perByte } = lineThrough({ bytes: small - fcsBytes, ns: low }, { bytes: large - fcsBytes, ns: high });
    const ends = `an echo of UDP on a veth pair, frames of ${small} and ${large} B, ${many} together`;
    profile.put(byte, perByte, ends);
    profile.put(fixed, call - shared, ends);
  };
  const [at, apart] = [figure('send', small, many), figure('send', small, few)];
  const kick = at === undefined || apart === undefined ? 0 : Math.max(0, (apart - at) / (1 / few - 1 / many));
  if (at !== undefined && apart !== undefined) {
    profile.put('xsk.kick', kick, `sending ${few} frames together and ${many}`);
    profile.put('xsk.kick.batch', many, `as many as were sent together, and as copy mode sends at most in a call`);
  }
  line('receive', 'xsk.receive', 'xsk.receive.copy', 0);
  line('core', 'stack.datagram', 'stack.byte', 0);
  line('send', 'xsk.send', 'xsk.send.copy', kick / many);
  line('socket', 'echo.socket', 'echo.socket.byte', 0);
}
