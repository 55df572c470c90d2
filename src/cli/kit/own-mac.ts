// Link addresses of devices whose user names none. Not here: those that are given (net.ts).

import { createHash } from 'node:crypto';

/** An address in QEMU's range that is the same at each start, and another for each text. Six bytes. */
export const ownMac = (text: string): Uint8Array =>
  Uint8Array.of(0x52, 0x54, 0, ...createHash('sha256').update(text).digest().subarray(0, 3));
