// The numbers of block devices (VIRTIO 1.x section 5.2), which a device and a driver share: requests, what becomes of them, features. Not here: what
// is done with them.

/** What a request asks for. */
export const BlockRequest = { read: 0, write: 1, flush: 4, id: 8, discard: 11, writeZeroes: 13 } as const;

/** How a request ended: it was done, it failed, or the device does not know it. */
export const BlockStatus = { ok: 0, failed: 1, unsupported: 2 } as const;

/** Features of block devices, by number. */
export const BlockFeature = {
  segMax: 2n,
  readOnly: 5n,
  blockSize: 6n,
  flush: 9n,
  topology: 10n,
  configWce: 11n,
  multiQueue: 12n,
  discard: 13n,
  writeZeroes: 14n,
} as const;
