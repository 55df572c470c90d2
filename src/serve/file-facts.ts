// The facts of a file that was opened, written into its entry. Not here: what they are made of (identity.ts).

import type { FileStatus } from '../kernel/file.js';
import { contentCoding } from '../wire/http/media-type.js';
import { Fact, type FileTable } from './file-table.js';
import { identityOf, isRacy, isTimeSet, tagOfIdentity, words } from './identity.js';

/** Tells versions apart that were looked at within one millisecond. */
let looks = 0;

/**
 * Writes size, times, identity and entity tag.
 * @param coding of a sibling; 0 for the file itself. @param path of the file itself. @param isRemote whether another host may set its times.
 */
export function setFacts(
  table: FileTable,
  entry: number,
  coding: number,
  path: string,
  status: FileStatus,
  isRemote: boolean,
): void {
  const nowMs = Date.now();
  identityOf(status);
  table.identityHigh[entry] = words.high;
  table.identityLow[entry] = words.low;
  if (isRacy(status, nowMs, isRemote)) table.facts[entry]! |= Fact.racy;
  if (coding === 0 && contentCoding(path) !== undefined) table.facts[entry]! |= Fact.encoded;
  if (isTimeSet(status)) table.facts[entry]! |= Fact.timeSet;
  looks = (looks + 1) & 63;
  const salt = (table.facts[entry]! & Fact.racy) === 0 ? 0 : nowMs * 64 + looks;
  tagOfIdentity(words.high, words.low, coding, salt);
  table.tagHigh[entry] = words.high;
  table.tagLow[entry] = words.low;
  table.size[entry] = status.size;
  table.mtimeSeconds[entry] = status.mtimeSeconds;
  table.mtimeNanoseconds[entry] = status.mtimeNanoseconds;
  table.coding[entry] = coding;
  table.siblingGeneration[entry] = -1;
  table.siblings[entry] = 0;
}
