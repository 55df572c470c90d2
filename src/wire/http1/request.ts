// The parser of request heads (RFC 9112): one pass over borrowed bytes, offsets out, nothing allocated, strict.
// What it decides depends only on the bytes before the point where it decides, so a head that arrives in pieces gets the
// same answer as a whole one. Not here: bodies (body.ts), the meaning of paths and fields (../http).

import { isHost } from './authority.js';
import { FIELD_NAME_LENGTH, Field, fieldSlot } from './fields.js';
import {
  ConnectionOption,
  isExpectContinue,
  readConnection,
  readContentLength,
  readTransferEncoding,
  TransferCoding,
} from './framing.js';
import { COLON, CR, HTAB, LF, SP, TARGET, TOKEN, VALUE } from './grammar.js';
import { Method, type RequestHead } from './request-head.js';
import { methodNumber, readVersion, VERSION_BYTES } from './request-line.js';
import { splitTarget } from './target.js';

export { Field } from './fields.js';
export { Method, RequestHead } from './request-head.js';

/** Bounds of a request head; beyond them it is refused. */
export interface HeadLimits {
  /** Longest request-target in bytes; 414 beyond. */
  maxTargetBytes: number;
  /** Longest head in bytes, from the request line to the final CRLF CRLF; 431 beyond. */
  maxHeadBytes: number;
  /** Most field lines; 431 beyond. */
  maxFields: number;
}

/** Bounds that no browser meets and no attacker enjoys. */
export const DEFAULT_HEAD_LIMITS: Readonly<HeadLimits> = { maxTargetBytes: 8192, maxHeadBytes: 16384, maxFields: 100 };

/** Longest method; a longer token is not one that anybody implements (501, RFC 9112 section 3). */
const MAX_METHOD_BYTES = 32;
/** Empty lines tolerated before the request line (RFC 9112 section 2.2 asks for at least one). */
const MAX_EMPTY_LINES = 4;
const GET_SPACE = 0x20544547;
const FRAMING_FIELDS =
  (1 << Field.host) |
  (1 << Field.connection) |
  (1 << Field.contentLength) |
  (1 << Field.transferEncoding) |
  (1 << Field.expect);

// Framing state of the head being parsed. Module variables, for a parse never yields: they spare the head two fields.
let transferCoding: number = TransferCoding.NONE;
let connectionOptions = 0;

/**
 * Parses one request head.
 *
 * @param bytes borrowed; only `start` up to `end` is read
 * @param head filled; its offsets are indices into `bytes`
 * @param seen how many bytes from `start` an earlier call already answered with 0. With it a head that trickles in costs
 *   time linear in its length: past the first KiB it is parsed again only when a line has ended or its length has doubled,
 *   so an error in an unfinished line may be told that much later.
 * @returns more than 0: the bytes consumed. 0: incomplete, call again from the same `start` with more bytes. Less than 0:
 *   the negated status to refuse with (400, 414, 431, 501, 505); the connection must then be closed.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  start: number,
  end: number,
  head: RequestHead,
  limits: Readonly<HeadLimits>,
  seen = 0,
): number {
  if (seen > 0 && !worthParsing(bytes, start, end, seen, limits)) return 0;
  // The head may not reach past this; running into it is "too long" if the limit set it and "incomplete" if the bytes did.
  const bound = Math.min(end, start + limits.maxHeadBytes);
  const ranOut = bound < start + limits.maxHeadBytes ? 0 : -431;
  head.borrow(bytes);
  reset(start, head);
  const fieldsStart = parseRequestLine(bytes, start, bound, ranOut, head, limits.maxTargetBytes);
  if (fieldsStart <= 0) return fieldsStart;
  head.fieldsStart = fieldsStart;
  const headEnd = parseFields(bytes, fieldsStart, bound, ranOut, head, limits.maxFields);
  if (headEnd <= 0) return headEnd;
  head.length = headEnd - start;
  return conclude(head);
}

/**
 * The request line, method SP request-target SP HTTP-version CRLF with single spaces (RFC 9112 section 3), and empty lines
 * before it. Returns the offset behind it, or 0 or less as parseRequestHead does.
 */
