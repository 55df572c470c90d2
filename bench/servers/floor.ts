// Peers: the C floors (bench/floor.c on io_uring, bench/floor-epoll.c), compiled here when a C compiler and, for the first, the headers of
// liburing are present. They answer whatever arrives in one way, so that each has the rows alone that name it.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { startPinned } from '../host/child.js';
import { compile, compilerAbsence } from '../host/compile.js';
import { announced, type Peer } from './peer.js';

const headers = ['/usr/include/liburing.h', '/usr/local/include/liburing.h'];

const noHeaders = 'no liburing headers (Debian: apt-get install liburing-dev)';

/** A floor for one file. @param words of its command line */
const floorOf = (engine: 'uring' | 'epoll', name: string, fileName: string, ...words: string[]): Peer => ({
  name,
  absence() {
    return compilerAbsence() ?? (engine === 'epoll' || headers.some(existsSync) ? undefined : noHeaders);
  },
  refusal: (asked) => (asked === fileName ? undefined : `answers only ${fileName}`),
  async start(context) {
    const program = join(context.scratchDirectory, name);
    if (engine === 'uring') compile('bench/floor.c', program, '-luring');
    else compile('bench/floor-epoll.c', program);
    return announced(name, startPinned(context.placing, program, [join(context.siteDirectory, fileName), ...words]));
  },
});

/** The floors: of a small answer, which a target is set against, of a larger one, copied and by reference, of a 304, and of a connection for each answer. */
export const floorPeers: readonly Peer[] = [
  floorOf('uring', 'floor', '1KiB.bin'),
  floorOf('uring', 'floor-64KiB', '64KiB.bin'),
  floorOf('uring', 'floor-64KiB-sendfile', '64KiB.bin', 'sendfile'),
  floorOf('uring', 'floor-304', '4KiB.bin', '304'),
  floorOf('epoll', 'floor-epoll-304', '4KiB.bin', '304'),
  floorOf('epoll', 'floor-epoll-close', '1KiB.bin', 'close'),
];
