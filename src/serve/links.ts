// Opening a path whose links are followed: as far as they stay beneath the root, absolute ones too. openBeneath refuses every
// absolute link, since it does not know the root's own name; here the name it leads to is looked up, and the place opened
// beneath the root, without links. No /proc is needed.

import { realpathSync } from 'node:fs';
import { join } from 'node:path';
import { Errno } from '../kernel/errno.js';
import { openBeneath } from '../kernel/file.js';

/** The name of a root without links in it, as absolute links that lead inside have it. */
export function canonicalName(root: string): string {
  try {
    return realpathSync.native(root);
  } catch {
    // Gone since it was opened: no link leads there either.
    return root;
  }
}

/**
 * Opens a path beneath `root`, links followed where they stay inside.
 * @param rootName the root's {@link canonicalName}. @returns a descriptor, or -errno; -EXDEV for what leads out.
 */
export function openFollowing(root: number, rootName: string, path: string): number {
  const plain = openBeneath(root, path, 'refuse');
  if (plain !== -Errno.ELOOP) return plain;
  const followed = openBeneath(root, path, 'beneath');
  return followed === -Errno.EXDEV ? openAbsoluteLink(root, rootName, path) : followed;
}

function openAbsoluteLink(root: number, rootName: string, path: string): number {
  let name: string;
  try {
    name = realpathSync.native(join(rootName, path));
  } catch (error) {
    const { errno = -Errno.ENOENT } = error as NodeJS.ErrnoException;
    // A folder that may not be searched stands outside, as far as anybody can tell: then the link leads out.
    return errno === -Errno.EACCES ? -Errno.EXDEV : errno;
  }
  if (name !== rootName && !name.startsWith(rootName === '/' ? '/' : `${rootName}/`)) return -Errno.EXDEV;
  // If the tree changes between the look-up and this, the walk is still held beneath the root.
  return openBeneath(root, name.slice(rootName.length).replace(/^\/+/, ''), 'refuse');
}
