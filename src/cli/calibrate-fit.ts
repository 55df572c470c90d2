// From calibration's measurements to the constants of the model: which figure is which constant, and how those that cannot be measured alone
// are solved from those that can. Arithmetic only.

import type { Constant, ConstantId } from '../journey/constants.js';

/** The lower quartile over rounds, and the 95 % interval of it. */
export interface Measured {
  typical: number;
  low: number;
  high: number;
  rounds: number;
}

export interface Fitted {
  constants: Partial<Record<ConstantId, Constant>>;
  /** Files up to this size cost serve less from memory than by sendfile. */
  inlineBytes: number;
}

/** Connections at which the cost of a request is measured: enough to share a turn, and one, which has every turn for itself. */
export const servedConnections = 16;

/** Payload of one super-packet on loopback. */
const superBytes = 65_483;

function digits(value: number): string {
  return Number(value.toPrecision(3)).toString();
}

/** Line through measurements at several sizes by least squares of the relative error: cost = call + bytes x perByte. */
export function fitLine(points: readonly { bytes: number; ns: number }[]): { call: number; perByte: number } {
  let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0];
  for (const { bytes, ns } of points) {
    const weight = 1 / (ns * ns);
    w += weight;
    wx += weight * bytes;
    wy += weight * ns;
    wxx += weight * bytes * bytes;
    wxy += weight * bytes * ns;
  }
  const perByte = (w * wxy - wx * wy) / (w * wxx - wx * wx);
  return { call: Math.max(0, (wy - perByte * wx) / w), perByte: Math.max(0, perByte) };
}

/**
 * The closest costs that never fall as the size grows (pool adjacent violators, of logarithms, so that a figure's relative error counts): a
 * larger answer cannot cost less, and a noisy figure must not make the next slope too steep.
 */
