// The BPF ring buffer as a ring of ours: records that programs reserved and submitted, read in place and given back.
// Layout: Documentation/bpf/ringbuf.rst. Its positions count bytes and are 64 bits wide, else it is the ring discipline.

import { bpfMapRing, type RingMapping } from '../kernel/bpf.js';
import { check } from '../kernel/system-error.js';
import { WideConsumerRing } from '../ring/ring.js';
import { BpfMap, type MapSpec } from './map.js';

const busyBit = 0x8000_0000;
const discardBit = 0x4000_0000;
const headerBytes = 8;

/** The consumer's side of a ring buffer map. */
export class RingBuffer {
  readonly map: BpfMap;
  private readonly mapping: RingMapping;
  private readonly ring: WideConsumerRing;
  private readonly words: Int32Array;
  private readonly dataWord: number;
  private readonly dataOffset: number;

  private constructor(map: BpfMap, mapping: RingMapping) {
    this.map = map;
    this.mapping = mapping;
    this.words = new Int32Array(mapping.buffer);
    this.dataOffset = 2 * mapping.pageBytes;
    this.dataWord = this.dataOffset / 4;
    this.ring = new WideConsumerRing(new BigUint64Array(mapping.buffer), 0, mapping.pageBytes / 8, mapping.dataBytes);
  }

  /** Creates the map and maps it. @param bytes a power of two of whole pages. @throws RefusedError, SystemError */
  static create(name: string, bytes: number): RingBuffer {
    const spec: MapSpec = { name, type: 'ringbuf', keyBytes: 0, valueBytes: 0, maxEntries: bytes };
    const map = BpfMap.create(spec);
    const mapping = bpfMapRing(map.fd, bytes);
    if (typeof mapping === 'number') {
      map.close();
      check(mapping, 'mmap', `of ring buffer ${name}`);
      throw new RangeError('unreachable');
    }
    return new RingBuffer(map, mapping);
  }

  /**
   * Visits the records submitted so far, at most `most`, then gives their room back in one store.
   * The view is of the ring itself and good within the visit only; a visit that throws loses the records before it.
   * @returns how many were visited.
   */
  drain(visit: (record: DataView) => void, most = Number.POSITIVE_INFINITY): number {
    this.map.checkOpen();
    let seen = 0;
    let moved = 0;
    const ready = this.ring.available() >>> 0;
    try {
      while (moved < ready && seen < most && this.map.isOpen) {
        const at = (this.ring.head + moved) & this.ring.mask;
        const header = Atomics.load(this.words, this.dataWord + at / 4) >>> 0;
        if ((header & busyBit) !== 0) break;
        const length = header & 0x3fff_ffff;
        moved += (length + headerBytes + 7) & ~7;
        if ((header & discardBit) !== 0) continue;
        seen++;
        visit(new DataView(this.mapping.buffer, this.dataOffset + at + headerBytes, length));
      }
    } finally {
      if (moved > 0 && this.map.isOpen) {
        this.ring.head = (this.ring.head + moved) | 0;
        this.ring.release();
      }
    }
    return seen;
  }

  /** Unmaps and closes. Harmless when done twice. */
  close(): void {
    if (this.map.isOpen) this.mapping.unmap();
    this.map.close();
  }
}
