// BPF maps: what a program leaves for user space to read. Keys and values pass through mapped memory that belongs to the
// map; a view handed out is good until the map's next operation. Ring buffers are ring-buffer.ts.

import { readFileSync } from 'node:fs';
import {
  bpfClose,
  bpfMapBatch,
  bpfMapCreate,
  bpfMapDelete,
  bpfMapLookup,
  bpfMapNextKey,
  bpfMapUpdate,
} from '../kernel/bpf.js';
import { Errno } from '../kernel/errno.js';
import { check } from '../kernel/system-error.js';
import { Region } from '../memory/region.js';
import { wrongArgument } from '../text/coded.js';
import { shown } from '../text/shown.js';
import { loadStorageBtf, storageKeyTypeId, storageValueTypeId } from './btf-build.js';
import { Held } from './held.js';
import { refusal } from './refusals.js';

/** Map types by name, BPF_MAP_TYPE_* of include/uapi/linux/bpf.h. */
export const mapTypes = {
  hash: 1,
  array: 2,
  prog_array: 3,
  percpu_hash: 5,
  percpu_array: 6,
  stack_trace: 7,
  lru_hash: 9,
  lru_percpu_hash: 10,
  lpm_trie: 11,
  devmap: 14,
  sockmap: 15,
  cpumap: 16,
  xskmap: 17,
  sockhash: 18,
  sk_storage: 24,
  ringbuf: 27,
  task_storage: 29,
  cgrp_storage: 32,
} as const;
export type MapType = keyof typeof mapTypes;

/** What a map is to be. Programs refer to it by `name`. */
export interface MapSpec {
  readonly name: string;
  readonly type: MapType;
  /** Bytes of a key; 4 for arrays and storage, 0 for ring buffers. */
  readonly keyBytes: number;
  /** Bytes of a value (of one CPU's value in per-CPU maps). */
  readonly valueBytes: number;
  /** Entries; for a ring buffer its bytes, a power of two of whole pages; 0 for storage. */
  readonly maxEntries: number;
  /** BPF_F_*; storage maps get BPF_F_NO_PREALLOC by themselves. */
  readonly flags?: number;
}

/** BPF_F_NO_PREALLOC: entries are allocated when they are made (hash maps), and must be for storage. */
export const noPreallocation = 1;

const perCpuTypes = new Set<MapType>(['percpu_hash', 'percpu_array', 'lru_percpu_hash']);
const storageTypes = new Set<MapType>(['sk_storage', 'task_storage', 'cgrp_storage']);
const batchEntries = 128;

let cpus = 0;

/** CPUs this machine could have: per-CPU maps hold a value for each of them (/sys/devices/system/cpu/possible). */
export function possibleCpus(): number {
  if (cpus === 0) {
    const last = /(\d+)\s*$/.exec(readFileSync('/sys/devices/system/cpu/possible', 'latin1'));
    cpus = Number(last?.[1] ?? 0) + 1;
  }
  return cpus;
}

/** Numbers that the kernel would cut, or a name that is none. @throws TypeError */
function checkSpec({ name, keyBytes, valueBytes, maxEntries, flags = 0 }: MapSpec): void {
  if (typeof name !== 'string') throw wrongArgument(`the name of a map is a text, not ${shown(name)}`, TypeError);
  for (const [what, value] of Object.entries({ keyBytes, valueBytes, maxEntries, flags })) {
    if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
      throw wrongArgument(`${what} of map ${name} is a whole number, not ${shown(value)}`, TypeError);
  }
}

/** A map of the kernel, held open by its descriptor. */
export class BpfMap extends Held {
  readonly spec: MapSpec;
  /** Bytes of a value as user space sees it: for per-CPU maps, one 8-aligned value for each possible CPU. */
  readonly valueStride: number;
  private memory: Region | undefined;

  private constructor(fd: number, spec: MapSpec) {
    super(fd, `the map ${spec.name}`);
    this.spec = spec;
    const perCpuBytes = Math.ceil(spec.valueBytes / 8) * 8;
    this.valueStride = perCpuTypes.has(spec.type) ? perCpuBytes * possibleCpus() : spec.valueBytes;
  }

  /** Creates a map. @throws RefusedError, named: not permitted, unknown to this kernel, no memory. */
  static create(spec: MapSpec): BpfMap {
    checkSpec(spec);
    const storage = storageTypes.has(spec.type);
    const btfFd = storage ? loadStorageBtf(spec.valueBytes) : 0;
    const fd = bpfMapCreate({
      type: mapTypes[spec.type],
      keyBytes: spec.keyBytes,
      valueBytes: spec.valueBytes,
      maxEntries: spec.maxEntries,
      flags: (spec.flags ?? 0) | (storage ? noPreallocation : 0),
      name: spec.name,
      ...(storage ? { btfFd, keyTypeId: storageKeyTypeId, valueTypeId: storageValueTypeId } : {}),
    });
    if (storage) bpfClose(btfFd);
    if (fd < 0) throw refusal({ stage: 'map', kind: `${spec.type} map`, target: spec.name, errno: -fd });
    return new BpfMap(fd, spec);
  }

