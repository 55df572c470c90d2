// Response heads as text, and memory to send text from. Heads of hot responses are made once and kept in their frame;
// the ones made here for each request are for everything that is not hot.

import { CopyReason, encodeText, textBytes } from '../memory/copy.js';
import { FramePool } from '../memory/frame-pool.js';
import { Region } from '../memory/region.js';
import type { Connection } from '../transport/connection.js';
import type { Lender } from '../transport/output.js';
import type { RequestHead } from '../wire/http1/request.js';
import { reasonPhrase } from '../wire/http1/status.js';
import { datePlaceholder } from './frame-cache.js';
import type { Representation } from './representation.js';
import { headerLines } from './response-headers.js';

/** A head: status line, Server, Date, the fields (each ending in CRLF), and the empty line. */
export function makeHead(status: number, fields: string, date: string = datePlaceholder): string {
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
}

const hashedCacheControl = 'public, max-age=31536000, immutable';

/** Makes the fields that belong to responses of one server. */
export class FieldWriter {
  /** What every response carries. */
  readonly common: string;
  readonly #policy: FieldPolicy;
  readonly #isHashedName: (path: string) => boolean;

  /** @param isHashedName tells names that change with their content. */
  constructor(policy: FieldPolicy, isHashedName: (path: string) => boolean) {
    this.#policy = policy;
    this.#isHashedName = isHashedName;
    const isOwn = Object.keys(policy.headers).some((name) => name.toLowerCase() === 'x-content-type-options');
    const sniffing = isOwn ? '' : 'X-Content-Type-Options: nosniff\r\n';
    const origin = policy.cors ? 'Access-Control-Allow-Origin: *\r\n' : '';
    this.common = sniffing + origin + headerLines(policy.headers);
  }

  /** Fields that a 200, a 206 and a 304 of a representation share. `varies`: another coding might have been chosen. */
  validators(representation: Representation, varies: boolean): string {
    const hashed = this.#policy.cacheControl === undefined && this.#isHashedName(representation.path);
    const cacheControl = this.#policy.cacheControl ?? (hashed ? hashedCacheControl : 'no-cache');
    return (
      `Last-Modified: ${representation.lastModified}\r\nETag: ${representation.etag}\r\n` +
      `${cacheControl === '' ? '' : `Cache-Control: ${cacheControl}\r\n`}${varies ? 'Vary: Accept-Encoding\r\n' : ''}${this.common}`
    );
  }

  /**
   * Fields of a 412 and a 416: which version did not fit, and nothing that lets a cache keep the refusal in the place of
   * the file (RFC 9111 section 3: an explicit lifetime makes any final status storable).
   */
  refused(representation: Representation, varies: boolean): string {
    return `ETag: ${representation.etag}\r\n${varies ? 'Vary: Accept-Encoding\r\n' : ''}${this.common}`;
  }

  /** Fields that describe a representation's content. */
  content(representation: Representation): string {
    const coding = representation.coding === undefined ? '' : `Content-Encoding: ${representation.coding}\r\n`;
    return `Content-Type: ${representation.contentType}\r\n${coding}Accept-Ranges: bytes\r\n`;
  }
}

const headFrameBytes = 4096;
const headFrames = 2048;

/** Memory that texts are sent from: a pooled frame, or for a long one a region of its own. */
export class TextMemory implements Lender {
  readonly #pool = new FramePool(headFrames, headFrameBytes);
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
export function persistenceField(head: RequestHead | undefined, close: boolean): string {
  if (close) return 'Connection: close\r\n';
  return head?.versionMinor === 0 ? 'Connection: keep-alive\r\n' : '';
}
