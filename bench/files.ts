// The files that are served: written once per run with bytes that differ everywhere, so that a hash notices bytes from a wrong
// offset, and really on disk, so that they can be cold.

import { spawnSync } from 'node:child_process';
import { createCipheriv, createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readSync, statfsSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { randomSource } from '../src/plan/answers/simulate.js';
import { onPath } from './host/child.js';
import type { FilePart, ManyFile } from './requests.js';

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

const filesADirectory = 100;
const smallest = 1024;
const largestOfMany = 8192;
const endings = ['html', 'css', 'js', 'png', 'svg', 'woff2', 'json', 'jpg'] as const;

/**
 * Writes `count` files of 1 to 8 KiB, 100 in a directory, with the endings that sites have and bytes that differ, and waits
 * until they are on disk: their writing must not be part of what is measured.
 */
export function writeManyFiles(siteDirectory: string, count: number, seed = 3): ManyFile[] {
  const random = randomSource(seed);
  const cipher = createCipheriv('aes-128-ctr', new Uint8Array(16), new Uint8Array(16));
  const pool = cipher.update(new Uint8Array(chunkBytes + largestOfMany));
  const files: ManyFile[] = [];
  for (let index = 0; index < count; index++) {
    const directory = `many-${Math.floor(index / filesADirectory)}`;
    if (index % filesADirectory === 0) mkdirSync(join(siteDirectory, directory));
    const bytes = smallest + Math.floor(random() * (largestOfMany - smallest + 1));
    const start = Math.floor(random() * chunkBytes);
    const path = `${directory}/${index}.${endings[index % endings.length]}`;
    writeFileSync(join(siteDirectory, path), pool.subarray(start, start + bytes));
    files.push({ path, bytes });
  }
  spawnSync('sync', ['-f', siteDirectory]);
  return files;
}

/** The SHA-256 in hex of a part of a served file, read from the disk. */
export function hashOfPart(siteDirectory: string, { path, start, bytes }: FilePart): string {
  const hash = createHash('sha256');
  const chunk = new Uint8Array(Math.min(bytes, chunkBytes));
  const file = openSync(join(siteDirectory, path), 'r');
  try {
    for (let done = 0; done < bytes; ) {
      const read = readSync(file, chunk, 0, Math.min(chunk.length, bytes - done), start + done);
      if (read === 0) throw new Error(`${path} is shorter than ${start + bytes} bytes`);
      hash.update(chunk.subarray(0, read));
      done += read;
    }
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
