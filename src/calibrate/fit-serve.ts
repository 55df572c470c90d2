// From what requests cost serve at some sizes to the constants `serve.*` of the model. The law is in plan/stages/send.ts: a request, a step
// for every further super-packet, and bytes, whose cost changes where socket windows and caches end. Arithmetic only.

import { fitLine, type Measured, type Profile, superBytes } from './solve.js';

/** A cost at a size. */
interface Point {
  bytes: number;
  ns: number;
}

/** Connections at which the cost of a request is measured: enough to share a turn, and one, which has every turn for itself. */
export const servedConnections = 16;

/**
 * Sizes of the files that serve is asked for. 60 KiB with its head is the most that one super-packet holds, in round numbers; 64 KiB needs a
 * second: the two say what a super-packet costs. None of them is scored by --check.
 */
export const serveSizes = [1024, 61_440, 65_536, 262_144, 524_288, 1_048_576];

const firstKnot = 65_536;
const knots = [
  { id: 'middle', bytes: 262_144, words: 'from 64 to 256 KiB' },
  { id: 'large', bytes: 524_288, words: 'from 256 to 512 KiB' },
  { id: 'huge', bytes: 1_048_576, words: 'from 512 KiB to 1 MiB' },
] as const;

/**
 * The closest costs that never fall as the size grows (pool adjacent violators, of logarithms, so that a figure's relative error counts): a
 * larger answer cannot cost less, and a noisy figure must not make the next slope too steep.
 */
export function rising(points: readonly Point[]): Point[] {
  const pools: { sum: number; sizes: number[] }[] = [];
  for (const { bytes, ns } of points) {
    pools.push({ sum: Math.log(ns), sizes: [bytes] });
    for (;;) {
      const [before, last] = [pools.at(-2), pools.at(-1)!];
      if (!before || before.sum / before.sizes.length <= last.sum / last.sizes.length) break;
      pools.splice(-2, 2, { sum: before.sum + last.sum, sizes: [...before.sizes, ...last.sizes] });
    }
  }
  return pools.flatMap(({ sum, sizes }) => sizes.map((bytes) => ({ bytes, ns: Math.exp(sum / sizes.length) })));
}

/** Super-packets of an answer beyond its first. */
const further = (bytes: number): number => Math.ceil(bytes / superBytes) - 1;

const at = (points: readonly Point[], bytes: number): number => points.find((point) => point.bytes === bytes)!.ns;

/**
 * The cost of a super-packet: what 64 KiB cost more than 60 KiB, less the bytes between, weighted over the ways by how narrow their
 * intervals are, because the copies of others swing the one way more than the other.
 */
function fitStep(profile: Profile, ways: readonly { way: string; points: readonly Point[] }[]): number {
  let [sum, weights] = [0, 0];
  for (const { way, points } of ways) {
    const [least, before, after] = [at(points, 1024), at(points, 61_440), at(points, firstKnot)];
    const perByte = (before - least) / (61_440 - 1024);
    const step = Math.max(0, after - before - perByte * (firstKnot - 61_440));
    const width = ({ low, high }: Measured): number => Math.max(1, high - low);
    const [one, other] = [61_440, firstKnot].map((bytes) => width(profile.measured.get(`serve.${way}.${bytes}`)!));
    const weight = 1 / (one! ** 2 + other! ** 2);
    sum += step * weight;
    weights += weight;
  }
  return sum / weights;
}

/** The constants of a byte by one way; returns what a request costs without any. */
function fitBytes(profile: Profile, way: string, points: readonly Point[], step: number): number {
  const words = 'serve’s whole process';
  const small = points.filter(({ bytes }) => bytes <= firstKnot);
  const { call, perByte } = fitLine(small.map(({ bytes, ns }) => ({ bytes, ns: ns - step * further(bytes) })));
  const put = (id: string, value: number, where: string): void =>
    profile.put(`serve.${way}.byte${id}` as Parameters<Profile['put']>[0], value, `${words}, ${where}`);
  put('', perByte, 'to 64 KiB');
  // From knot to knot along the law itself: where a byte seemed to cost less than nothing, the next stretch makes up for it.
  let [reached, bytes] = [call + perByte * firstKnot + step * further(firstKnot), firstKnot];
  for (const knot of knots) {
    const steps = step * (further(knot.bytes) - further(bytes));
    const slope = Math.max(0, (at(points, knot.bytes) - reached - steps) / (knot.bytes - bytes));
    put(`.${knot.id}`, slope, knot.words);
    reached += steps + slope * (knot.bytes - bytes);
    bytes = knot.bytes;
  }
  return call;
}

/** serve: a request, a super-packet, and a byte to 64, 256, 512 KiB and beyond. Returns up to which size a file is better sent from memory. */
export function fitServe(profile: Profile): number {
  const inline = rising(profile.points('serve.inline.'));
  const sendfile = rising(profile.points('serve.sendfile.'));
  if (inline.length < serveSizes.length || sendfile.length < serveSizes.length) return 65_536;
  const words = 'serve’s whole process';
  const step = fitStep(profile, [
    { way: 'inline', points: inline },
    { way: 'sendfile', points: sendfile },
  ]);
  profile.put('serve.super', step, `${words}, 64 KiB against 60 KiB`);
  const measuredRequest = fitBytes(profile, 'inline', inline, step);
  const bySendfile = fitBytes(profile, 'sendfile', sendfile, step);
  profile.put('serve.sendfile', bySendfile - measuredRequest, `${words}, sizes to 64 KiB`);
  // Of a turn of the loop every connection that is ready pays its part: alone, all of it.
  const least = at(inline, 1024);
  const alone = profile.measured.get('serve.alone')?.typical ?? least;
  const turn = Math.max(0, alone - least) / (1 - 1 / servedConnections);
  profile.put('serve.turn', turn, `${words}, one connection against ${servedConnections}`);
  profile.put('serve.request', measuredRequest - turn / servedConnections, `${words}, sizes to 64 KiB from memory`);
  const wall = profile.measured.get('serve.turnaround');
  if (wall)
    profile.put('serve.turnaround', wall.typical - alone, 'one connection, a reader that polls: not the server’s time');
  const epoll = profile.measured.get('serve.epoll');
  profile.put(
    'serve.epoll',
    epoll ? epoll.typical - least : 0,
    `${words}, the epoll engine instead of io_uring, 1 KiB`,
  );
  return inlineLimit(inline, sendfile);
}

/** The size up to which memory is cheaper than sendfile, between the measured ones by interpolation; 4 KiB at least, and
 * 256 KiB at most: larger frames crowd others out of serve's memory. */
function inlineLimit(inline: readonly Point[], sendfile: readonly Point[]): number {
  const between = (points: readonly Point[], bytes: number): number => {
    const next = Math.max(
      1,
      points.findIndex((point) => point.bytes >= bytes),
    );
    const [a, b] = [points[next - 1]!, points[next]!];
    return a.ns + ((b.ns - a.ns) * (bytes - a.bytes)) / (b.bytes - a.bytes);
  };
  let limit = 4096;
  for (let bytes = 4096; bytes <= 262_144; bytes *= 2)
    if (between(inline, bytes) <= between(sendfile, bytes)) limit = bytes;
  return limit;
}
