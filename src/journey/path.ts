// From the stamps of one message to its journey: the way of its last byte, from the sender's call to the reader's return,
// as points in the order of time; stages are what lies between two of them, so that they sum to the whole.
// A point is taken only where it belongs to that byte and to that delivery: a retransmission, another read of the same
// socket, a peek, a wake-up of somebody else leave stamps too. Pure: no kernel, no clock.

import { MSG } from '../kernel/constants.js';
import { type PointName, pointNames } from './points.js';
import type { Flow, Stamp } from './record.js';
import { sentAgain } from './sent-again.js';

/** A place on the way, and when the byte was there. */
export interface PathPoint {
  readonly point: PointName;
  readonly timeNs: number;
  /** The device, for points at one. */
  readonly device?: string;
}

/** What lies between two points of the way. */
export interface Stage {
  readonly from: PointName;
  readonly to: PointName;
  readonly startNs: number;
  readonly durationNs: number;
}

/** A task at one end of a message. */
export interface Party {
  readonly thread: number;
  readonly process: number;
  readonly name: string;
  /** The number of the system call, and when it was entered; 0 where that was not seen. */
  readonly call: number;
}

/** How a journey ended: read by its receiver on this host, acknowledged by a peer elsewhere, or neither in time. */
export type Outcome = 'read' | 'acknowledged' | 'unfinished';

/** One message, measured. */
export interface Journey {
  readonly id: number;
  readonly flow: Flow | undefined;
  /** Sequence numbers of its bytes; the end is exclusive and wraps at 2^32. */
  readonly start: number;
  readonly end: number;
  readonly bytes: number;
  readonly outcome: Outcome;
  /** True where it came from another host: then it begins at a device. */
  readonly fromElsewhere: boolean;
  readonly sender: Party | undefined;
  readonly reader: Party | undefined;
  /** The way of the last byte. */
  readonly path: readonly PathPoint[];
  readonly stages: readonly Stage[];
  /** From the first point of the way to the last: the sum of the stages. */
  readonly totalNs: number;
  /** What happened beside the way: the sender's return, the acknowledgement, the buffer given back. */
  readonly beside: readonly PathPoint[];
  /** Segments sent again that held the last byte. */
  readonly retransmissions: number;
  /** Reads that took parts of the message. */
  readonly reads: number;
  /** Packets that carried it into a driver (a device's segmentation offload cuts them later). */
  readonly packets: number;
  /** Of them those with bytes that the device's driver had before: sent again, whatever part of the message they are of. */
  readonly packetsAgain: number;
  /** Devices it was received from on its way: more than one where it was forwarded. */
  readonly receptions: number;
  readonly stamps: readonly Stamp[];
}

const order = new Map(pointNames.map((name, index) => [name, index]));

/** Puts together the stamps of one message; they may come in any order. `undefined` where the beginning is missing. */
export function journeyOf(given: readonly Stamp[]): Journey | undefined {
  const stamps = [...given].sort((a, b) => a.timeNs - b.timeNs || order.get(a.point)! - order.get(b.point)!);
  const first = stamps.find((stamp) => stamp.point === 'queued' || isWireBeginning(stamp));
  if (first === undefined) return undefined;
  const { start, end } = rangeOf(first, stamps);
  const way = new WayFinder(stamps, (end - 1) >>> 0, first);
  const { path, reader } = way.find();
  const last = path.at(-1)!;
  const of = (point: PointName) => stamps.filter((stamp) => stamp.point === point);
  const outcome = last.point === 'returned' ? 'read' : last.point === 'acknowledged' ? 'acknowledged' : 'unfinished';
  return {
    id: first.journey,
    flow: first.flow,
    start,
    end,
    bytes: (end - start) >>> 0,
    outcome,
    fromElsewhere: first.point !== 'queued',
    sender: first.point === 'queued' ? partyOf(first) : undefined,
    reader: reader === undefined ? undefined : partyOf(reader),
    path,
    stages: stagesOf(path),
    totalNs: last.timeNs - path[0]!.timeNs,
    beside: besideOf(stamps, path),
    retransmissions: of('retransmitted').filter((stamp) => way.covers(stamp)).length,
    reads: way.copies.length === 0 ? 0 : new Set(way.copies.map((copy) => `${copy.thread} ${copy.enteredNs}`)).size,
    packets: of('driver').length,
    packetsAgain: sentAgain(of('driver')).size,
    receptions: of('receive').filter((stamp) => way.covers(stamp)).length,
    stamps,
  };
}

