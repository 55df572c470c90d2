// The way of bytes from source to wire and back as a graph: places, and what joins them: a copy by the CPU, or a
// reference. It is pure (the page draws it, tests read it) and imports nothing but the table of causes.

import { type CauseName, causes } from '../meter/accounts/causes.js';
import type { Moved } from './frame.js';

/** Where bytes can be. */
export type Place = 'pages' | 'heap' | 'memory' | 'socket' | 'wire';

/** Each place: its column from the source to the wire, and its name. */
export const places: Readonly<Record<Place, { readonly column: 0 | 1 | 2 | 3; readonly words: string }>> = {
  pages: { column: 0, words: 'Files, pages' },
  heap: { column: 0, words: 'JavaScript heap' },
  memory: { column: 1, words: 'Process memory' },
  socket: { column: 2, words: 'Socket buffers' },
  wire: { column: 3, words: 'Network' },
};

/** One movement between two places. */
export interface Band {
  readonly id: string;
  readonly from: Place;
  readonly to: Place;
  readonly kind: 'copy' | 'reference';
  readonly words: string;
  /** In a second, or since the start: as in what was given. */
  readonly bytes: number;
}

/** Both directions. Bands of 0 bytes are left out. */
export interface Flow {
  readonly sending: readonly Band[];
  readonly receiving: readonly Band[];
}

type Route = readonly [direction: keyof Flow, from: Place, to: Place];

/** The route of each cause; those that are no movement of bytes have none. */
const routes: Readonly<Partial<Record<CauseName, Route>>> = {
  tcpSent: ['sending', 'memory', 'socket'],
  udpSent: ['sending', 'memory', 'socket'],
  unixSent: ['sending', 'memory', 'socket'],
  otherSent: ['sending', 'memory', 'socket'],
  pinned: ['sending', 'memory', 'socket'],
  kernelSent: ['sending', 'pages', 'socket'],
  spliced: ['sending', 'pages', 'socket'],
  reverted: ['sending', 'socket', 'wire'],
  linearised: ['sending', 'socket', 'wire'],
  headerExpanded: ['sending', 'socket', 'wire'],
  segmented: ['sending', 'socket', 'wire'],
  captured: ['sending', 'socket', 'wire'],
  otherCopied: ['sending', 'socket', 'wire'],
  fileRead: ['sending', 'pages', 'memory'],
  pipeRead: ['sending', 'pages', 'memory'],
  kernelRead: ['sending', 'pages', 'memory'],
  tcpReceived: ['receiving', 'socket', 'memory'],
  udpReceived: ['receiving', 'socket', 'memory'],
  unixReceived: ['receiving', 'socket', 'memory'],
  otherReceived: ['receiving', 'socket', 'memory'],
  kernelReceived: ['receiving', 'socket', 'pages'],
  splicedOut: ['receiving', 'socket', 'pages'],
  mapped: ['receiving', 'socket', 'memory'],
  xdpCopied: ['receiving', 'wire', 'socket'],
  coalesced: ['receiving', 'wire', 'socket'],
  fileWritten: ['receiving', 'memory', 'pages'],
  pipeWritten: ['receiving', 'memory', 'pages'],
  kernelWritten: ['receiving', 'memory', 'pages'],
};

/** Copies in user space: where the server's bytes come from, and in words. What is not here is copied within memory. */
const userCopies: Readonly<Record<string, readonly [from: Place, words: string]>> = {
  frameFill: ['pages', 'file read into the response cache'],
  notSpliceable: ['pages', 'file that cannot be spliced'],
  frameRefresh: ['memory', 'cached response renewed'],
  requestBacklog: ['memory', 'request that came in pieces'],
  encode: ['heap', 'head or page encoded'],
  coalesce: ['memory', 'small pieces joined'],
  application: ['heap', 'bytes of the application'],
  accessLog: ['memory', 'fields and lines of the access log'],
  fileName: ['memory', 'paths of files, kept to know them again'],
  guestPacket: ['memory', 'packet of a guest for another'],
  packetFill: ['memory', 'bytes into packets of our own TCP/IP'],
  guestStream: ['memory', 'what clients sent to a guest'],
  soundFill: ['memory', 'sound into a device’s ring'],
  soundVolume: ['memory', 'sound made quieter or louder'],
  storeRequest: ['memory', 'requests of the key-value store'],
  storeReply: ['memory', 'replies of the key-value store'],
};

/** The graph of what was moved. */
export function flowOf({ counters, server, sent, received }: Moved): Flow {
  const flow: Record<keyof Flow, Band[]> = { sending: [], receiving: [] };
  for (const [reason, bytes] of Object.entries(server?.copies ?? {})) {
    const [from, words] = userCopies[reason] ?? ['heap', reason];
    // A copy from memory to memory is drawn as one out of the heap: both are the process's own.
    const source = from === 'memory' ? 'heap' : from;
    add(flow.sending, { id: reason, from: source, to: 'memory', kind: 'copy', words: `user space: ${words}`, bytes });
  }
  for (const [name, [direction, from, to]] of Object.entries(routes) as [CauseName, Route][]) {
    const { movement, words } = causes[name];
    const kind = movement === 'by-reference' ? 'reference' : 'copy';
    add(flow[direction], { id: name, from, to, kind, words, bytes: counters[name] ?? 0 });
  }
  if (Object.keys(counters).length > 0) {
    const seesAll = counters.linearised !== undefined;
    const outWords = seesAll ? 'handed on' : 'handed on; only reverts are seen here';
    const inWords = seesAll ? 'handed on' : 'handed on; copies here are not seen';
    add(flow.sending, { id: 'out', from: 'socket', to: 'wire', kind: 'reference', words: outWords, bytes: sent ?? 0 });
    add(flow.receiving, {
      id: 'in',
      from: 'wire',
      to: 'socket',
      kind: 'reference',
      words: inWords,
      bytes: received ?? 0,
    });
  } else if (server !== null) addWays(flow.sending, server.ways);
  return flow;
}

/** Without a meter the kernel's part is not known; what is known is how the server gave its bodies to the kernel. */
function addWays(bands: Band[], ways: Readonly<Record<string, number>>): void {
  const sendfile = { from: 'pages', to: 'socket', kind: 'reference', words: 'bodies by sendfile' } as const;
  add(bands, { id: 'way-sendfile', ...sendfile, bytes: ways['sendfile'] ?? 0 });
  const sends = { from: 'memory', to: 'socket', kind: 'copy', words: 'bodies by send' } as const;
  add(bands, { id: 'way-send', ...sends, bytes: (ways['inline'] ?? 0) + (ways['gather'] ?? 0) });
}

function add(bands: Band[], band: Band): void {
  if (band.bytes > 0) bands.push(band);
}
