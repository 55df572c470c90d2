// A program: N requests that end in every untidy way a client has, plus 304s and HEADs; prints one line of JSON with what it did.
// It is seeded, so a run can be repeated. Usage: node churn-load.js JSON, a ChurnPlan.

import { connect, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { randomSource } from '../../src/plan/answers/simulate.js';
import { ended, type Placing, startPinned } from '../host/child.js';
import { ResponseReader } from './response-reader.js';

/** What to do. */
export interface ChurnPlan {
  readonly origin: string;
  /** Served paths with the size of their bodies. */
  readonly files: readonly { readonly path: string; readonly bytes: number }[];
  readonly requests: number;
  readonly seed: number;
}

/** The ways in which a request ends. */
export const churnKinds = ['cutHead', 'goneAtOnce', 'cutBody', 'behindAnother', 'notModified', 'head'] as const;

/** How many requests ended in each way, and what should not have happened. */
export interface ChurnCounts {
  readonly ends: Record<(typeof churnKinds)[number], number>;
  readonly troubles: readonly string[];
}

const atOnce = 32;
const stepLimitMs = 10_000;

/** What one request does: the bytes it sends, and after how many received bytes it goes away. */
export interface ChurnStep {
  readonly kind: (typeof churnKinds)[number];
  readonly send: string;
  /** Leave once this many bytes have arrived; Infinity waits for the whole response. */
  readonly leaveAfterBytes: number;
  /** Leave with a reset instead of an orderly end. */
  readonly reset: boolean;
  readonly wantedStatus: number | undefined;
}

/** Draws the next step. @param lastModified for each file of the plan the Last-Modified that makes a 304 */
export function drawStep(random: () => number, plan: ChurnPlan, lastModified: readonly string[]): ChurnStep {
  const kind = churnKinds[Math.floor(random() * churnKinds.length)]!;
  const index = Math.floor(random() * plan.files.length);
  const file = plan.files[index]!;
  const host = new URL(plan.origin).host;
  const get = `GET ${file.path} HTTP/1.1\r\nHost: ${host}\r\n`;
  const reset = random() < 0.5;
  const share = random();
  const step = { kind, reset, wantedStatus: undefined };
  if (kind === 'cutHead')
    return { ...step, send: get.slice(0, 1 + Math.floor(share * get.length)), leaveAfterBytes: 0 };
  if (kind === 'goneAtOnce') return { ...step, send: `${get}\r\n`, leaveAfterBytes: 0 };
  // The cut is spread over the magnitudes: as often in the first kilobyte as in the last megabyte.
  const cut = Math.max(1, Math.floor(file.bytes ** share));
  if (kind === 'cutBody') return { ...step, send: `${get}\r\n`, leaveAfterBytes: cut };
  if (kind === 'behindAnother') return { ...step, send: `${get}\r\n${get}\r\n`, leaveAfterBytes: cut };
  if (kind === 'head') {
    const send = `HEAD ${file.path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    return { ...step, send, leaveAfterBytes: Number.POSITIVE_INFINITY, wantedStatus: 200 };
  }
  const send = `${get}If-Modified-Since: ${lastModified[index]}\r\n\r\n`;
  return { ...step, send, leaveAfterBytes: Number.POSITIVE_INFINITY, wantedStatus: 304 };
}

/** Performs one step on a connection of its own. @returns what went wrong, in words, or undefined. */
async function perform(origin: URL, step: ChurnStep): Promise<string | undefined> {
  return new Promise((resolve) => {
    const reader = new ResponseReader(step.kind === 'head');
    let received = 0;
    let trouble: string | undefined;
    let left = false;
    const leave = (socket: Socket): void => {
      left = true;
      if (step.reset) socket.resetAndDestroy();
      else socket.destroy();
    };
    const socket = connect({ host: origin.hostname, port: Number(origin.port) });
    socket.setTimeout(stepLimitMs, () => {
      trouble = `${step.kind}: nothing for ${stepLimitMs} ms`;
      leave(socket);
    });
    socket.on('connect', () => {
      socket.write(step.send, () => {
        if (step.leaveAfterBytes === 0) leave(socket);
      });
    });
    socket.on('data', (chunk) => {
      received += chunk.length;
      if (left) return;
      if (step.wantedStatus !== undefined) {
        try {
          reader.feed(chunk);
        } catch (error) {
          trouble = `${step.kind}: ${(error as Error).message}`;
        }
        if (reader.completed === 0 && !trouble) return;
        if (reader.status !== step.wantedStatus) trouble ??= `${step.kind} was answered with status ${reader.status}`;
        leave(socket);
      } else if (received >= step.leaveAfterBytes) leave(socket);
    });
    socket.on('error', () => {}); // a reset is one of the ways to end
    socket.on('close', () => {
      if (!left && step.wantedStatus !== undefined) trouble ??= `${step.kind}: closed before an answer`;
      resolve(trouble);
    });
  });
}

async function lastModifiedOf(url: string): Promise<string> {
  const response = await fetch(url, { method: 'HEAD', headers: { Connection: 'close' } });
  return response.headers.get('last-modified') ?? new Date().toUTCString();
}

async function run(plan: ChurnPlan): Promise<ChurnCounts> {
  const random = randomSource(plan.seed);
  const lastModified = await Promise.all(plan.files.map((file) => lastModifiedOf(plan.origin + file.path)));
  const ends = Object.fromEntries(churnKinds.map((kind) => [kind, 0])) as ChurnCounts['ends'];
  const troubles = new Set<string>();
  const origin = new URL(plan.origin);
  let left = plan.requests;
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left--;
      const step = drawStep(random, plan, lastModified);
      const trouble = await perform(origin, step);
      ends[step.kind]++;
      if (trouble) troubles.add(trouble);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { ends, troubles: [...troubles] };
}

/** Runs this file as a program of its own. @throws when it fails or takes over `limitSeconds`. */
export async function runChurnLoad(plan: ChurnPlan, placing: Placing, limitSeconds: number): Promise<ChurnCounts> {
  const child = startPinned(placing, process.execPath, [fileURLToPath(import.meta.url), JSON.stringify(plan)]);
  const end = await ended(child, limitSeconds * 1000);
  if (end.status !== 0) throw new Error(`the churning client ended with ${end.status}: ${end.stderr}`);
  return JSON.parse(end.stdout) as ChurnCounts;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  console.log(JSON.stringify(await run(JSON.parse(process.argv[2]!) as ChurnPlan)));
}
