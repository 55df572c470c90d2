// The facts of a file that was opened, written into its entry. Not here: what they are made of (identity.ts).

import type { FileStatus } from '../kernel/file.js';
import { contentCoding } from '../wire/http/media-type.js';
import { Fact, type FileTable } from './file-table.js';
import { identityOf, isRacy, isTimeSet, saidSeconds, tagOfIdentity, words } from './identity.js';

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
  table.identityHigh.set(entry, words.high);
  table.identityLow.set(entry, words.low);
  if (isRacy(status, nowMs, isRemote)) table.facts.set(entry, table.facts.get(entry) | Fact.racy);
  if (coding === 0 && contentCoding(path) !== undefined) table.facts.set(entry, table.facts.get(entry) | Fact.encoded);
  if (isTimeSet(status)) table.facts.set(entry, table.facts.get(entry) | Fact.timeSet);
  looks = (looks + 1) & 63;
  const salt = (table.facts.get(entry) & Fact.racy) === 0 ? 0 : nowMs * 64 + looks;
  tagOfIdentity(words.high, words.low, coding, salt);
  table.tagHigh.set(entry, words.high);
  table.tagLow.set(entry, words.low);
  table.size.set(entry, status.size);
  table.mtimeSeconds.set(entry, status.mtimeSeconds);
  table.mtimeNanoseconds.set(entry, status.mtimeNanoseconds);
  table.modifiedSeconds.set(entry, saidSeconds(status, nowMs));
  table.coding.set(entry, coding);
  table.siblingGeneration.set(entry, -1);
  table.siblings.set(entry, 0);
}