export function rising(points: readonly { bytes: number; ns: number }[]): { bytes: number; ns: number }[] {
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

class Profile {
  readonly constants: Partial<Record<ConstantId, Constant>> = {};

  constructor(
    readonly measured: ReadonlyMap<string, Measured>,
    readonly table: Readonly<Record<ConstantId, Constant>>,
  ) {}

  /** A constant that was measured as it is. */
  direct(id: ConstantId, name: string, scale = 1): void {
    const one = this.measured.get(name);
    if (!one) return;
    const interval = `${digits(one.low * scale)} to ${digits(one.high * scale)}`;
    const known =
      one.rounds === 1 ? 'measured once, interval not known' : `95 % interval ${interval}, ${one.rounds} rounds`;
    this.put(id, one.typical * scale, known);
  }

  /** A constant that was solved from others. */
  put(id: ConstantId, value: number, conditions: string): void {
    this.constants[id] = {
      value: Math.max(0, value),
      unit: this.table[id].unit,
      conditions,
      source: 'clearway calibrate, loopback',
      kind: 'measured here',
    };
  }

  points(prefix: string): { bytes: number; ns: number }[] {
    const out: { bytes: number; ns: number }[] = [];
    for (const [name, one] of this.measured) {
      if (name.startsWith(prefix)) out.push({ bytes: Number(name.slice(prefix.length)), ns: one.typical });
    }
    return out.sort((a, b) => a.bytes - b.bytes);
  }
}

/** Sends over loopback: what a copied byte does not explain is the stack, a super-packet at a time; sendfile has the same stack. */
function fitSends(profile: Profile): void {
  const gather = fitLine(profile.points('gather.'));
  const sendfile = fitLine(profile.points('sendfile.'));
  const entry = profile.constants['call.entry']?.value ?? 0;
  const copy = Math.min(profile.constants['copy.tx']?.value ?? 0, gather.perByte);
  const stack = (gather.perByte - copy) * superBytes;
  const pages = sendfile.perByte - stack / superBytes;
  profile.put('tcp.call', gather.call - entry, 'sends of 4 KiB to 1 MiB: what does not grow with size');
  profile.put(
    'tcp.transmit',
    pages < 0 ? sendfile.perByte * superBytes : stack,
    'a super-packet down and up the stack, acknowledgement included',
  );
  profile.put('sendfile.page', pages * 4096, 'sendfile of 4 KiB to 1 MiB, less the stack');
  profile.put('sendfile.call', sendfile.call - gather.call, 'sendfile of 4 KiB to 1 MiB: what does not grow with size');
  for (const id of ['tx.packet', 'rx.stack', 'ack.receive', 'page.alloc', 'frag.map'] as const) {
    profile.put(id, 0, 'within tcp.transmit');
  }
}

/** serve: cost of a request, and of a byte to 64, 256, 512 KiB and beyond, where neither socket buffer nor cache holds the answer. */
function fitServe(profile: Profile): number {
  const inline = rising(profile.points('serve.inline.'));
  const sendfile = rising(profile.points('serve.sendfile.'));
  const [i0, i1] = inline;
  const [s0, s1] = sendfile;
  if (inline.length < 5 || sendfile.length < 5 || !i0 || !i1 || !s0 || !s1) return 65_536;
  const slope = (a: { bytes: number; ns: number }, b: { bytes: number; ns: number }): number =>
    Math.max(0, (b.ns - a.ns) / (b.bytes - a.bytes));
  const words = 'the whole server process, loopback, client kept ahead';
  for (const [way, points] of [
    ['inline', inline],
    ['sendfile', sendfile],
  ] as const) {
    profile.put(`serve.${way}.byte`, slope(points[0]!, points[1]!), `${words}, to 64 KiB`);
    profile.put(`serve.${way}.byte.middle`, slope(points[1]!, points[2]!), `${words}, from 64 to 256 KiB`);
    profile.put(`serve.${way}.byte.large`, slope(points[2]!, points[3]!), `${words}, from 256 to 512 KiB`);
    profile.put(`serve.${way}.byte.huge`, slope(points[3]!, points[4]!), `${words}, from 512 KiB to 1 MiB`);
  }
  const measuredRequest = i0.ns - slope(i0, i1) * i0.bytes;
  // Of a turn of the loop every connection that is ready pays its part: alone, all of it.
  const alone = profile.measured.get('serve.alone')?.typical ?? i0.ns;
  const turn = Math.max(0, alone - i0.ns) / (1 - 1 / servedConnections);
  const request = Math.max(0, measuredRequest - turn / servedConnections);
  profile.put('serve.turn', turn, `${words}, one connection against ${servedConnections}`);
  profile.put('serve.request', request, `${words}, 1 KiB from memory`);
  const wall = profile.measured.get('serve.turnaround');
  if (wall)
    profile.put('serve.turnaround', wall.typical - alone, 'one connection, a reader that polls: not the server’s time');
  const epoll = profile.measured.get('serve.epoll');
  profile.put(
    'serve.epoll',
    epoll ? epoll.typical - i0.ns : 0,
    `${words}, the epoll engine instead of io_uring, 1 KiB`,
  );
  profile.put('serve.sendfile', s0.ns - slope(s0, s1) * s0.bytes - measuredRequest, `${words}, 1 KiB by sendfile`);
  return inlineLimit(inline, sendfile);
}

/** The size up to which memory is cheaper than sendfile, between the measured ones by interpolation; 4 KiB at least, and
 * 256 KiB at most: larger frames crowd others out of serve's memory. */
function inlineLimit(
  inline: readonly { bytes: number; ns: number }[],
  sendfile: readonly { bytes: number; ns: number }[],
): number {
  const at = (points: readonly { bytes: number; ns: number }[], bytes: number): number => {
    const next = Math.max(
      1,
      points.findIndex((point) => point.bytes >= bytes),
    );
    const [a, b] = [points[next - 1]!, points[next]!];
    return a.ns + ((b.ns - a.ns) * (bytes - a.bytes)) / (b.bytes - a.bytes);
  };
  let limit = 4096;
  for (let bytes = 4096; bytes <= 262_144; bytes *= 2) if (at(inline, bytes) <= at(sendfile, bytes)) limit = bytes;
  return limit;
}

/** Constants of this host, and what serve takes from them. */
export function fitProfile(
  measured: ReadonlyMap<string, Measured>,
  table: Readonly<Record<ConstantId, Constant>>,
): Fitted {
  const profile = new Profile(measured, table);
  profile.direct('call.entry', 'call');
  profile.direct('copy.tx', 'copy.hot');
  profile.direct('copy.user', 'copy.hot');
  profile.direct('copy.deferred', 'copy.cold');
  profile.direct('copy.tx.large', 'copy.cold');
  profile.direct('rx.wake', 'wake');
  profile.direct('sendzc.notify', 'notification');
  if (measured.has('notification')) profile.put('sendzc.call', 0, 'within sendzc.notify');
  const datagram = measured.get('datagram');
  if (datagram)
    profile.put(
      'udp.call',
      datagram.typical - (profile.constants['call.entry']?.value ?? 0),
      'datagram of 1400 B over loopback, delivery included',
    );
  fitSends(profile);
  return { constants: profile.constants, inlineBytes: fitServe(profile) };
}
