// The access log, off the loop: the worker writes records into a ring of shared memory, the main thread takes them out
// and makes lines of them (log-format.ts). A full ring drops the record and counts it: a slow disk never stops serving.
//
// Record: 32-bit words [bytes of the record, status, way, latency in microseconds, peer's length, lengths of the parts],
// two doubles (time, body bytes), then peer and parts, padded to 8 bytes. A length of -1 means: go on at the ring's start.

import { CopyReason, copyBytes, encodeText } from '../memory/copy.js';
import { ConsumerRing, ProducerRing } from '../ring/ring.js';
import { type LogEntry, logFieldBytes } from './log-entry.js';

const headerWords = 8;
const headerBytes = headerWords * 4 + 16;
const unit = 8;
const ringUnits = 64 * 1024;
const indexBytes = 128;
/** The longest record: three parts and a peer. */
const maxRecordBytes = headerBytes + 3 * logFieldBytes + 64;

/** Bytes of shared memory that one worker's log takes. */
export const accessLogBytes: number = indexBytes + ringUnits * unit;

/** The worker's side. */
export class AccessLog {
  /** Records that did not fit. */
  dropped = 0;
  readonly #ring: ProducerRing;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param memory {@link accessLogBytes} bytes from `offset` on, zero at first. */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#ring = new ProducerRing(new Int32Array(memory, offset, 32), 0, 16, ringUnits);
    this.#bytes = new Uint8Array(memory, offset + indexBytes, ringUnits * unit);
    this.#view = new DataView(memory, offset + indexBytes, ringUnits * unit);
  }

  /** Writes one record. */
  write(entry: LogEntry, status: number, bodyBytes: number, way: number, latencyMs: number): void {
    const ring = this.#ring;
    const wanted = Math.ceil(maxRecordBytes / unit);
    const toEnd = ringUnits - (ring.tail & ring.mask);
    const wraps = toEnd < wanted;
    const room = wanted + (wraps ? toEnd : 0);
    if (ring.free(room) < room) {
      this.dropped++;
      return;
    }
    if (wraps) {
      this.#view.setInt32((ring.tail & ring.mask) * unit, -1, true);
      ring.tail = (ring.tail + toEnd) | 0;
    }
    const at = (ring.tail & ring.mask) * unit;
    const view = this.#view;
    let end = at + headerBytes;
    const peerBytes = encodeText(CopyReason.accessLog, this.#bytes, end, entry.peer);
    end += peerBytes;
    for (let part = 0; part < entry.lengths.length; part++) {
      const length = entry.lengths[part]!;
      copyBytes(CopyReason.accessLog, this.#bytes, end, entry.bytes, part * logFieldBytes, length);
      view.setInt32(at + (5 + part) * 4, length, true);
      end += length;
    }
    view.setInt32(at, end - at, true);
    view.setInt32(at + 4, status, true);
    view.setInt32(at + 8, way, true);
    view.setInt32(at + 12, Math.min(latencyMs * 1000, 0x7fffffff), true);
    view.setInt32(at + 16, peerBytes, true);
    view.setFloat64(at + headerWords * 4, entry.timeMs, true);
    view.setFloat64(at + headerWords * 4 + 8, bodyBytes, true);
    ring.tail = (ring.tail + Math.ceil((end - at) / unit)) | 0;
    ring.publish();
  }
}

/** One record as the main thread sees it. Texts are ISO 8859-1, one character a byte, as they came. */
export interface LogRecord {
  readonly peer: string;
  readonly timeMs: number;
  readonly requestLine: string;
  readonly status: number;
  readonly bodyBytes: number;
  readonly way: number;
  readonly latencyUs: number;
  readonly referer: string;
  readonly userAgent: string;
}

/** The main thread's side. */
export class AccessLogReader {
  readonly #ring: ConsumerRing;
  readonly #bytes: Buffer;
  readonly #view: DataView;

  /** @param memory the worker's, at the same `offset`. */
  constructor(memory: SharedArrayBuffer, offset: number) {
    this.#ring = new ConsumerRing(new Int32Array(memory, offset, 32), 0, 16, ringUnits);
    this.#bytes = Buffer.from(memory, offset + indexBytes, ringUnits * unit);
    this.#view = new DataView(memory, offset + indexBytes, ringUnits * unit);
  }

  /** Takes out what is there. */
  drain(each: (record: LogRecord) => void): void {
    const ring = this.#ring;
    while (ring.available() > 0) {
      const at = (ring.head & ring.mask) * unit;
      const length = this.#view.getInt32(at, true);
      if (length < 0) {
        ring.head = (ring.head + ringUnits - (ring.head & ring.mask)) | 0;
      } else {
        each(this.#read(at));
        ring.head = (ring.head + Math.ceil(length / unit)) | 0;
      }
      ring.release();
    }
  }

  #read(at: number): LogRecord {
    const word = (index: number): number => this.#view.getInt32(at + index * 4, true);
    let start = at + headerBytes;
    const text = (length: number): string => {
      const value = this.#bytes.toString('latin1', start, start + length);
      start += length;
      return value;
    };
    const peer = text(word(4));
    const requestLine = text(word(5));
    const referer = text(word(6));
    const userAgent = text(word(7));
    return {
      peer,
      requestLine,
      referer,
      userAgent,
      status: word(1),
      way: word(2),
      latencyUs: word(3),
      timeMs: this.#view.getFloat64(at + headerWords * 4, true),
      bodyBytes: this.#view.getFloat64(at + headerWords * 4 + 8, true),
    };
  }
}
