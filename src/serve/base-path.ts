// A base path: the site is served beneath `/docs`, as it is when a proxy hands requests on with their path. The request's head is led
// past it, byte by byte, before anybody looks at the path. Not here: what is answered.

import type { RequestHead } from '../wire/http1/request.js';

const SLASH = 0x2f;
const longest = 256;

/** A base without the slash at its end; empty for `/`; undefined for what is none: it is compared byte by byte, so it has one spelling. */
export function basePathOf(text: unknown): string | undefined {
  if (typeof text !== 'string' || text.length > longest || !/^\/[a-z0-9._~!$&'()*+,;=:@/-]*$/i.test(text))
    return undefined;
  const base = text.replace(/\/$/, '');
  return /\/(?:\/|\.{1,2}(?:\/|$))|\/$/.test(base) ? undefined : base;
}

/** Where a request is, seen from a base path. */
export const Place = { outside: 0, beneath: 1, itself: 2 } as const;

/** See the file's head. */
export class BasePath {
  readonly #bytes: Uint8Array;

  /** @param base of {@link basePathOf}, not empty */
  constructor(base: string) {
    this.#bytes = new TextEncoder().encode(base);
  }

  /** Leads a head past the base, where it is beneath it; one of {@link Place}. A target that is no path is left as it is. */
  enter(head: RequestHead): number {
    const { bytes, pathStart, pathEnd } = head;
    const base = this.#bytes;
    if (pathStart < 0) return Place.beneath;
    let at = 0;
    while (at < base.length && pathStart + at < pathEnd && bytes[pathStart + at] === base[at]) at++;
    const end = pathStart + at;
    if (at < base.length) return Place.outside;
    if (end === pathEnd) return Place.itself;
    if (bytes[end] !== SLASH) return Place.outside;
    head.pathStart = end;
    return Place.beneath;
  }
}
