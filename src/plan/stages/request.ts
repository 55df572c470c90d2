// A request of HTTP over TCP that `clearway serve` answers with a file, through the kernel's sockets or past them: its whole process as calibrate measures it on a veth pair.
// One message is one file. Not here: datagrams, whose parts are known one by one (echo.ts).

import type { Path } from '../scenario.js';
import { type Stage, stage, term, type Workshop } from './stage.js';

/** The paths, in the order in which they are compared. */
export const requestPaths = ['request-socket', 'request-bypass'] as const satisfies readonly Path[];
type RequestPath = (typeof requestPaths)[number];

/** Whether a path is one of those. */
export function isRequestPath(path: Path): path is RequestPath {
  return (requestPaths as readonly Path[]).includes(path);
}

const laws = {
  'request-socket': ['request.socket', 'request.socket.byte', 'answered through the kernel’s sockets'],
  'request-bypass': ['request.bypass', 'request.bypass.byte', 'answered by our TCP/IP, AF_XDP in copy mode'],
} as const;

/** The stages of a request. */
export function requestStages(shop: Workshop, path: RequestPath): Stage[] {
  const [request, byte, label] = laws[path];
  const terms = [term(shop, request, 1, 'request'), term(shop, byte, shop.scenario.message, 'bytes of the file')];
  return [stage({ id: 'request', label, side: 'receiver', resource: 'core', grain: 'message', terms })];
}

/**
 * How often a byte of the file is copied until its device has it: from memory into the kernel, or into a packet's frame and, in copy mode, out of it. A small file is in memory; a
 * large one of the kernel's way, by sendfile, is not copied at all.
 */
export function requestCopies(path: RequestPath, bytes: number, inlineBytes: number): number {
  if (path === 'request-bypass') return 2;
  return bytes <= inlineBytes ? 1 : 0;
}
