// The files that are served: written once per run with bytes that differ everywhere, so that a hash notices bytes from a wrong
// offset, and really on disk, so that they can be cold.

import { spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, statfsSync, writeSync } from 'node:fs';
import { onPath } from './host/child.js';

const chunkBytes = 1 << 20;
const tmpfsMagic = 0x01021994;

/**
 * Writes `bytes` pseudo-random bytes (AES-128-CTR of zeros, from `seed`) and syncs them.
 * @returns the SHA-256 of the content, in hex.
 */
export function writeRandomFile(path: string, bytes: number, seed = 0): string {
  const key = new Uint8Array(16);
  new DataView(key.buffer).setUint32(0, seed);
  const cipher = createCipheriv('aes-128-ctr', key, new Uint8Array(16));
  const hash = createHash('sha256');
  const zeros = new Uint8Array(chunkBytes);
  const file = openSync(path, 'w');
  try {
    for (let left = bytes; left > 0; left -= chunkBytes) {
      const chunk = cipher.update(left >= chunkBytes ? zeros : zeros.subarray(0, left));
      hash.update(chunk);
      for (let written = 0; written < chunk.length; ) written += writeSync(file, chunk, written);
    }
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  return hash.digest('hex');
}

/** Why files in this directory cannot be cold; undefined when they can. */
export function coldAbsence(directory: string): string | undefined {
  if (statfsSync(directory).type === tmpfsMagic) {
    return `${directory} is in memory (tmpfs): choose a directory on a disk with --work-dir`;
  }
  return onPath('dd') ? undefined : 'dd is not on PATH (it drops the pages of a file)';
}

/** Drops a file's pages from the page cache: dd's nocache is posix_fadvise(POSIX_FADV_DONTNEED) over the whole file. */
export function dropPages(path: string): void {
  const dropped = spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0', 'status=none'], { encoding: 'utf8' });
  if (dropped.status !== 0) throw new Error(`the pages of ${path} were not dropped: ${dropped.stderr}`);
}

/** Bytes of a file in the page cache, as util-linux's fincore counts them; undefined without that program. */
export function residentBytes(path: string): number | undefined {
  const counted = spawnSync('fincore', ['-b', '-n', '-o', 'RES', path], { encoding: 'utf8' });
  return counted.status === 0 ? Number(counted.stdout.trim()) : undefined;
}
