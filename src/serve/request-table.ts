// From the bytes of a request straight to a response in a frame: request-target and Accept-Encoding are the key, compared
// as bytes, so that a hot request costs no string. A hint only: what it gives is checked for being current by whoever asks.

import type { CachedResponse } from './frame-cache.js';

const slots = 8192;
const mask = slots - 1;
/** Longer keys are not kept. */
const maxKeyBytes = 512;
const probes = 4;

/** A bounded table; what does not fit replaces what is there. */
export class RequestTable {
  readonly #hashes = new Int32Array(slots);
  readonly #keys: Array<Uint8Array | undefined> = new Array<Uint8Array | undefined>(slots).fill(undefined);
  readonly #responses: Array<CachedResponse | undefined> = new Array<CachedResponse | undefined>(slots).fill(undefined);

  /** The response last kept under a target and an Accept-Encoding (both ranges of `bytes`; -1: no such field). */
  get(
    bytes: Uint8Array,
    targetStart: number,
    targetEnd: number,
    codingStart: number,
    codingEnd: number,
  ): CachedResponse | undefined {
    const hash = hashOf(bytes, targetStart, targetEnd, codingStart, codingEnd);
    for (let probe = 0; probe < probes; probe++) {
      const at = (hash + probe) & mask;
      if (this.#hashes[at] !== hash) continue;
      const key = this.#keys[at];
      if (key !== undefined && equals(key, bytes, targetStart, targetEnd, codingStart, codingEnd))
        return this.#responses[at];
    }
    return undefined;
  }

  /** Keeps a response. */
  set(
    bytes: Uint8Array,
    targetStart: number,
    targetEnd: number,
    codingStart: number,
    codingEnd: number,
    response: CachedResponse,
  ): void {
    const length = targetEnd - targetStart + 1 + (codingEnd - codingStart);
    if (length > maxKeyBytes) return;
    const hash = hashOf(bytes, targetStart, targetEnd, codingStart, codingEnd);
    let chosen = hash & mask;
    for (let probe = 0; probe < probes; probe++) {
      const at = (hash + probe) & mask;
      const key = this.#keys[at];
      const same =
        key !== undefined &&
        this.#hashes[at] === hash &&
        equals(key, bytes, targetStart, targetEnd, codingStart, codingEnd);
      const response = this.#responses[at];
      if (same || response === undefined || response.dropped) {
        chosen = at;
        if (same) break;
      }
    }
    const key = new Uint8Array(length);
    let to = 0;
    for (let from = targetStart; from < targetEnd; from++) key[to++] = bytes[from]!;
    key[to++] = separator;
    for (let from = codingStart; from < codingEnd; from++) key[to++] = bytes[from]!;
    this.#hashes[chosen] = hash;
    this.#keys[chosen] = key;
    this.#responses[chosen] = response;
  }
}

/** A byte that neither a target nor a field value can hold. */
const separator = 0;

function hashOf(
  bytes: Uint8Array,
  targetStart: number,
  targetEnd: number,
  codingStart: number,
  codingEnd: number,
): number {
  let hash = 0x811c9dc5 | 0;
  for (let index = targetStart; index < targetEnd; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  hash = Math.imul(hash ^ separator, 0x01000193);
  for (let index = codingStart; index < codingEnd; index++) hash = Math.imul(hash ^ bytes[index]!, 0x01000193);
  return hash;
}

function equals(
  key: Uint8Array,
  bytes: Uint8Array,
  targetStart: number,
  targetEnd: number,
  codingStart: number,
  codingEnd: number,
): boolean {
  const targetLength = targetEnd - targetStart;
  if (key.length !== targetLength + 1 + (codingEnd - codingStart)) return false;
  for (let index = 0; index < targetLength; index++) if (key[index] !== bytes[targetStart + index]) return false;
  if (key[targetLength] !== separator) return false;
  for (let index = codingStart; index < codingEnd; index++) {
    if (key[targetLength + 1 + index - codingStart] !== bytes[index]) return false;
  }
  return true;
}
