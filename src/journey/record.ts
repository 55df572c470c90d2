// Records of programs as user space reads them. A record is copied out of the ring field by field: the ring's bytes are
// good within the visit only.

import { flowOffset, headerBytes, type PointName, pointNames, recordBytes, recordOffset } from './points.js';

/** One stamp: that a message's bytes were at a point at a time. */
export interface Stamp {
  readonly point: PointName;
  /** CLOCK_MONOTONIC, ns: the clock of process.hrtime. Exact below 2^53 (104 days of uptime). */
  readonly timeNs: number;
  readonly journey: number;
  /** Sequence numbers of the bytes it is about, the end exclusive; both 0 where the point has none. */
  readonly start: number;
  readonly end: number;
  /** A result, a length, or the woken task (thread in the low half, process in the high). */
  readonly value: bigint;
  readonly thread: number;
  readonly process: number;
  /** When the task entered its call and which (its number), 0 where that was not seen. At `received`: the flags. */
  readonly enteredNs: number;
  readonly call: number;
  readonly interfaceIndex: number;
  /** Inode number of the network namespace. */
  readonly namespace: number;
  /** The task's name, or the device's. */
  readonly name: string;
  /** Source and destination of the bytes, at the points where a message may begin. */
  readonly flow: Flow | undefined;
  /** The packet's headers from IP's on, where they were asked for. */
  readonly headers: Uint8Array | undefined;
}

/** A connection's direction: the bytes go from source to destination. */
export interface Flow {
  readonly source: string;
  readonly sourcePort: number;
  readonly destination: string;
  readonly destinationPort: number;
}

const beginnings: ReadonlySet<PointName> = new Set<PointName>(['queued', 'arrived', 'receive']);

/** Reads a record; `undefined` for one of another make. */
export function readStamp(view: DataView): Stamp | undefined {
  const point = view.byteLength < recordBytes ? undefined : pointNames[view.getUint32(recordOffset.point, true)];
  if (point === undefined) return undefined;
  return {
    point,
    timeNs: Number(view.getBigUint64(recordOffset.timeNs, true)),
    journey: Number(view.getBigUint64(recordOffset.journey, true)),
    start: view.getUint32(recordOffset.start, true),
    end: view.getUint32(recordOffset.end, true),
    value: view.getBigInt64(recordOffset.value, true),
    thread: view.getUint32(recordOffset.thread, true),
    process: view.getUint32(recordOffset.process, true),
    enteredNs: Number(view.getBigUint64(recordOffset.enteredNs, true)),
    call: view.getUint32(recordOffset.call, true),
    interfaceIndex: view.getUint32(recordOffset.interfaceIndex, true),
    namespace: view.getUint32(recordOffset.namespace, true),
    name: readName(view),
    // As text it is dear, and only a beginning needs it.
    flow: beginnings.has(point) ? readFlow(view) : undefined,
    headers: view.byteLength < recordBytes + headerBytes ? undefined : readHeaders(view),
  };
}

function readName(view: DataView): string {
  let name = '';
  for (let at = recordOffset.name; at < recordOffset.name + 16; at++) {
    const byte = view.getUint8(at);
    if (byte === 0) break;
    name += String.fromCharCode(byte);
  }
  return name;
}

/** The IP and TCP headers, as long as they say they are: what lies behind them is payload and not for us. */
function readHeaders(view: DataView): Uint8Array | undefined {
  const at = recordOffset.headers;
  const first = view.getUint8(at);
  const network = first >>> 4 === 6 ? 40 : (first & 15) * 4;
  const length = network + (view.getUint8(at + network + 12) >>> 4) * 4;
  if (length > headerBytes) return undefined;
  return Uint8Array.from({ length }, (_, index) => view.getUint8(at + index));
}

function readFlow(view: DataView): Flow | undefined {
  const at = recordOffset.flow;
  const sourcePort = view.getUint16(at + flowOffset.sourcePort);
  if (sourcePort === 0) return undefined;
  return {
    source: readAddress(view, at + flowOffset.source),
    sourcePort,
    destination: readAddress(view, at + flowOffset.destination),
    destinationPort: view.getUint16(at + flowOffset.destinationPort),
  };
}

/** An address as people write it; the zeros of IPv6 are shortened once (RFC 5952, section 4.2). */
function readAddress(view: DataView, at: number): string {
  if (view.getUint32(at + 8) === 0xffff && view.getUint32(at) === 0 && view.getUint32(at + 4) === 0) {
    return [12, 13, 14, 15].map((offset) => view.getUint8(at + offset)).join('.');
  }
  const groups = Array.from({ length: 8 }, (_, index) => view.getUint16(at + index * 2).toString(16));
  return groups.join(':').replace(/(^|:)0(:0)+(:|$)/, '::');
}

/** A flow as people write it. */
export function describeFlow({ source, sourcePort, destination, destinationPort }: Flow): string {
  return `${describeEnd(source, sourcePort)} > ${describeEnd(destination, destinationPort)}`;
}

function describeEnd(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}
