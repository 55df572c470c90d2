// Claimed files: those that an extension answers for, and the one that a path leads beneath. Nothing can be beneath a regular file, so a
// path that goes on behind one is the extension's. Not here: who answers (beneath.ts).

import { decodePathText } from '../text/path-text.js';
import { type FileTable, Kind, NOT_KNOWN } from './file-table.js';

const SLASH = 0x2f;
/** Segments with a claimed name that are looked up for one path. */
const mostLookUps = 8;

/** See the file's head. */
export class ClaimedFiles {
  /** Where the file's path ended, of the last {@link find}. */
  end = 0;
  readonly #claims: (path: string) => boolean;
  readonly #table: FileTable;
  readonly #resolve: (bytes: Uint8Array, length: number) => number;

  /** @param resolve looks a canonical path up, and never beneath a file. */
  constructor(
    claims: (path: string) => boolean,
    table: FileTable,
    resolve: (bytes: Uint8Array, length: number) => number,
  ) {
    this.#claims = claims;
    this.#table = table;
    this.#resolve = resolve;
  }

  /** The entry of the claimed file that a canonical path leads beneath, a slash behind it at least; {@link NOT_KNOWN} for none. */
  find(bytes: Uint8Array, length: number): number {
    let lookUps = 0;
    let nameStart = 1;
    for (let at = 1; at < length; at++) {
      if (bytes[at] !== SLASH) continue;
      const name = decodePathText(bytes, nameStart, at);
      nameStart = at + 1;
      if (!this.#claims(name)) continue;
      const entry = this.#resolve(bytes, at);
      if (entry >= 0 && this.#table.kind.get(entry) === Kind.file) {
        this.end = at;
        return entry;
      }
      // Where a folder is not there, nothing is beneath it.
      if (entry < 0 || ++lookUps === mostLookUps) break;
    }
    return NOT_KNOWN;
  }
}
