// From what requests over TCP cost at two sizes to the constants of a request and of a byte, through the kernel and past it. Arithmetic only.

import { fittedFiles, fittedRequestConnections, requestName, requestWays } from './request-series.js';
import type { Profile } from './solve.js';

/** Solves them; nothing where no request was measured. */
export function fitRequests(profile: Profile): void {
  for (const way of requestWays) {
    const figure = (bytes: number): number | undefined =>
      profile.measured.get(requestName({ way, bytes, connections: fittedRequestConnections }))?.typical;
    const [small, large] = [figure(fittedFiles.small), figure(fittedFiles.large)];
    if (small === undefined || large === undefined) continue;
    const perByte = Math.max(0, (large - small) / (fittedFiles.large - fittedFiles.small));
    const words = `clearway serve on a veth pair, files of 1 and 64 KiB, ${fittedRequestConnections} connections`;
    profile.put(`request.${way}.byte`, perByte, words);
    profile.put(`request.${way}`, small - perByte * fittedFiles.small, words);
  }
}