function parseRequestLine(
  bytes: Uint8Array,
  start: number,
  bound: number,
  ranOut: number,
  head: RequestHead,
  maxTargetBytes: number,
): number {
  // Local names: an imported binding is read from its module cell at every use.
  const tokenTable = TOKEN;
  const targetTable = TARGET;
  const view = head.view;
  let index = start;
  for (let lines = 0; index < bound && bytes[index] === CR; lines++) {
    if (index + 1 === bound) return ranOut;
    if (bytes[index + 1] !== LF || lines === MAX_EMPTY_LINES) return -400;
    index += 2;
  }

  head.methodStart = index;
  if (index + 4 <= bound && view.getInt32(index, true) === GET_SPACE) {
    index += 3;
    head.method = Method.GET;
  } else {
    const methodBound = Math.min(bound, index + MAX_METHOD_BYTES + 1);
    while (index < methodBound && tokenTable[bytes[index]!] !== 0) index++;
    if (index === methodBound) return index - head.methodStart > MAX_METHOD_BYTES ? -501 : ranOut;
    if (bytes[index] !== SP || index === head.methodStart) return -400;
    head.method = methodNumber(bytes, head.methodStart, index);
  }
  head.methodEnd = index;

  const targetStart = ++index;
  const targetBound = Math.min(bound, targetStart + maxTargetBytes + 1);
  while (index < targetBound && targetTable[bytes[index]!] === 1) index++;
  const pathEnd = index;
  while (index < targetBound && targetTable[bytes[index]!] !== 0) index++;
  head.targetStart = targetStart;
  head.targetEnd = index;
  if (index === targetBound) return index - targetStart > maxTargetBytes ? -414 : ranOut;
  if (bytes[index] !== SP || index === targetStart) return -400;
  index++;

  const version = readVersion(bytes, view, index, bound);
  if (version <= 0) return version < 0 ? version : ranOut;
  head.versionMinor = version - 1;
  index += VERSION_BYTES;
  return splitTarget(bytes, head, pathEnd) ? index : -400;
}

/**
 * The field lines, name ":" OWS value OWS CRLF (RFC 9112 section 5), up to and with the empty line. Returns the offset behind
 * it, or 0 or less as parseRequestHead does.
 */
function parseFields(
  bytes: Uint8Array,
  start: number,
  bound: number,
  ranOut: number,
  head: RequestHead,
  maxFields: number,
): number {
  const tokenTable = TOKEN;
  const valueTable = VALUE;
  const view = head.view;
  const wordBound = bound - 4;
  let index = start;
  let fields = 0;
  for (;;) {
    const slot = fieldSlot(bytes, view, index, bound);
    if (slot >= 0) {
      index += FIELD_NAME_LENGTH[slot]!;
    } else {
      const nameStart = index;
      while (index < bound && tokenTable[bytes[index]!] !== 0) index++;
      if (index === bound) return ranOut;
      if (bytes[index] !== COLON || index === nameStart) {
        if (bytes[index] !== CR || index !== nameStart) return -400;
        if (index + 1 === bound) return ranOut;
        if (bytes[index + 1] !== LF) return -400;
        break;
      }
    }
    if (fields === maxFields) return -431;
    fields++;
    index++;
    while (index < bound && (bytes[index] === SP || bytes[index] === HTAB)) index++;
    const valueStart = index;
    // Four bytes at a time as long as each is SP or VCHAR; whatever is not, the byte loop looks at.
    while (index <= wordBound) {
      const word = view.getInt32(index, true);
      if (((word | (word - 0x20202020) | (word + 0x01010101)) & 0x80808080) !== 0) break;
      index += 4;
    }
    while (index < bound && valueTable[bytes[index]!] !== 0) index++;
    if (index === bound) return ranOut;
    if (bytes[index] !== CR) return -400;
    let valueEnd = index;
    if (++index === bound) return ranOut;
    if (bytes[index] !== LF) return -400;
    index++;
    if (slot < 0) continue;
    while (valueEnd > valueStart && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HTAB)) valueEnd--;
    const bit = 1 << slot;
    if ((head.fieldPresent & bit) === 0) {
      head.fieldPresent |= bit;
      head.fieldStart[slot] = valueStart;
      head.fieldEnd[slot] = valueEnd;
    } else {
      head.fieldRepeated |= bit;
    }
    if ((FRAMING_FIELDS & bit) !== 0 && !applyField(bytes, valueStart, valueEnd, slot, head)) return -400;
  }
  head.fieldCount = fields;
  return index + 2;
}

