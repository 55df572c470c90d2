// What the fits of calibration share: a measured figure, the line through figures, the constants as they are found. Arithmetic only.

import type { Constant, ConstantId } from '../plan/facts/constants.js';

/** The lower quartile over rounds, and the 95 % interval of it. */
export interface Measured {
  typical: number;
  low: number;
  high: number;
  rounds: number;
}

/** Payload of one super-packet on loopback (MTU 65,535 less the headers of IPv4 and TCP with time stamps). */
export const superBytes = 65_483;

/** A figure as it is worth printing: three digits. */
export function digits(value: number): string {
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

/** Line through measurements at two sizes; a cost never falls as the size grows. */
export function lineThrough(
  low: { bytes: number; ns: number },
  high: { bytes: number; ns: number },
): { call: number; perByte: number } {
  const perByte = Math.max(0, (high.ns - low.ns) / (high.bytes - low.bytes));
  return { call: low.ns - perByte * low.bytes, perByte };
}

/** The constants as they are found. */
export class Profile {
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
      source: 'clearway calibrate',
      kind: 'measured here',
    };
  }

  /** What was measured at sizes: the series whose name begins so and ends in the size. */
  points(prefix: string): { bytes: number; ns: number }[] {
    const out: { bytes: number; ns: number }[] = [];
    for (const [name, one] of this.measured) {
      if (name.startsWith(prefix)) out.push({ bytes: Number(name.slice(prefix.length)), ns: one.typical });
    }
    return out.sort((a, b) => a.bytes - b.bytes);
  }
}
