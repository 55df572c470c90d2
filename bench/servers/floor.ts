// Peers: the C floor (bench/floor.c), compiled here when a C compiler and the headers of liburing are present. It answers whatever
// arrives with the bytes of one file, so it has a row only for that file: one for 1 KiB, two for 64 KiB.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { onPath, startPinned } from '../host/child.js';
import { announced, type Peer, repositoryRoot } from './peer.js';

const headers = ['/usr/include/liburing.h', '/usr/local/include/liburing.h'];

/** The C floor on liburing, for one file. */
const floorOf = (name: string, fileName: string, ...words: string[]): Peer => ({
  name,
  absence() {
    if (!onPath('cc')) return 'no C compiler (Debian: apt-get install gcc)';
    return headers.some(existsSync) ? undefined : 'no liburing headers (Debian: apt-get install liburing-dev)';
  },
  refusal: (asked) => (asked === fileName ? undefined : `answers only ${fileName}`),
  async start(context) {
    const program = join(context.scratchDirectory, name);
    const built = spawnSync('cc', ['-O2', '-o', program, join(repositoryRoot, 'bench/floor.c'), '-luring'], {
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(`floor.c does not compile: ${built.stderr ?? built.error?.message}`);
    return announced(name, startPinned(context.placing, program, [join(context.siteDirectory, fileName), ...words]));
  },
});

/** The floors: of a small answer, which a target is set against, and of a larger one, copied and by reference. */
export const floorPeers: readonly Peer[] = [
  floorOf('floor', '1KiB.bin'),
  floorOf('floor-64KiB', '64KiB.bin'),
  floorOf('floor-64KiB-sendfile', '64KiB.bin', 'sendfile'),
];