/** Heads up to this long are parsed again at every piece: at most half a megabyte looked at in all, in a millisecond. */
const ALWAYS_PARSED_BYTES = 1024;

/** Whether bytes that came since the last attempt can change its answer, or it is time to look at an unfinished line. */
function worthParsing(bytes: Uint8Array, start: number, end: number, seen: number, limits: HeadLimits): boolean {
  const length = end - start;
  if (length <= ALWAYS_PARSED_BYTES || length >= limits.maxHeadBytes) return true;
  if (Math.clz32(length) !== Math.clz32(seen)) return true;
  for (let index = start + seen; index < end; index++) if (bytes[index] === LF) return true;
  return false;
}

function reset(start: number, head: RequestHead): void {
  for (let present = head.fieldPresent; present !== 0; present &= present - 1) {
    const slot = 31 - Math.clz32(present & -present);
    head.fieldStart[slot] = -1;
    head.fieldEnd[slot] = -1;
  }
  head.start = start;
  head.length = 0;
  head.method = Method.OTHER;
  head.methodEnd = head.targetStart = head.targetEnd = -1;
  head.pathStart = head.pathEnd = head.queryStart = head.queryEnd = -1;
  head.authorityStart = head.authorityEnd = -1;
  head.asteriskForm = head.chunked = head.expectContinue = false;
  head.contentLength = -1;
  head.fieldPresent = head.fieldRepeated = 0;
  transferCoding = TransferCoding.NONE;
  connectionOptions = 0;
}

/** Takes in one of the fields that decide framing; false when it is invalid. */
function applyField(bytes: Uint8Array, start: number, end: number, slot: number, head: RequestHead): boolean {
  const repeated = (head.fieldRepeated & (1 << slot)) !== 0;
  switch (slot) {
    case Field.host:
      return !repeated && isHost(bytes, start, end);
    case Field.contentLength:
      if (repeated) return false;
      head.contentLength = readContentLength(bytes, start, end);
      return head.contentLength >= 0;
    case Field.transferEncoding:
      transferCoding = readTransferEncoding(bytes, start, end, transferCoding);
      return transferCoding !== TransferCoding.BAD;
    case Field.connection:
      connectionOptions |= readConnection(bytes, start, end);
      return true;
    default:
      // An HTTP/1.0 client does not know what to do with an interim response (RFC 9110 section 10.1.1).
      head.expectContinue = head.versionMinor === 1 && isExpectContinue(bytes, start, end);
      return true;
  }
}

/** What only the whole head can tell: framing, persistence, the presence of Host. */
function conclude(head: RequestHead): number {
  const present = head.fieldPresent;
  if (head.versionMinor === 1 && (present & (1 << Field.host)) === 0) return -400;
  if ((present & (1 << Field.transferEncoding)) !== 0) {
    // Transfer-Encoding beside Content-Length or in HTTP/1.0 is how requests are smuggled (RFC 9112 section 6.1).
    if ((present & (1 << Field.contentLength)) !== 0 || head.versionMinor === 0) return -400;
    if (transferCoding === TransferCoding.OTHER_THEN_CHUNKED) return -501;
    if (transferCoding !== TransferCoding.CHUNKED) return -400;
    head.chunked = true;
  }
  head.keepAlive =
    (connectionOptions & ConnectionOption.CLOSE) === 0 &&
    (head.versionMinor === 1 || (connectionOptions & ConnectionOption.KEEP_ALIVE) !== 0);
  return head.length;
}
