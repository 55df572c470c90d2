// What a request for a resource is answered with: the verdict of its preconditions, the ranges. Pure decisions,
// the same for the server and for the doors into Node; sending is someone else's work.

import {
  evaluateIfRange,
  evaluatePreconditions,
  type Preconditions,
  type Validators,
} from '../wire/http/conditional.js';
import { type ByteRange, parseRange } from '../wire/http/range.js';
import { Field, type RequestHead } from '../wire/http1/request.js';
import { isDate } from './identity.js';
import type { Resource } from './resource.js';

/** The fields of a request that decide. */
export interface RequestFields extends Preconditions {
  readonly range: string | undefined;
  readonly ifRange: string | undefined;
}

/** The fields of a request's head that decide. */
export function requestFields(head: RequestHead): RequestFields {
  return {
    ifMatch: head.fieldText(Field.ifMatch),
    ifNoneMatch: head.fieldText(Field.ifNoneMatch),
    ifModifiedSince: head.fieldText(Field.ifModifiedSince),
    ifUnmodifiedSince: head.fieldText(Field.ifUnmodifiedSince),
    ifRange: head.fieldText(Field.ifRange),
    range: head.fieldText(Field.range),
  };
}

/** What to answer with: whole, parts, not modified, a failed precondition, or a range outside the file. */
export type Plan =
  | { readonly status: 200 | 304 | 412 | 416 }
  | { readonly status: 206; readonly ranges: readonly ByteRange[] };

const whole: Plan = { status: 200 };

/** Decides for a whole resource: see {@link planSpan}. */
export function planResponse(resource: Resource, fields: RequestFields, isGet: boolean): Plan {
  const { etag, lastModifiedSeconds: seconds, isDateStrong } = resource;
  const lastModifiedSeconds = isDate(seconds) ? seconds : undefined;
  const validators = { etag, lastModifiedSeconds, isDateWeak: !isDateStrong };
  return planSpan(validators, resource.size, fields, isGet);
}

/**
 * Decides in the order of RFC 9110 section 13.2.2; a Range counts for GET only (section 14.2).
 * @param size bytes of what is served, which ranges refer to.
 */
export function planSpan(validators: Validators, size: number, fields: RequestFields, isGet: boolean): Plan {
  const verdict = evaluatePreconditions(true, fields, validators);
  if (verdict !== 0) return { status: verdict };
  if (!isGet || fields.range === undefined) return whole;
  if (fields.ifRange !== undefined && !evaluateIfRange(fields.ifRange, validators)) return whole;
  const ranges = parseRange(fields.range, size);
  if (ranges === 'ignored') return whole;
  if (ranges === 'unsatisfiable') return { status: 416 };
  return { status: 206, ranges };
}
