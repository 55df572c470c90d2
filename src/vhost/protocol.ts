// The messages of vhost-user (QEMU, docs/interop/vhost-user.rst): numbers, and what a message of each kind has to look like. In the machine's
// byte order, which is little-endian wherever Clearway runs. Not here: what they mean (session.ts), the socket (channel.ts).

import { little64 } from '../kernel/words.js';

/** Requests of a front end. */
export const Request = {
  getFeatures: 1,
  setFeatures: 2,
  setOwner: 3,
  resetOwner: 4,
  setMemoryTable: 5,
  setLogBase: 6,
  setLogFd: 7,
  setVringNum: 8,
  setVringAddr: 9,
  setVringBase: 10,
  getVringBase: 11,
  setVringKick: 12,
  setVringCall: 13,
  setVringErr: 14,
  getProtocolFeatures: 15,
  setProtocolFeatures: 16,
  getQueueNum: 17,
  setVringEnable: 18,
  announce: 19,
  setMtu: 20,
  setBackendFd: 21,
  iotlb: 22,
  getConfig: 24,
  setConfig: 25,
  getInflight: 31,
  setInflight: 32,
  resetDevice: 34,
  getMaxMemorySlots: 36,
  addMemoryRegion: 37,
  removeMemoryRegion: 38,
  setStatus: 39,
  getStatus: 40,
} as const;

/** What a back end tells by itself. */
export const BackRequest = { iotlb: 1, configChanged: 2 } as const;

/** Types of messages about a guest's IOMMU: of ours, and of the front end's. */
export const IotlbType = { miss: 1, update: 2, invalidate: 3 } as const;

/** Bits of features that are the transport's and the rings', by number. */
export const Feature = {
  logAll: 26n,
  protocolFeatures: 30n,
  indirect: 28n,
  eventIndex: 29n,
  version1: 32n,
  platform: 33n,
  packed: 34n,
  /** Buffers are given back in the order in which they came. */
  inOrder: 35n,
} as const;

/** Bits of protocol features, by number. */
export const ProtocolFeature = {
  multiQueue: 0n,
  logMemory: 1n,
  announce: 2n,
  replyAck: 3n,
  mtu: 4n,
  backendRequests: 5n,
  config: 9n,
  inflight: 12n,
  resetDevice: 13n,
  memorySlots: 15n,
  status: 16n,
} as const;

/** A set of features from their numbers. */
export function bitsOf(...numbers: readonly bigint[]): bigint {
  return numbers.reduce((sum, bit) => sum | (1n << bit), 0n);
}

/** Whether a set has a feature. */
export function hasBit(set: bigint, bit: bigint): boolean {
  return ((set >> bit) & 1n) === 1n;
}

/** Bytes of a message's header, and of its payload at most. */
export const headerBytes = 12;
export const mostPayload = 4096;
/** Descriptors that belong to a message at most: as many as a memory table has regions. */
export const mostRegions = 8;

/** Bytes of configuration that are asked for at once, at most. */
export const mostConfig = 256;

/** Flags of a header. */
export const Flag = { versionMask: 3, version: 1, reply: 4, needReply: 8 } as const;

/** What a message of a request has to be. */
interface Form {
  /** Bytes of its payload: that many, or at least so many. */
  readonly bytes: number;
  readonly isOpen?: boolean;
  /** Descriptors: that many, up to that many, or as many as it says itself. */
  readonly fds: 'none' | 'one' | 'perhaps' | 'regions';
  /** It has an answer of its own. */
  readonly answers?: boolean;
}

/** The forms of requests that are understood. */
export const forms: ReadonlyMap<number, Form> = new Map<number, Form>([
  [Request.getFeatures, { bytes: 0, fds: 'none', answers: true }],
  [Request.setFeatures, { bytes: 8, fds: 'none' }],
  [Request.setOwner, { bytes: 0, fds: 'none' }],
  [Request.resetOwner, { bytes: 0, fds: 'none' }],
  [Request.setMemoryTable, { bytes: 8, isOpen: true, fds: 'regions' }],
  [Request.setLogBase, { bytes: 16, fds: 'one', answers: true }],
  [Request.setLogFd, { bytes: 0, fds: 'one' }],
  [Request.setVringNum, { bytes: 8, fds: 'none' }],
  [Request.setVringAddr, { bytes: 40, fds: 'none' }],
  [Request.setVringBase, { bytes: 8, fds: 'none' }],
  [Request.getVringBase, { bytes: 8, fds: 'none', answers: true }],
  [Request.setVringKick, { bytes: 8, fds: 'perhaps' }],
  [Request.setVringCall, { bytes: 8, fds: 'perhaps' }],
  [Request.setVringErr, { bytes: 8, fds: 'perhaps' }],
  [Request.getProtocolFeatures, { bytes: 0, fds: 'none', answers: true }],
  [Request.setProtocolFeatures, { bytes: 8, fds: 'none' }],
  [Request.getQueueNum, { bytes: 0, fds: 'none', answers: true }],
  [Request.setVringEnable, { bytes: 8, fds: 'none' }],
  [Request.announce, { bytes: 8, fds: 'none' }],
  [Request.setMtu, { bytes: 8, fds: 'none' }],
  [Request.setBackendFd, { bytes: 0, fds: 'one' }],
  [Request.iotlb, { bytes: 26, isOpen: true, fds: 'none', answers: true }],
  [Request.getConfig, { bytes: 12, isOpen: true, fds: 'none', answers: true }],
  [Request.setConfig, { bytes: 12, isOpen: true, fds: 'none' }],
  [Request.getInflight, { bytes: 20, isOpen: true, fds: 'none', answers: true }],
  [Request.setInflight, { bytes: 20, isOpen: true, fds: 'one' }],
  [Request.resetDevice, { bytes: 0, fds: 'none' }],
  [Request.getMaxMemorySlots, { bytes: 0, fds: 'none', answers: true }],
  [Request.addMemoryRegion, { bytes: 40, fds: 'one' }],
  [Request.removeMemoryRegion, { bytes: 40, fds: 'perhaps' }],
  [Request.setStatus, { bytes: 8, fds: 'none' }],
  [Request.getStatus, { bytes: 0, fds: 'none', answers: true }],
]);

/** One region of a table: addresses in bytes, as numbers, exact. */
export interface RegionMessage {
  readonly guest: number;
  readonly length: number;
  readonly user: number;
  readonly offset: number;
}

/** A number of 64 bits that is exact as a number; NaN where it is 2^53 or more. */
export function exact64(data: DataView, at: number): number {
  const value = little64(data, at);
  return Number.isSafeInteger(value) ? value : Number.NaN;
}

/** Bytes of a region in a message. */
export const regionBytes = 32;

/** Reads a region. Its numbers may be NaN. */
export function readRegion(data: DataView, at: number): RegionMessage {
  const [guest, length, user, offset] = [0, 8, 16, 24].map((field) => exact64(data, at + field)) as [
    number,
    number,
    number,
    number,
  ];
  return { guest, length, user, offset };
}