function isWireBeginning({ point, value }: Stamp): boolean {
  return (point === 'arrived' || point === 'receive') && value === 1n;
}

/** A send that took less than it was given ends the message earlier. */
function rangeOf(first: Stamp, stamps: readonly Stamp[]): { start: number; end: number } {
  const sent = stamps.find((stamp) => stamp.point === 'sent');
  const taken = sent === undefined || sent.value <= 0n ? undefined : Number(sent.value);
  const asked = (first.end - first.start) >>> 0;
  const bytes = taken === undefined ? asked : Math.min(asked, taken);
  return { start: first.start, end: (first.start + bytes) >>> 0 };
}

function partyOf({ thread, process, name, call }: Stamp): Party {
  return { thread, process, name, call };
}

/** The stages between the points of a way. */
function stagesOf(path: readonly PathPoint[]): Stage[] {
  return path.slice(1).map((to, index) => {
    const from = path[index]!;
    return { from: from.point, to: to.point, startNs: from.timeNs, durationNs: to.timeNs - from.timeNs };
  });
}

const besidePoints: readonly PointName[] = [
  'sent',
  'sendReturned',
  'retransmitted',
  'released',
  'dropped',
  'acknowledged',
];

function besideOf(stamps: readonly Stamp[], path: readonly PathPoint[]): PathPoint[] {
  const taken = new Set(path.map(({ point }) => point));
  return stamps.filter(({ point }) => besidePoints.includes(point) && !taken.has(point)).map((stamp) => pointOf(stamp));
}

function pointOf(stamp: Stamp, point = stamp.point): PathPoint {
  const device = stamp.interfaceIndex === 0 ? {} : { device: stamp.name };
  return { point, timeNs: stamp.timeNs, ...device };
}

/** `a - b` on the circle of sequence numbers. */
function distance(a: number, b: number): number {
  return (a - b) | 0;
}

/** Finds the way of one byte through the stamps, from its end backwards: what was delivered decides what counts. */
class WayFinder {
  private readonly path: PathPoint[] = [];
  /** The copies to readers that count: peeks are not among them. */
  readonly copies: readonly Stamp[];

  constructor(
    private readonly stamps: readonly Stamp[],
    private readonly byte: number,
    private readonly first: Stamp,
  ) {
    this.copies = stamps.filter((stamp) => stamp.point === 'copy' && !this.peeks(stamp));
  }

  /** True where the stamp's range holds the byte. */
  covers({ start, end }: Stamp): boolean {
    return distance(this.byte, start) >= 0 && distance(end, this.byte) > 0;
  }

  find(): { path: readonly PathPoint[]; reader: Stamp | undefined } {
    const copy = this.copies.find((stamp) => this.covers(stamp));
    const until = copy?.timeNs ?? Number.POSITIVE_INFINITY;
    const tcp = this.firstOf('tcpReceive', this.first.timeNs, until);
    const received = this.lastOf('receive', this.first.timeNs, tcp?.timeNs ?? until);
    this.addBeginning();
    if (this.first.point === 'queued') this.addSending(received?.timeNs ?? until, received !== undefined);
    this.addReceiving(received, tcp, until);
    if (copy === undefined) this.addAcknowledgement(received !== undefined);
    else this.addReading(copy);
    return { path: this.path, reader: copy };
  }

  private addBeginning(): void {
    const { point, enteredNs, timeNs } = this.first;
    if (point === 'queued' && enteredNs > 0 && enteredNs <= timeNs) {
      this.path.push({ point: 'entered', timeNs: enteredNs });
    }
    this.path.push(pointOf(this.first));
  }

