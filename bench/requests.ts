// The requests of the rows, as bytes, and what must come back for each. Here is only text: who sends it is load/, who checks the
// answers is verify.ts, which rows there are is rows.ts.

import { randomSource } from '../src/plan/answers/simulate.js';

/** A part of a served file. */
export interface FilePart {
  /** Relative to the served directory. */
  readonly path: string;
  readonly start: number;
  readonly bytes: number;
}

/** One request and the answer that is right. */
export interface Ask {
  readonly method: 'GET' | 'HEAD';
  readonly target: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly status: number;
  /** What the body must be; `any` where servers choose their own text (an error page), `none` where there is none. */
  readonly body: FilePart | 'any' | 'none';
  /** What the head must contain. */
  readonly head?: RegExp;
}

/** All requests of one row to one peer, and the order in which they are sent. */
export interface Asking {
  readonly asks: readonly Ask[];
  /** `random` draws with replacement, `sequence` goes round: every request differs from the one before. */
  readonly order: 'sequence' | 'random';
}

/** A file among many. */
export interface ManyFile {
  readonly path: string;
  readonly bytes: number;
}

/** What the requests of a row may depend on. */
export interface AskContext {
  /** The validators that this peer answered with for the 4 KiB file; undefined where it gave none. */
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
  /** The files of a site that has many. */
  readonly manyFiles: readonly ManyFile[];
}

/** The bytes of a request. @param host the value of its Host field */
export function requestText({ method, target, fields }: Ask, host: string): string {
  const lines = fields.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`;
}

/** GET of a whole file. */
export function getFile(path: string, bytes: number, fields: Ask['fields'] = []): Ask {
  return { method: 'GET', target: `/${path}`, fields, status: 200, body: { path, start: 0, bytes } };
}

/** One request, again and again. */
export function always(ask: Ask): Asking {
  return { asks: [ask], order: 'sequence' };
}

/** What Chromium sends for a part of a page, without a referrer: 12 fields with Host. */
export const browserFields: Ask['fields'] = [
  ['Connection', 'keep-alive'],
  ['sec-ch-ua-platform', '"Linux"'],
  [
    'User-Agent',
    'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  ],
  ['sec-ch-ua', '"Chromium";v="142", "Google Chrome";v="142", "Not_A Brand";v="99"'],
  ['sec-ch-ua-mobile', '?0'],
  ['Accept', 'image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8'],
  ['Sec-Fetch-Site', 'same-origin'],
  ['Sec-Fetch-Mode', 'no-cors'],
  ['Sec-Fetch-Dest', 'image'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Accept-Language', 'en-GB,en;q=0.9,de;q=0.8'],
];

/** A range of a file that has `size` bytes. */
export function getRange(path: string, size: number, start: number, bytes: number): Ask {
  const last = start + bytes - 1;
  return {
    method: 'GET',
    target: `/${path}`,
    fields: [['Range', `bytes=${start}-${last}`]],
    status: 206,
    body: { path, start, bytes },
    head: new RegExp(`^content-range: bytes ${start}-${last}/${size}\r$`, 'im'),
  };
}

/** `count` ranges of `bytes` bytes of one file, anywhere in it, from a seed. */
export function randomRanges(path: string, size: number, bytes: number, count: number, seed = 1): Asking {
  const random = randomSource(seed);
  const start = () => Math.floor(random() * (size - bytes + 1));
  return { asks: Array.from({ length: count }, () => getRange(path, size, start(), bytes)), order: 'random' };
}

/** A conditional GET that is answered with 304. @throws when the peer has no such validator. */
export function notModified(path: string, field: string, validator: string | undefined): Asking {
  if (validator === undefined) throw new Error(`it has no validator for ${field}`);
  return always({ method: 'GET', target: `/${path}`, fields: [[field, validator]], status: 304, body: 'none' });
}

/** Names that are not there, each another one. */
export function missing(count: number): Asking {
  const asks = Array.from({ length: count }, (_, index): Ask => {
    return { method: 'GET', target: `/missing-${index + 1000}.bin`, fields: [], status: 404, body: 'any' };
  });
  return { asks, order: 'random' };
}

/** One file, with another query in each request. */
export function queries(path: string, bytes: number, count: number, seed = 2): Asking {
  const random = randomSource(seed);
  const word = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  const asks = Array.from({ length: count }, (_, index) => {
    return { ...getFile(path, bytes), target: `/${path}?v=${word()}&n=${index}&utm_source=letter` };
  });
  return { asks, order: 'sequence' };
}
