// Peers: the C floor (bench/floor.c), compiled here when a C compiler and the headers of liburing are present. It answers whatever
// arrives with the bytes of one file, so it has a row only for that file: one for 1 KiB, two for 64 KiB.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startPinned } from '../host/child.js';
import { compile, compilerAbsence } from '../host/compile.js';
import { announced, type Peer } from './peer.js';

const headers = ['/usr/include/liburing.h', '/usr/local/include/liburing.h'];

/** The C floor on liburing, for one file. */
const floorOf = (name: string, fileName: string, ...words: string[]): Peer => ({
  name,
  absence() {
    const missing = headers.some(existsSync) ? undefined : 'no liburing headers (Debian: apt-get install liburing-dev)';
    return compilerAbsence() ?? missing;
  },
  refusal: (asked) => (asked === fileName ? undefined : `answers only ${fileName}`),
  async start(context) {
    const program = join(context.scratchDirectory, name);
    compile('bench/floor.c', program, '-luring');
    return announced(name, startPinned(context.placing, program, [join(context.siteDirectory, fileName), ...words]));
  },
});

/** The floors: of a small answer, which a target is set against, and of a larger one, copied and by reference. */
export const floorPeers: readonly Peer[] = [
  floorOf('floor', '1KiB.bin'),
  floorOf('floor-64KiB', '64KiB.bin'),
  floorOf('floor-64KiB-sendfile', '64KiB.bin', 'sendfile'),
];
