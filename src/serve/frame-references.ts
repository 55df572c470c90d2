// What follows the bytes of a frame: ranges of a file, which are sent by reference. So a segment of a film that is asked for again is
// answered from what was made for the first one: its heads as bytes, and where its pieces are. Not here: the frame (frame-cache.ts).

import type { SgList } from '../memory/sg-list.js';
import type { OpenFile } from './open-files.js';
import type { Resource } from './resource.js';

/** Pieces of one response at most: as many as a message has. */
const mostPieces = 1000;

/** See the file's head. */
export interface FrameReferences {
  /** Offset and length of each piece. */
  readonly places: Float64Array;
  /** Bytes of all pieces. */
  readonly bytes: number;
  /** The site's entry of the file that they are ranges of. */
  readonly source: number;
  /** What the response is of: its pace, and who is told of what is sent. */
  readonly resource: Pick<Resource, 'pace' | 'sent'>;
}

/**
 * The pieces of a list that begins with memory and ends with ranges of one file.
 * @returns entries of memory, and the references; undefined for any other list.
 */
export function referencesOf(
  list: SgList<OpenFile>,
  source: number,
  resource: Resource,
): { readonly segments: number; readonly references: FrameReferences } | undefined {
  let segments = 0;
  while (segments < list.length && list.regions[segments] !== undefined) segments++;
  const pieces = list.length - segments;
  if (pieces === 0 || pieces > mostPieces) return undefined;
  const places = new Float64Array(2 * pieces);
  for (let index = segments; index < list.length; index++) {
    if (list.regions[index] !== undefined || list.files[index] !== list.files[segments]) return undefined;
    places[2 * (index - segments)] = list.offsets[index]!;
    places[2 * (index - segments) + 1] = list.lengths[index]!;
  }
  const { pace, sent } = resource;
  const bytes = list.extentBytes;
  return {
    segments,
    references: { places, bytes, source, resource: { ...(pace && { pace }), ...(sent && { sent }) } },
  };
}

/** What pieces are queued on: a connection. */
interface Sender {
  sendPieces(file: OpenFile, places: Float64Array, bytes: number): void;
}

/** Queues the pieces. */
export function sendReferences(connection: Sender, file: OpenFile, { places, bytes }: FrameReferences): void {
  file.keepVersion();
  connection.sendPieces(file.retain(), places, bytes);
}
