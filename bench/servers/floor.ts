// Peer: the C floor (bench/floor.c), compiled here when a C compiler and liburing's headers are present. It answers whatever
// arrives with the bytes of the smallest file, so it has a row only for that file.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { onPath, startPinned } from '../host/child.js';
import { announced, type Peer, repositoryRoot } from './peer.js';

/** The one file the floor can answer with. */
export const floorFileName = '1KiB.bin';

const headers = ['/usr/include/liburing.h', '/usr/local/include/liburing.h'];

/** The C floor on liburing. */
export const floorPeer: Peer = {
  name: 'floor',
  absence() {
    if (!onPath('cc')) return 'no C compiler (Debian: apt-get install gcc)';
    return headers.some(existsSync) ? undefined : 'no liburing headers (Debian: apt-get install liburing-dev)';
  },
  refusal: (fileName) => (fileName === floorFileName ? undefined : `answers only ${floorFileName}`),
  async start(context) {
    const program = join(context.scratchDirectory, 'floor');
    const built = spawnSync('cc', ['-O2', '-o', program, join(repositoryRoot, 'bench/floor.c'), '-luring'], {
      encoding: 'utf8',
    });
    if (built.status !== 0) throw new Error(`floor.c does not compile: ${built.stderr ?? built.error?.message}`);
    const child = startPinned(context.placing, program, [join(context.siteDirectory, floorFileName)]);
    return announced('floor', child);
  },
};