  /** Memory, where it is open: [key][next key][place of a batch][keys of a batch][values of a batch], made when first needed. */
  private area(): { region: Region; key: number; next: number; keys: number; values: number; stride: number } {
    this.checkOpen();
    const stride = Math.max(8, Math.ceil(this.spec.keyBytes / 8) * 8);
    const keys = stride * 4;
    const values = keys + stride * batchEntries;
    this.memory ??= new Region(values + this.valueStride * batchEntries);
    return { region: this.memory, key: 0, next: stride, keys, values, stride };
  }

  private putKey(key: number | Uint8Array): void {
    const { region } = this.area();
    if (typeof key !== 'number' && !(key instanceof Uint8Array))
      throw wrongArgument(`a key is a number or bytes, not ${shown(key)}`, TypeError);
    if (typeof key === 'number') region.data.setUint32(0, key, true);
    else for (let index = 0; index < this.spec.keyBytes; index++) region.bytes[index] = key[index]!;
  }

  /**
   * The value of a key (a number is a 32-bit key). @returns `undefined` where there is none.
   * The view is good until the map's next operation.
   */
  lookup(key: number | Uint8Array): DataView | undefined {
    const { region, values } = this.area();
    this.putKey(key);
    const result = bpfMapLookup(this.fd, region.address, region.address + values);
    if (result === -Errno.ENOENT) return undefined;
    check(result, 'bpf map lookup', this.spec.name);
    return new DataView(region.buffer, values, this.valueStride);
  }

  /** Puts a value; `fill` writes it into a zeroed view of {@link valueStride} bytes. @throws SystemError */
  update(key: number | Uint8Array, fill: (value: DataView) => void): void {
    const { region, values } = this.area();
    this.putKey(key);
    region.bytes.fill(0, values, values + this.valueStride);
    fill(new DataView(region.buffer, values, this.valueStride));
    check(bpfMapUpdate(this.fd, region.address, region.address + values), 'bpf map update', this.spec.name);
  }

  /** Deletes a key. @returns false where there was none. */
  delete(key: number | Uint8Array): boolean {
    const { region } = this.area();
    this.putKey(key);
    const result = bpfMapDelete(this.fd, region.address);
    if (result === -Errno.ENOENT) return false;
    check(result, 'bpf map delete', this.spec.name);
    return true;
  }

  /**
   * Visits every entry, in batches of 128 a system call where the map type allows.
   * Views are good within the visit only. Entries made meanwhile may or may not be seen. A visit may close the map.
   */
  forEach(visit: (key: DataView, value: DataView) => void): void {
    const { region, keys, values, stride } = this.area();
    const base = region.address;
    let from = 0;
    for (;;) {
      const { result, count } = bpfMapBatch(this.fd, {
        from,
        next: base + stride * 2,
        keys: base + keys,
        values: base + values,
        count: batchEntries,
        remove: false,
      });
      if (result < 0 && result !== -Errno.ENOENT) {
        if (from !== 0) check(result, 'bpf map batch', this.spec.name);
        this.forEachByKey(visit);
        return;
      }
      for (let index = 0; index < count && this.isOpen; index++) {
        visit(
          new DataView(region.buffer, keys + index * this.spec.keyBytes, this.spec.keyBytes),
          new DataView(region.buffer, values + index * this.valueStride, this.valueStride),
        );
      }
      if (result < 0 || !this.isOpen) return;
      from = base + stride * 2;
    }
  }

  /** The slow walk, for map types without batches: next key, then lookup. */
  private forEachByKey(visit: (key: DataView, value: DataView) => void): void {
    const { region, next, values } = this.area();
    const base = region.address;
    let result = bpfMapNextKey(this.fd, 0, base + next);
    while (result === 0 && this.isOpen) {
      for (let index = 0; index < this.spec.keyBytes; index++) region.bytes[index] = region.bytes[next + index]!;
      if (bpfMapLookup(this.fd, base, base + values) === 0) {
        visit(
          new DataView(region.buffer, 0, this.spec.keyBytes),
          new DataView(region.buffer, values, this.valueStride),
        );
      }
      if (this.isOpen) result = bpfMapNextKey(this.fd, base, base + next);
    }
  }

  /** The sum over CPUs of the 64-bit counter at `offset` of a per-CPU value (exact below 2^53). */
  sum(value: DataView, offset: number): number {
    const stride = Math.ceil(this.spec.valueBytes / 8) * 8;
    let total = 0n;
    for (let at = offset; at < value.byteLength; at += stride) total += value.getBigUint64(at, true);
    return Number(total);
  }

  /** Closes the descriptor; the kernel frees the map when no program uses it any more. Harmless when done twice. */
  close(): void {
    if (this.end()) this.memory?.unmap();
  }
}
