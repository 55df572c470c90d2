// Preconditions of a request against the validators of what it would get (RFC 9110 section 13), in their order of precedence.
// Not here: Range, except for If-Range, the precondition that belongs to it.

import { parseHttpDate } from './date.js';
import { isEntityTag, matchesStrongly, matchesWeakly, parseEntityTagList } from './etag.js';

/** Values of the conditional fields as text, several lines joined; undefined for those that were not sent. */
export interface Preconditions {
  ifMatch?: string | undefined;
  ifNoneMatch?: string | undefined;
  ifModifiedSince?: string | undefined;
  ifUnmodifiedSince?: string | undefined;
}

/** Validators of the selected representation. */
export interface Validators {
  /** Entity tag with its quotes. */
  etag?: string | undefined;
  /** Modification time in whole seconds since 1970, as Last-Modified says it. */
  lastModifiedSeconds?: number | undefined;
  /** True when two versions may have one date (RFC 9110 section 8.8.2.2): then it never answers an If-Range. */
  isDateWeak?: boolean | undefined;
}

/** What the preconditions decide: go on (0), answer 304, or answer 412. */
export type Verdict = 0 | 304 | 412;

/**
 * Evaluates the preconditions in the order of RFC 9110 section 13.2.2, for a representation that exists and would be answered
 * with a 2xx.
 *
 * @param isGetOrHead whether the method is GET or HEAD: others never get a 304
 * @param nowSeconds for dates with a two-digit year
 */
export function evaluatePreconditions(
  isGetOrHead: boolean,
  preconditions: Readonly<Preconditions>,
  validators: Readonly<Validators>,
  nowSeconds?: number,
): Verdict {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince } = preconditions;
  const lastModified = validators.lastModifiedSeconds;

  if (ifMatch !== undefined) {
    if (!listMatches(ifMatch, validators.etag, matchesStrongly)) return 412;
  } else if (ifUnmodifiedSince !== undefined && lastModified !== undefined) {
    const since = parseHttpDate(ifUnmodifiedSince, nowSeconds);
    if (since !== undefined && lastModified > since) return 412;
  }

  if (ifNoneMatch !== undefined) {
    if (listMatches(ifNoneMatch, validators.etag, matchesWeakly)) return isGetOrHead ? 304 : 412;
  } else if (isGetOrHead && ifModifiedSince !== undefined && lastModified !== undefined) {
    const since = parseHttpDate(ifModifiedSince, nowSeconds);
    if (since !== undefined && lastModified <= since) return 304;
  }
  return 0;
}

/**
 * Whether a Range field is to be honoured under an If-Range (RFC 9110 section 13.1.5): an entity tag by strong comparison, a
 * date by exact equality. Anything else is false, and the whole representation is sent.
 */
export function evaluateIfRange(ifRange: string, validators: Readonly<Validators>, nowSeconds?: number): boolean {
  if (isEntityTag(ifRange)) return validators.etag !== undefined && matchesStrongly(ifRange, validators.etag);
  const date = parseHttpDate(ifRange, nowSeconds);
  return date !== undefined && date === validators.lastModifiedSeconds && validators.isDateWeak !== true;
}

/** A malformed list matches nothing: If-Match then fails, and If-None-Match leads to the whole representation. */
function listMatches(
  list: string,
  etag: string | undefined,
  matches: (left: string, right: string) => boolean,
): boolean {
  const tags = parseEntityTagList(list);
  if (tags === '*') return true;
  return tags !== undefined && etag !== undefined && tags.some((tag) => matches(tag, etag));
}
