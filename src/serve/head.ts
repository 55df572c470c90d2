// Response heads as text, and memory to send text from. Heads of hot responses are made once and kept in their frame;
// the ones made here for each request are for everything that is not hot.

import { CopyReason, encodeText, textBytes } from '../memory/copy.js';
import { FramePool } from '../memory/frame-pool.js';
import { Region } from '../memory/region.js';
import type { Connection } from '../transport/connection.js';
import type { Lender } from '../transport/output.js';
import { formatHttpDate } from '../wire/http/date.js';
import type { RequestHead } from '../wire/http1/request.js';
import { reasonPhrase } from '../wire/http1/status.js';
import { isDate } from './identity.js';
import type { Resource } from './resource.js';
import { type FieldMap, type HeaderRule, mostRuleBytesOf, rulesOf } from './response-headers.js';

/** A head: status line, Server, Date, the fields (each ending in CRLF), and the empty line. */
export function makeHead(status: number, fields: string, date: string): string {
  return `HTTP/1.1 ${status} ${reasonPhrase(status)}\r\nServer: clearway\r\nDate: ${date}\r\n${fields}\r\n`;
}

/** Field policy of a server: what every response carries beside its own. */
export interface FieldPolicy {
  /** Cache-Control of files; undefined: `no-cache`, and `immutable` for names that carry a hash. */
  readonly cacheControl: string | undefined;
  /** Whether any origin may read the responses. */
  readonly cors: boolean;
  /** Fields that the operator adds to every response, checked. */
  readonly headers: Readonly<Record<string, string>>;
  /** Fields that the operator adds to files by their path, checked. */
  readonly headerRules?: readonly HeaderRule[];
  /** Names that stand for their directory. */
  readonly index?: readonly string[];
  /** The root's index answers unknown pages, to those who accept HTML. */
  readonly spa?: boolean;
}

const hashedCacheControl = 'public, max-age=31536000, immutable';

/**
 * What a script of another origin may read beside the fields that Fetch lets it see (section 3.3.1, CORS-safelisted response-header
 * names): what it needs to ask for ranges, and to tell versions apart.
 */
const exposed = ['Accept-Ranges', 'Content-Encoding', 'Content-Length', 'Content-Range', 'Date', 'ETag', 'Retry-After'];

/** Characters of names that are listed for scripts of other origins. */
const mostExposed = 1024;

/** What stands in the way of a shared cache that would keep an answer that the next request should not get. */
const notKept = 'Cache-Control: no-cache\r\n';

/** Makes the fields that belong to responses of one server. */
export class FieldWriter {
  /** What every response carries. */
  readonly common: string;
  /** Fields of a 404: caches keep one by themselves (RFC 9110 section 15.1), and with `spa` another client gets the page. */
  readonly missing: string;
  /** Bytes that the operator's fields take in a head at most. */
  readonly mostBytes: number;
  readonly #policy: FieldPolicy;
  readonly #rules: readonly HeaderRule[];
  readonly #isHashedName: (path: string) => boolean;
  /** {@link common} by name. */
  readonly #common: FieldMap;

