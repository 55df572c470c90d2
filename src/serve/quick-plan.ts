// The plan of a response from the bytes of its request: what most requests carry is decided without making a string. It
// decides what the general rules decide (plan.ts, conditional.ts, range.ts) or nothing at all: a test holds it to that.

import { HTTP_DATE_BYTES, writeHttpDate } from '../wire/http/date.js';
import { Field, type RequestHead } from '../wire/http1/request.js';
import type { FileTable } from './file-table.js';
import { isDate, TAG_BYTES, writeTag } from './identity.js';

/** Of the range that a 206 sends: first byte, and the one behind the last. Overwritten by the next plan. */
export const plannedRange = { start: 0, end: 0 };

/** The general rules are to decide. */
const UNDECIDED = 0;

const conditional =
  (1 << Field.ifMatch) |
  (1 << Field.ifNoneMatch) |
  (1 << Field.ifModifiedSince) |
  (1 << Field.ifUnmodifiedSince) |
  (1 << Field.ifRange) |
  (1 << Field.range);
const rare = (1 << Field.ifMatch) | (1 << Field.ifUnmodifiedSince);

const tag = new Uint8Array(TAG_BYTES);
const date = new Uint8Array(HTTP_DATE_BYTES);

/**
 * The status of the answer to a GET or HEAD of a file: 200, 206 with {@link plannedRange}, 304, or 0: the general rules decide. No
 * field of the request may be in several lines.
 */
export function quickPlan(head: RequestHead, table: FileTable, entry: number, isGet: boolean): number {
  const present = head.fieldPresent & conditional;
  if (present === 0) return 200;
  if ((present & rare) !== 0) return UNDECIDED;
  if ((present & (1 << Field.ifNoneMatch)) !== 0) {
    const verdict = isOwnTag(head, Field.ifNoneMatch, table, entry);
    if (verdict < 0) return UNDECIDED;
    if (verdict === 1) return 304;
  } else if ((present & (1 << Field.ifModifiedSince)) !== 0) {
    // The date that we gave is the one that comes back.
    if (!isOwnDate(head, Field.ifModifiedSince, table, entry)) return UNDECIDED;
    return 304;
  }
  if (!isGet || (present & (1 << Field.range)) === 0) return 200;
  if ((present & (1 << Field.ifRange)) !== 0) {
    const verdict = isOwnTag(head, Field.ifRange, table, entry);
    if (verdict < 0) return UNDECIDED;
    if (verdict === 0) return 200;
    if (head.bytes[head.fieldStart[Field.ifRange]!] !== 0x22) return 200;
  }
  return readRange(head, table.size.get(entry)) ? 206 : UNDECIDED;
}

/** 1: the field is the entry's tag, weak or not; 0: it is one other tag of our form; -1: something else. */
function isOwnTag(head: RequestHead, field: number, table: FileTable, entry: number): number {
  const { bytes } = head;
  let start = head.fieldStart[field]!;
  const end = head.fieldEnd[field]!;
  if (bytes[start] === 0x57 && bytes[start + 1] === 0x2f) start += 2;
  if (end - start !== TAG_BYTES || bytes[start] !== 0x22 || bytes[end - 1] !== 0x22) return -1;
  writeTag(tag, 0, table.tagHigh.get(entry), table.tagLow.get(entry));
  let same = true;
  for (let index = 1; index < TAG_BYTES - 1; index++) {
    const byte = bytes[start + index]!;
    if (!((byte >= 0x30 && byte <= 0x39) || (byte >= 0x61 && byte <= 0x66))) return -1;
    if (byte !== tag[index]) same = false;
  }
  return same ? 1 : 0;
}

function isOwnDate(head: RequestHead, field: number, table: FileTable, entry: number): boolean {
  const start = head.fieldStart[field]!;
  if (head.fieldEnd[field]! - start !== HTTP_DATE_BYTES) return false;
  const seconds = table.modifiedSeconds.get(entry);
  if (!isDate(seconds)) return false;
  writeHttpDate(date, 0, seconds);
  for (let index = 0; index < HTTP_DATE_BYTES; index++) if (head.bytes[start + index] !== date[index]) return false;
  return true;
}

const unit = [0x62, 0x79, 0x74, 0x65, 0x73, 0x3d];
/** Digits of a position that are exact as a double. */
const mostDigits = 15;

/** Reads `bytes=A-B`, `bytes=A-` and `bytes=-N` where they can be satisfied. */
function readRange(head: RequestHead, size: number): boolean {
  const { bytes } = head;
  let at = head.fieldStart[Field.range]!;
  const end = head.fieldEnd[Field.range]!;
  for (const letter of unit) if (bytes[at++] !== letter) return false;
  let first = 0;
  const firstAt = at;
  for (; at < end && isDigit(bytes[at]!); at++) first = first * 10 + bytes[at]! - 0x30;
  const firstDigits = at - firstAt;
  if (bytes[at++] !== 0x2d || firstDigits > mostDigits) return false;
  let last = 0;
  const lastAt = at;
  for (; at < end && isDigit(bytes[at]!); at++) last = last * 10 + bytes[at]! - 0x30;
  const lastDigits = at - lastAt;
  if (at !== end || lastDigits > mostDigits || size === 0) return false;
  if (firstDigits === 0) {
    if (lastDigits === 0 || last === 0) return false;
    plannedRange.start = Math.max(0, size - last);
    plannedRange.end = size;
    return true;
  }
  if (first >= size || (lastDigits > 0 && last < first)) return false;
  plannedRange.start = first;
  plannedRange.end = lastDigits === 0 ? size : Math.min(last + 1, size);
  return true;
}

function isDigit(byte: number): boolean {
  return byte >= 0x30 && byte <= 0x39;
}
