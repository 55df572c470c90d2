// Versions and entity tags of what is made out of films: numbers that are other for every other film, group and way of cutting. Not
// here: the identity of a file (serve/identity.ts).

import type { FileTable } from '../../serve/file-table.js';
import { formatTag, tagOfContent, tagOfIdentity, words } from '../../serve/identity.js';
import type { Representation } from '../../serve/representation.js';

/** Goes up when the same film is cut or written otherwise than before: what is cached for ever then has another address. */
const packagerVersion = 3;

/** 64 bits. */
export interface Version {
  readonly high: number;
  readonly low: number;
}

/** What no two versions of a file share. */
export function identityOfFile(table: FileTable, { entry }: Representation): Version {
  return { high: table.identityHigh.get(entry), low: table.identityLow.get(entry) };
}

/** How segments are made out of films. */
export interface FilmShape {
  /** Seconds that they are to last. */
  readonly targetSeconds: number;
  /** They may be stretches of the film: see Timeline. */
  readonly withStretches: boolean;
}

/** The version of what is made out of these files, in this order. */
export function versionOf(files: readonly Version[], { targetSeconds, withStretches }: FilmShape): Version {
  let mixed: Version = { high: packagerVersion, low: withStretches ? 1 : 0 };
  for (const { high, low } of files) {
    tagOfIdentity(mixed.high ^ high, mixed.low ^ low, 0, targetSeconds * 1000);
    mixed = { high: words.high, low: words.low };
  }
  return mixed;
}

/** As it stands in an address: 8 hexadecimal digits. */
export function versionText({ high }: Version): string {
  return (high >>> 0).toString(16).padStart(8, '0');
}

/** The tag of a part of what a version stands for. @param kind of part. @param number among its kind. */
export function tagOfPart({ high, low }: Version, kind: number, number: number): string {
  tagOfIdentity(high, low, kind, number);
  return formatTag(words.high, words.low);
}

/** The tag of bytes. */
export function tagOfBytes(bytes: Uint8Array): string {
  tagOfContent(bytes, 0, bytes.length, 0);
  return formatTag(words.high, words.low);
}
