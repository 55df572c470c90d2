// InflightArea: memory in which a front end keeps, over the end of this process, which requests were under way: one file, a part for each queue.
// We make the file and give it away; it comes back as any descriptor from outside does. Not here: what is noted in it (virtio/inflight*.ts).

import { viewMemory } from '../kernel/ffi.js';
import { createMemoryFile } from '../kernel/memory.js';
import { SharedMemoryError, SharedRegion } from '../memory/shared-region.js';
import { inflightBytes } from '../virtio/inflight.js';
import { mostDescriptors } from '../virtio/queue.js';
import { exact64 } from './protocol.js';
import { refuse } from './refusal.js';

/** See the file's head. */
export class InflightArea {
  readonly #region: SharedRegion;
  readonly #queues: number;
  readonly #entries: number;

  private constructor(region: SharedRegion, queues: number, entries: number) {
    this.#region = region;
    this.#queues = queues;
    this.#entries = entries;
  }

  /** Queues and entries that a message names. @throws Refusal */
  static #shapeOf(payload: DataView, most: number): readonly [queues: number, entries: number] {
    const [queues, entries] = [payload.getUint16(16, true), payload.getUint16(18, true)];
    if (queues === 0 || queues > most || entries === 0 || entries > mostDescriptors)
      refuse(`keeps requests in flight of ${queues} queues of ${entries} entries: there are ${most} queues`);
    return [queues, entries];
  }

  /**
   * Makes an area that is given away. @param payload GET_INFLIGHT_FD. @param most queues that there are
   * @returns its file, which is the caller's, and the answer @throws Refusal, SystemError
   */
  static make(
    payload: DataView,
    most: number,
    isPacked: boolean,
  ): { readonly fd: number; readonly answer: Uint8Array } {
    const [queues, entries] = InflightArea.#shapeOf(payload, most);
    const bytes = queues * inflightBytes(entries, isPacked);
    const answer = new Uint8Array(payload.byteLength);
    const view = new DataView(answer.buffer);
    view.setBigUint64(0, BigInt(bytes), true);
    view.setUint16(16, queues, true);
    view.setUint16(18, entries, true);
    return { fd: createMemoryFile('inflight', bytes), answer };
  }

  /**
   * An area that a front end passed. @param payload SET_INFLIGHT_FD. @param any also a file that may become shorter
   * @throws Refusal, SharedMemoryError
   */
  static of(payload: DataView, fd: number, most: number, any: boolean): InflightArea {
    const [queues, entries] = InflightArea.#shapeOf(payload, most);
    const [length, offset] = [exact64(payload, 0), exact64(payload, 8)];
    const least = queues * inflightBytes(entries, false);
    if (!Number.isSafeInteger(length + offset) || length < least)
      refuse(`keeps requests in flight in ${length} bytes: ${queues} queues of ${entries} entries take ${least}`);
    const used = Math.min(length, queues * inflightBytes(entries, true));
    try {
      return new InflightArea(new SharedRegion(fd, { offset, length: used, any }), queues, entries);
    } catch (error) {
      if (!(error instanceof SharedMemoryError)) throw error;
      throw new SharedMemoryError(`keeps requests in flight in memory that ${error.message}`);
    }
  }

  /** The part of a queue; undefined: it has none, or one that is too small. */
  partOf(index: number, size: number, isPacked: boolean): ArrayBuffer | undefined {
    const bytes = inflightBytes(this.#entries, isPacked);
    if (index >= this.#queues || size > this.#entries || (index + 1) * bytes > this.#region.byteLength)
      return undefined;
    return viewMemory(this.#region.address + index * bytes, bytes);
  }

  /** Lets go of it; no queue uses it any more. */
  unmap(): void {
    this.#region.unmap();
  }
}
