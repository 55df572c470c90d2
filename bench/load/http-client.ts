// The client that checks and asks, not the one that loads: one GET, its body hashed and thrown away.

import { createHash } from 'node:crypto';
import { request } from 'node:http';
import { connect } from 'node:net';

/** What one GET returned. */
export interface Fetched {
  readonly status: number;
  readonly bodyBytes: number;
  readonly sha256: string;
  /** The body as text when it is at most 1 MiB and `keepText` was asked for. */
  readonly text: string;
}

const textLimitBytes = 1 << 20;

/** GETs `url` on a connection of its own and reads the body to its end. @throws when that takes over `limitMs`. */
export async function get(url: string, limitMs = 60_000, keepText = false): Promise<Fetched> {
  return new Promise((resolve, reject) => {
    const outgoing = request(url, { agent: false, headers: { Connection: 'close' } }, (response) => {
      const hash = createHash('sha256');
      let bodyBytes = 0;
      let text = '';
      response.on('data', (chunk: Buffer) => {
        hash.update(chunk);
        bodyBytes += chunk.length;
        if (keepText && bodyBytes <= textLimitBytes) text += chunk.toString('latin1');
      });
      response.on('error', reject);
      response.on('close', () => {
        clearTimeout(timer);
        if (!response.complete) reject(new Error(`${url}: the response ended after ${bodyBytes} bytes of body`));
        resolve({ status: response.statusCode ?? 0, bodyBytes, sha256: hash.digest('hex'), text });
      });
    });
    const timer = setTimeout(() => outgoing.destroy(new Error(`${url}: no answer within ${limitMs} ms`)), limitMs);
    outgoing.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    outgoing.end();
  });
}

/** The bytes of the head, final empty line included, of the answer to a GET on a connection that is kept alive. */
export async function headBytesOf(url: string, limitMs = 5000): Promise<number> {
  const { hostname, host, port, pathname } = new URL(url);
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect({ host: hostname, port: Number(port) });
    socket.setTimeout(limitMs, () => socket.destroy(new Error(`${url}: no head within ${limitMs} ms`)));
    socket.setEncoding('latin1');
    socket.on('data', (part: string) => {
      text += part;
      const end = text.indexOf('\r\n\r\n');
      if (end < 0) return;
      socket.destroy();
      resolve(end + 4);
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`${url}: closed without a head`)));
    socket.write(`GET ${pathname} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  });
}

/** What came back for the bytes of one request. */
export interface Exchanged {
  readonly status: number;
  /** With its final empty line. */
  readonly head: string;
  readonly bodyBytes: number;
  readonly sha256: string;
}

/** The length of the body behind a head. @throws when the head does not say it. */
function bodyLength(status: number, head: string, request: string): number {
  if (request.startsWith('HEAD ') || status === 304 || status === 204) return 0;
  const length = /^content-length: *(\d+) *\r$/im.exec(head);
  if (!length) throw new Error(`an answer with status ${status} and no Content-Length`);
  return Number(length[1]);
}

/** Sends the bytes of one request on a connection of its own and reads the answer. @throws when it is not whole in `limitMs`. */
export async function exchange(origin: string, request: string, limitMs = 60_000): Promise<Exchanged> {
  const { hostname, port } = new URL(origin);
  const hash = createHash('sha256');
  const socket = connect({ host: hostname, port: Number(port) });
  const timer = setTimeout(() => socket.destroy(new Error(`no whole answer within ${limitMs} ms`)), limitMs);
  let start = Buffer.alloc(0);
  let head = '';
  let status = 0;
  let wanted = Number.POSITIVE_INFINITY;
  let bodyBytes = 0;
  const takeBody = (part: Buffer): void => {
    hash.update(part);
    bodyBytes += part.length;
  };
  try {
    socket.write(request);
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      if (head === '') {
        start = Buffer.concat([start, chunk]);
        const end = start.indexOf('\r\n\r\n');
        if (end < 0) continue;
        head = start.toString('latin1', 0, end + 4);
        status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? Number.NaN);
        wanted = bodyLength(status, head, request);
        takeBody(start.subarray(end + 4));
      } else takeBody(chunk);
      if (bodyBytes >= wanted) break;
    }
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
  if (bodyBytes !== wanted) throw new Error(`the answer ended after ${bodyBytes} of ${wanted} bytes of body`);
  return { status, head, bodyBytes, sha256: hash.digest('hex') };
}

/** One sample of a Prometheus text page. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Reads the Prometheus text format, version 0.0.4: comments skipped, labels without escapes beyond backslash and quote. */
export function parsePrometheus(text: string): Sample[] {
  const samples: Sample[] = [];
  for (const line of text.split('\n')) {
    const match = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})?\s+(\S+)/.exec(line);
    if (!match) continue;
    const labels: Record<string, string> = {};
    for (const [, key, value] of (match[2] ?? '').matchAll(/([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"/g)) {
      labels[key!] = value!.replace(/\\(.)/g, '$1');
    }
    const value = match[3] === '+Inf' ? Number.POSITIVE_INFINITY : Number(match[3]);
    samples.push({ name: match[1]!, labels, value });
  }
  return samples;
}

/** Reads a metrics page. @throws when it does not answer with 200. */
export async function readMetrics(url: string): Promise<Sample[]> {
  const page = await get(url, 5000, true);
  if (page.status !== 200) throw new Error(`${url} answered ${page.status}`);
  return parsePrometheus(page.text);
}

/** The sum over all samples of a name whose labels contain `labels`; undefined when there is none. */
export function sumOf(
  samples: readonly Sample[],
  name: string,
  labels: Record<string, string> = {},
): number | undefined {
  const wanted = Object.entries(labels);
  const matching = samples.filter(
    (sample) => sample.name === name && wanted.every(([key, value]) => sample.labels[key] === value),
  );
  return matching.length === 0 ? undefined : matching.reduce((sum, sample) => sum + sample.value, 0);
}
