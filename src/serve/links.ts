// Absolute symbolic links that lead to a place inside the root: the kernel's RESOLVE_BENEATH refuses every absolute link,
// since it cannot know the root's own name. The name is looked up, and the place it leads to opened beneath, without links.

import { readlinkSync, realpathSync } from 'node:fs';
import { Errno } from '../kernel/errno.js';
import { openBeneath } from '../kernel/file.js';

/** Opens a path that an absolute link is part of. Returns a descriptor, or -ENOENT when it leads out of the root. */
export function resolveLinkBeneath(root: number, path: string): number {
  try {
    const rootName = readlinkSync(`/proc/self/fd/${root}`);
    const name = realpathSync.native(`/proc/self/fd/${root}/${path}`);
    if (name !== rootName && !name.startsWith(rootName === '/' ? '/' : `${rootName}/`)) return -Errno.ENOENT;
    // If the tree changes between the look-up and this, the kernel still holds the walk beneath the root.
    return openBeneath(root, name.slice(rootName.length).replace(/^\/+/, ''), 'refuse');
  } catch {
    return -Errno.ENOENT;
  }
}
