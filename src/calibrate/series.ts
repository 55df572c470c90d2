// What calibrate measures: the series of calls, copies and sends, and the points of serve, with their names and titles.
// Measuring them in rounds is calibrate.ts's part; what they mean for the model is fit.ts's.

import { bypassName, comparedPoints, fittedPoints } from './bypass-series.js';
import { piecesName } from './fit-pieces.js';
import { servedConnections, serveSizes } from './fit-serve.js';
import { comparedGuests, fittedGuest, guestName } from './guest-series.js';
import {
  measureCall,
  measureCopy,
  measureDatagram,
  measureNotification,
  measureSend,
  measureWake,
  type Payload,
  type Sink,
} from './measure.js';
import type { BypassRig } from './measure-bypass.js';
import type { GuestRig } from './measure-guest.js';
import { measurePieces, pieceSizes, piecesModes } from './measure-pieces.js';
import type { RequestRig } from './measure-requests.js';
import { comparedRequests, fittedRequests, requestName } from './request-series.js';
import type { Series } from './rounds.js';
import type { ServedPoint, ServeRig } from './serve.js';

/** Sizes of the sends from which the cost of a call and of a byte are solved. */
export const sendSizes = [4096, 65_536, 262_144, 1_048_576];

/**
 * The series that need no server: calls, copies, sends to `sink` out of `payload`, packets of a guest and past the kernel where there may be any;
 * with `checking` also what is only compared.
 */
export function measurements(
  sink: Sink,
  payload: Payload,
  checking: boolean,
  guest?: GuestRig,
  bypass?: BypassRig,
): Series[] {
  const series: Series[] = [
    { name: 'call', title: 'system call', once: measureCall, values: [] },
    { name: 'copy.hot', title: 'copy, in the cache', once: () => measureCopy('hot'), values: [] },
    { name: 'copy.cold', title: 'copy, not in the cache', once: () => measureCopy('cold'), values: [] },
    { name: 'datagram', title: 'UDP datagram', once: measureDatagram, values: [] },
    { name: 'wake', title: 'wake-up', once: measureWake, values: [] },
    { name: 'notification', title: 'SEND_ZC notification', once: measureNotification, values: [] },
  ];
  for (const way of ['gather', 'sendfile'] as const) {
    for (const bytes of sendSizes) {
      const title = `${way === 'gather' ? 'send' : 'sendfile'} of ${bytes / 1024} KiB`;
      series.push({ name: `${way}.${bytes}`, title, once: () => measureSend(sink, payload, way, bytes), values: [] });
    }
  }
  for (const mode of piecesModes) {
    for (const bytes of pieceSizes) {
      const title = `pieces of ${bytes / 1024} KiB by ${mode}`;
      series.push({
        name: piecesName(mode, bytes),
        title,
        once: () => measurePieces(sink, payload, mode, bytes),
        values: [],
      });
    }
  }
  if (guest !== undefined) {
    for (const point of [fittedGuest, ...(checking ? comparedGuests : [])]) {
      const title = `packets of ${point.bytes} bytes of a guest, to a tap`;
      series.push({ name: guestName(point), title, once: () => guest.measure(point.bytes), values: [] });
    }
  }
  if (bypass !== undefined) {
    for (const point of [...fittedPoints, ...(checking ? comparedPoints : [])]) {
      const title = `frames of ${point.frame} bytes past the kernel: ${point.part}`;
      series.push({ name: bypassName(point), title, once: () => bypass.measure(point), values: [] });
    }
  }
  return series;
}

/** Time of one measurement of serve, in milliseconds. */
const serveForMs = 60;

interface NamedPoint {
  name: string;
  title: string;
  point: ServedPoint;
}

/** The points of serve that the constants are solved from. */
export function servedPoints(uring: boolean): NamedPoint[] {
  const engine = uring ? 'uring' : 'epoll';
  const points: NamedPoint[] = [];
  for (const way of ['inline', 'sendfile'] as const) {
    const words = way === 'inline' ? 'from memory' : 'by sendfile';
    for (const bytes of serveSizes) {
      points.push({
        name: `serve.${way}.${bytes}`,
        title: `serve, ${bytes / 1024} KiB ${words}`,
        point: { engine, way, bytes, connections: servedConnections },
      });
    }
  }
  points.push({
    name: 'serve.alone',
    title: 'serve, one connection',
    point: { engine, way: 'inline', bytes: 1024, connections: 1 },
  });
  if (uring) {
    points.push({
      name: 'serve.epoll',
      title: 'serve, 1 KiB by the epoll engine',
      point: { engine: 'epoll', way: 'inline', bytes: 1024, connections: servedConnections },
    });
  }
  return points;
}

/**
 * Series of points of serve, way by way and in the order of their sizes, so that a point that is checked is measured between those that predict
 * it. Two a point: processor nanoseconds a request, and (`wall`) nanoseconds by the clock between two answers.
 */
export function serveSeries(rig: ServeRig, points: readonly NamedPoint[]): Series[] {
  const order = ({ point }: NamedPoint): number => point.bytes + (point.way === 'inline' ? 0 : 1e9);
  return [...points]
    .sort((a, b) => order(a) - order(b))
    .flatMap(({ name, title, point }): Series[] => {
      const wall: number[] = [];
      const once = async (): Promise<number> => {
        const cost = await rig.measure(point, serveForMs);
        wall.push(1e9 / cost.requestsPerSecond);
        return cost.nsPerRequest;
      };
      return [
        { name, title, once, values: [] },
        { name: `${name} wall`, title, once: () => wall.pop(), values: [] },
      ];
    });
}

/** Series of requests over a veth pair, through the kernel and past it; with `checking` also what is only compared. Where a server cannot be had they have no figures. */
export function requestSeries(rig: RequestRig, checking: boolean): Series[] {
  let isRefused = false;
  return [...fittedRequests, ...(checking ? comparedRequests : [])].map((point) => {
    const title = `requests over veth, ${point.bytes / 1024} KiB: ${point.way}`;
    const once = async (): Promise<number | undefined> => {
      if (isRefused) return undefined;
      try {
        return await rig.measure(point);
      } catch {
        isRefused = true;
        return undefined;
      }
    };
    return { name: requestName(point), title, once, values: [] };
  });
}
