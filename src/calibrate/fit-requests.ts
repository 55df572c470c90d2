// From what requests over TCP cost at two sizes to the constants of a request and of a byte, through the kernel and past it. Arithmetic only.

import { fittedFiles, fittedRequestConnections, requestName, requestWays } from './request-series.js';
import { lineThrough, type Profile } from './solve.js';

/** Solves them; nothing where no request was measured. */
export function fitRequests(profile: Profile): void {
  for (const way of requestWays) {
    const figure = (bytes: number): number | undefined =>
      profile.measured.get(requestName({ way, bytes, connections: fittedRequestConnections }))?.typical;
    const { small, large } = fittedFiles;
    const [low, high] = [figure(small), figure(large)];
    if (low === undefined || high === undefined) continue;
    const { call, perByte } = lineThrough({ bytes: small, ns: low }, { bytes: large, ns: high });
    const files = `files of ${small / 1024} and ${large / 1024} KiB`;
    const words = `clearway serve on a veth pair, ${files}, ${fittedRequestConnections} connections`;
    profile.put(`request.${way}.byte`, perByte, words);
    profile.put(`request.${way}`, call, words);
  }
}
