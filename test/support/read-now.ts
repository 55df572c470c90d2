// Reading what there is, of a descriptor that does not wait. For tests alone.

import { readSync } from 'node:fs';

/** Takes all that there is to read now, a character a byte. @param fd opened without waiting (O_NONBLOCK) */
export function readNow(fd: number): string {
  const bytes = new Uint8Array(65_536);
  for (let said = ''; ; ) {
    try {
      const length = readSync(fd, bytes);
      if (length === 0) return said;
      said += Buffer.from(bytes.subarray(0, length)).toString('latin1');
    } catch {
      return said;
    }
  }
}
