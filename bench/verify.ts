// Before a peer is measured in a row its answers are checked: status, head, length, bytes. Afterwards what the load counted is
// held against them. A peer that serves errors, or something else than was asked, must not look fast.

import { exchange } from './load/http-client.js';
import type { LoadResult } from './load/load-result.js';
import { type Ask, type Asking, type FilePart, requestText } from './requests.js';

/** Bytes of one response. */
export interface ResponseSize {
  readonly headBytes: number;
  readonly bodyBytes: number;
  /** Every response has this size; otherwise these are means. */
  readonly uniform: boolean;
}

/** How many different requests of a row are checked. */
const sampleCount = 50;

/**
 * Sends one request to `origin` and compares.
 * @param hashOf the SHA-256 of a part of a served file
 * @throws saying what was wrong with the answer.
 */
async function verifyAsk(
  origin: string,
  ask: Ask,
  hashOf: (part: FilePart) => string,
): Promise<{ headBytes: number; bodyBytes: number }> {
  const what = `${ask.method} ${ask.target}`;
  const answer = await exchange(origin, requestText(ask, new URL(origin).host));
  if (answer.status !== ask.status) {
    throw new Error(`${what} was answered with status ${answer.status} and not ${ask.status}`);
  }
  if (ask.head && !ask.head.test(answer.head)) throw new Error(`${what}: the head lacks ${ask.head.source}`);
  if (typeof ask.body === 'object') {
    const { bytes } = ask.body;
    if (answer.bodyBytes !== bytes) throw new Error(`${what} has ${bytes} bytes and ${answer.bodyBytes} arrived`);
    if (answer.sha256 !== hashOf(ask.body)) throw new Error(`${what} arrived with other bytes than it has on disk`);
  }
  return { headBytes: answer.head.length, bodyBytes: answer.bodyBytes };
}

/** Evenly spread over a list, its first and last among them. */
export function sampleOf<Item>(list: readonly Item[], count = sampleCount): Item[] {
  if (list.length <= count) return [...list];
  return Array.from({ length: count }, (_, index) => list[Math.round((index * (list.length - 1)) / (count - 1))]!);
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Checks a row's requests, or a sample of them, at one peer. @throws saying what was wrong. */
export async function verify(
  origin: string,
  { asks }: Asking,
  hashOf: (part: FilePart) => string,
): Promise<ResponseSize> {
  const sizes = [];
  for (const ask of sampleOf(asks)) sizes.push(await verifyAsk(origin, ask, hashOf));
  const bodies = asks.flatMap(({ body }) => (typeof body === 'object' ? [body.bytes] : []));
  const heads = sizes.map(({ headBytes }) => headBytes);
  const arrived = sizes.map(({ bodyBytes }) => bodyBytes);
  return {
    headBytes: mean(heads),
    bodyBytes: mean(bodies.length === asks.length ? bodies : arrived),
    uniform: new Set([...heads.map((bytes) => `head ${bytes}`), ...arrived.map((bytes) => `body ${bytes}`)]).size === 2,
  };
}

/** Responses of different sizes: how far the mean of a run may be from that of the list. */
const meanTolerance = 0.05;
const fewestForMean = 2000;

/**
 * Holds what a load counted against the size of the verified responses: a server that began to answer with something else is
 * found by its bytes. The end of a run cuts at most one response a connection off.
 * @returns what is wrong, in words
 */
export function countTrouble(result: LoadResult, size: ResponseSize, connections: number): string | undefined {
  const each = size.headBytes + size.bodyBytes;
  const { requests, bytes } = result;
  if (size.uniform) {
    const fewest = requests * each;
    const most = (requests + connections) * each;
    if (bytes >= fewest && bytes <= most) return undefined;
  } else {
    if (requests < fewestForMean || Math.abs(bytes / requests / each - 1) <= meanTolerance) return undefined;
  }
  return `${requests} responses of ${Math.round(each)} bytes were counted, and ${bytes} bytes arrived`;
}