  /** The way into a device; of several transmissions, the last before the reception. */
  private addSending(until: number, delivered: boolean): void {
    this.add(this.firstOf('transmit', 0, until));
    this.add(this.firstOf('internet', 0, until));
    const queues = this.all('deviceQueue', 0, until);
    const first = queues[0];
    this.add(first);
    const onFirst = queues.filter(
      (stamp) => stamp.interfaceIndex === first?.interfaceIndex && stamp.namespace === first.namespace,
    );
    const last = onFirst.at(-1);
    if (last !== undefined && last !== first) this.add(last, 'sentAgain');
    const from = last?.timeNs ?? 0;
    this.add(this.firstOf('qdiscIn', from, until));
    this.add(this.firstOf('qdiscOut', from, until));
    const driver = this.firstOf('driver', from, until);
    this.add(driver);
    if (driver === undefined) return;
    const done = this.stamps.find(
      (stamp) => stamp.point === 'driverDone' && stamp.timeNs >= driver.timeNs && stamp.start === driver.start,
    );
    if (done !== undefined && (!delivered || done.timeNs <= until)) this.add(done);
  }

  private addReceiving(received: Stamp | undefined, tcp: Stamp | undefined, until: number): void {
    const from = received?.timeNs ?? 0;
    if (received !== undefined && received !== this.first) {
      const arrived = this.lastOf('arrived', 0, received.timeNs);
      if (arrived !== this.first) this.add(arrived);
      this.add(received);
    }
    this.add(this.firstOf('ipReceive', from, until));
    this.add(this.firstOf('segment', from, until));
    this.add(tcp);
    // A receiver that has closed its own sending side is not seen at tcpReceive.
    const taken = tcp ?? received;
    if (taken === undefined) return;
    this.add(this.firstOf('tcpQueued', taken.timeNs, until));
    // Readiness is told up to a number: the byte is ready when that lies beyond it.
    const ready = this.stamps.find(
      ({ point, timeNs, end }) => point === 'ready' && timeNs >= taken.timeNs && distance(end, this.byte) > 0,
    );
    if (ready !== undefined && ready.timeNs <= until) this.add(ready);
  }

  private addReading(copy: Stamp): void {
    const readyAt = this.path.at(-1)!;
    if (readyAt.point === 'ready') {
      for (const point of ['waking', 'wakeup', 'running'] as const) {
        const woken = this.stamps.find(
          (stamp) =>
            stamp.point === point && stamp.timeNs >= readyAt.timeNs && Number(stamp.value >> 32n) === copy.process,
        );
        if (woken !== undefined && woken.timeNs <= copy.timeNs) this.add(woken);
      }
    }
    if (copy.enteredNs > this.path.at(-1)!.timeNs) this.path.push({ point: 'called', timeNs: copy.enteredNs });
    this.add(copy);
    for (const point of ['received', 'returned'] as const) {
      this.add(this.stamps.find((each) => each.point === point && sameCall(each, copy)));
    }
  }

  private addAcknowledgement(local: boolean): void {
    if (!local) this.add(this.stamps.find((stamp) => stamp.point === 'acknowledged'));
  }

  /** A receive with MSG_PEEK copies and takes nothing: its end says so. */
  private peeks(copy: Stamp): boolean {
    const end = this.stamps.find((stamp) => stamp.point === 'received' && sameCall(stamp, copy));
    return end !== undefined && (end.call & MSG.PEEK) !== 0;
  }

  private all(point: PointName, from: number, until: number): Stamp[] {
    return this.stamps.filter(
      (stamp) => stamp.point === point && stamp.timeNs >= from && stamp.timeNs <= until && this.covers(stamp),
    );
  }

  private firstOf(point: PointName, from: number, until: number): Stamp | undefined {
    return this.all(point, from, until)[0];
  }

  private lastOf(point: PointName, from: number, until: number): Stamp | undefined {
    return this.all(point, from, until).at(-1);
  }

  /** A point never lies before the one that went before it: one that does is not of this delivery. */
  private add(stamp: Stamp | undefined, point = stamp?.point): void {
    if (stamp === undefined || stamp.timeNs < (this.path.at(-1)?.timeNs ?? 0)) return;
    this.path.push(pointOf(stamp, point));
  }
}

/** The first end of a call by the same thread after the copy. */
function sameCall(end: Stamp, copy: Stamp): boolean {
  return end.thread === copy.thread && end.timeNs >= copy.timeNs;
}
