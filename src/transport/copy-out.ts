// For a file system whose files cannot be spliced, and a host that refuses to: bytes go through memory, and are counted. Not here: when (list-pump.ts).

import type { Engine } from '../engine/engine.js';
import { Errno } from '../kernel/errno.js';
import { readAt } from '../kernel/file.js';
import { CopyReason, countCopy } from '../memory/copy.js';
import { Region } from '../memory/region.js';

const copyBytesAtOnce = 64 * 1024;
let copyMemory: Region | undefined;

/**
 * Whether sendfile gave an errno (negative) that says nothing of the file's bytes or of the peer: its file system cannot, or the host
 * refuses the call.
 */
export function isNotSpliceable(result: number): boolean {
  return refusals.has(-result);
}

const refusals: ReadonlySet<number> = new Set([
  Errno.EINVAL,
  Errno.ENOSYS,
  Errno.EOPNOTSUPP,
  Errno.EPERM,
  Errno.EACCES,
]);

/** Sends a range of a file through memory. As sendfile in what it returns. */
export function copyOut(engine: Engine, fd: number, file: number, offset: number, length: number): number {
  copyMemory ??= new Region(copyBytesAtOnce);
  const read = readAt(file, copyMemory.address, Math.min(length, copyBytesAtOnce), offset);
  if (read <= 0) return read;
  countCopy(CopyReason.notSpliceable, read);
  return engine.sendNow(fd, copyMemory.address, read, 0);
}