  /** @param isHashedName tells names that change with their content. */
  constructor(policy: FieldPolicy, isHashedName: (path: string) => boolean) {
    this.#policy = policy;
    this.#rules = policy.headerRules ?? [];
    this.#isHashedName = isHashedName;
    this.#common = commonFields(policy, this.#rules);
    this.common = linesOf(this.#common);
    this.missing = `${policy.spa === true ? 'Vary: Accept\r\n' : ''}${notKept}${this.common}`;
    this.mostBytes = this.common.length + mostRuleBytesOf(this.#rules);
  }

  /** Fields that a 200, a 206 and a 304 of a resource share. `varies`: another coding might have been chosen. */
  validators(resource: Resource, varies: boolean): string {
    const { lastModifiedSeconds: seconds } = resource;
    const date = isDate(seconds) ? `Last-Modified: ${formatHttpDate(seconds)}\r\n` : '';
    return (
      `${date}ETag: ${resource.etag}\r\n` + `${varies ? 'Vary: Accept-Encoding\r\n' : ''}${this.policyOf(resource)}`
    );
  }

  /** What caches may do with a resource, the operator's fields, and its own. */
  policyOf({ sourcePath, cacheControl, fields = '' }: Resource): string {
    return (cacheControl === undefined ? this.policy(sourcePath) : this.#ofPath(sourcePath, cacheControl)) + fields;
  }

  /** Of a file at a path (of an encoded one, the path without the coding): what caches may do with it, and the operator's fields. */
  policy(path: string): string {
    const hashed = this.#policy.cacheControl === undefined && this.#isHashedName(path);
    return this.#ofPath(path, this.#policy.cacheControl ?? (hashed ? hashedCacheControl : 'no-cache'));
  }

  /** The same of what a document with includes was made into: it never lasts as its name says. */
  composed(path: string): string {
    return this.#ofPath(path, this.#policy.cacheControl || 'no-cache');
  }

  #ofPath(path: string, own: string): string {
    const fields = this.#rulesOf(path);
    const given = fields.get('cache-control');
    const cacheControl = given === undefined ? own : (given[1] ?? '');
    const vary = this.#policy.spa === true && this.#isIndex(path) && !path.includes('/') ? 'Vary: Accept\r\n' : '';
    return `${cacheControl === '' ? '' : `Cache-Control: ${cacheControl}\r\n`}${vary}${this.#others(fields)}`;
  }

  /**
   * Fields of a 412 and a 416: which version did not fit, and nothing that lets a cache keep the refusal in the place of
   * the file (RFC 9111 section 3: an explicit lifetime makes any final status storable).
   */
  refused(resource: Resource, varies: boolean): string {
    const others = this.#others(this.#rulesOf(resource.sourcePath));
    return `ETag: ${resource.etag}\r\n${varies ? 'Vary: Accept-Encoding\r\n' : ''}${others}`;
  }

  /** Fields that describe a resource's content. */
  content({ contentType, coding }: Pick<Resource, 'contentType' | 'coding'>): string {
    const encoding = coding === undefined ? '' : `Content-Encoding: ${coding}\r\n`;
    return `Content-Type: ${contentType}\r\n${encoding}Accept-Ranges: bytes\r\n`;
  }

  #isIndex(path: string): boolean {
    return this.#policy.index?.includes(path.slice(path.lastIndexOf('/') + 1)) === true;
  }

  #rulesOf(path: string): FieldMap {
    if (this.#rules.length === 0) return noFields;
    const names = [`/${path}`];
    if (this.#isIndex(path)) names.push(`/${path.slice(0, path.lastIndexOf('/') + 1)}`);
    else if (path.endsWith('.html')) names.push(`/${path.slice(0, -'.html'.length)}`);
    return rulesOf(this.#rules, names);
  }

  /** What every response carries, as a file's rules change it; without Cache-Control. */
  #others(fields: FieldMap): string {
    if (fields.size === 0) return this.common;
    const merged = new Map([...this.#common, ...fields]);
    merged.delete('cache-control');
    return linesOf(merged);
  }
}

/** The answer to what a browser asks before a request that a page of another origin makes, with fields of its own (Range, If-None-Match, ...). */
export function preflightFields(methods: string, wanted: string | undefined): string {
  const names = wanted !== undefined && /^[!#$%&'*+.^`|~\w\s,-]{1,1024}$/.test(wanted) ? wanted : undefined;
  return (
    `Access-Control-Allow-Methods: ${methods}\r\nAccess-Control-Max-Age: 86400\r\n` +
    `Vary: Access-Control-Request-Method, Access-Control-Request-Headers\r\n` +
    `${names === undefined ? '' : `Access-Control-Allow-Headers: ${names}\r\n`}`
  );
}

const noFields: FieldMap = new Map();

function linesOf(fields: FieldMap): string {
  let lines = '';
  for (const [name, value] of fields.values()) if (value !== null) lines += `${name}: ${value}\r\n`;
  return lines;
}

/** What every response carries; what the operator sets takes the place of our own. */
function commonFields({ cors, headers }: FieldPolicy, rules: readonly HeaderRule[]): FieldMap {
  const own: Array<readonly [string, string]> = [['X-Content-Type-Options', 'nosniff']];
  if (cors) {
    // A script may also read what the operator adds; where that is too much, whatever there is.
    const added = [headers, ...rules.map(({ set }) => set)].flatMap((each) => Object.keys(each));
    const names = new Map([...added, ...exposed].map((name) => [name.toLowerCase(), name]));
    const list = [...names.values()].sort().join(', ');
    own.push(['Access-Control-Allow-Origin', '*']);
    own.push(['Access-Control-Expose-Headers', list.length > mostExposed ? '*' : list]);
  }
  return new Map([...own, ...Object.entries(headers)].map((each) => [each[0].toLowerCase(), each]));
}

const headFrameBytes = 4096;
const headFrames = 2048;
const framesSeen = 64;

/** Memory that texts are sent from: a pooled frame, or for a long one a region of its own. */
export class TextMemory implements Lender {
  readonly #pool = new FramePool(headFrames, headFrameBytes, framesSeen);
  /** Regions of long texts, and of several, with the number of texts that are not sent yet. */
  readonly #regions = new Map<number, { readonly region: Region; texts: number }>();
  #nextRegion = -2;

  /** Pooled frames in use, and long texts. */
  get leased(): number {
    return this.#pool.leased + this.#regions.size;
  }

  /** Queues a text on a connection. Returns its bytes. */
  send<S>(connection: Connection<S>, text: string): number {
    // A character of UTF-16 is at most three bytes of UTF-8.
    const frame = text.length * 3 <= headFrameBytes ? this.#pool.lease() : -1;
    if (frame >= 0) {
      const at = this.#pool.offset(frame);
      const target = this.#pool.region.bytes.subarray(at, at + headFrameBytes);
      const bytes = encodeText(CopyReason.encode, target, 0, text);
      connection.sendSegment(this.#pool.address(frame), bytes, this, frame);
      return bytes;
    }
    return this.sendAround(connection, [text], () => {});
  }

  /**
   * Queues texts that lie side by side in one region, and calls `between` after each: what it queues goes behind that
   * text. A region for all, since a reader that stalls holds them all. Returns the texts' bytes.
   */
  sendAround<S>(connection: Connection<S>, texts: readonly string[], between: (index: number) => void): number {
    const lengths = texts.map((text) => textBytes(text));
    const total = lengths.reduce((sum, length) => sum + length, 0);
    const region = new Region(Math.max(total, 1));
    const cookie = this.#nextRegion--;
    this.#regions.set(cookie, { region, texts: texts.length });
    let at = 0;
    texts.forEach((text, index) => {
      encodeText(CopyReason.encode, region.bytes.subarray(at, at + lengths[index]!), 0, text);
      at += lengths[index]!;
    });
    at = 0;
    texts.forEach((_, index) => {
      connection.sendSegment(region.address + at, lengths[index]!, this, cookie);
      at += lengths[index]!;
      between(index);
    });
    return total;
  }

  /** Gives the memory back; only when nothing is sent from it any more. */
  unmap(): void {
    this.#pool.unmap();
    for (const { region } of this.#regions.values()) region.unmap();
    this.#regions.clear();
  }

  /** The text was sent. */
  release(cookie: number): void {
    if (cookie >= 0) {
      this.#pool.release(cookie);
      return;
    }
    const shared = this.#regions.get(cookie);
    if (shared === undefined || --shared.texts > 0) return;
    this.#regions.delete(cookie);
    shared.region.unmap();
  }
}

/** What a response says about its connection. */
export function persistenceField(head: Pick<RequestHead, 'versionMinor'> | undefined, close: boolean): string {
  if (close) return 'Connection: close\r\n';
  return head?.versionMinor === 0 ? 'Connection: keep-alive\r\n' : '';
}
