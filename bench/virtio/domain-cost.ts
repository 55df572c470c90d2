// What the guard of addresses costs: the checks of one 4 KiB request alone, as the disk makes them (its header, its data, its status), in the Domain of
// a guest whose memory is two regions. Not here: what the whole request costs (block-load.ts).

import { Access, Domain, type DomainMemory } from '../../src/memory/domain.js';
import { Iovecs } from '../../src/memory/iovecs.js';

const gib = 1024 ** 3;
const batch = 1000;

/** Nanoseconds a request. */
export function domainNsPerRequest(seconds: number): number {
  const data = new DataView(new ArrayBuffer(64));
  const bytes = new Uint8Array(data.buffer);
  const window = (): ReturnType<DomainMemory['window']> => ({ data, bytes, at: 0 });
  const domain = new Domain();
  domain.grant(0, 3 * gib, { address: 2 ** 40, window }, 0, Access.both);
  domain.grant(4 * gib, 5 * gib, { address: 2 ** 41, window }, 0, Access.both);
  const pieces = new Iovecs(4);
  let place = 1;
  const check = (): void => {
    for (let count = 0; count < batch; count++) {
      place = (Math.imul(place, 1_664_525) + 1_013_904_223) >>> 0;
      // Headers lie together, data anywhere in either region.
      const low = place % (2 * gib);
      pieces.clear();
      const isThere =
        domain.window(0, (count % 128) * 16, 16, Access.read) !== undefined &&
        domain.translate(place & 1, low, 4096, Access.write, pieces) &&
        domain.window(0, 65_536 + (count % 128), 1, Access.write) !== undefined;
      if (!isThere) throw new Error('an address was refused');
    }
  };
  const end = performance.now() + seconds * 1000;
  let best = Number.POSITIVE_INFINITY;
  try {
    for (let start = performance.now(); start < end; ) {
      check();
      const now = performance.now();
      best = Math.min(best, now - start);
      start = now;
    }
  } finally {
    pieces.unmap();
  }
  return (best * 1e6) / batch;
}
