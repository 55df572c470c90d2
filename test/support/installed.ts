// Whether a program is installed, by a look along PATH: to start one only to hear that it starts takes a quarter of a second of some (ffmpeg, DPDK, QEMU).
// For tests alone.

import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** True when there is such a program to run. */
export function isInstalled(name: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
