// Which files of a folder match patterns of paths. Links to folders are not followed. Not here: opening them.

import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { matchesPattern } from '../path-pattern.js';
import type { DotfilePolicy } from '../site-types.js';

/** Names that are looked at in one walk. */
const mostNames = 1_000_000;

/** Where a walk for a pattern begins: the last folder before its first star, with a slash at both ends. */
function startOf(pattern: string): string {
  const star = pattern.indexOf('*');
  const literal = star < 0 ? pattern : pattern.slice(0, star);
  return literal.slice(0, literal.lastIndexOf('/') + 1);
}

/** The folders that have to be walked: none is beneath another. */
function startsOf(patterns: readonly string[]): string[] {
  const starts = [...new Set(patterns.map(startOf))].sort();
  return starts.filter((start) => !starts.some((other) => other !== start && start.startsWith(other)));
}

/**
 * Paths from the root on (`/films/a.mp4`) of what matches one of the patterns and may be a regular file, in order. A folder that cannot be
 * read has none.
 */
export async function findFiles(
  root: string,
  patterns: readonly string[],
  dotfiles: DotfilePolicy,
): Promise<readonly string[]> {
  const found: string[] = [];
  let names = 0;
  const folders = startsOf(patterns);
  for (let folder = folders.pop(); folder !== undefined && names < mostNames; folder = folders.pop()) {
    const open = await opendir(join(root, folder)).catch(() => undefined);
    if (open === undefined) continue;
    try {
      for await (const entry of open) {
        names++;
        if (entry.name.startsWith('.') && dotfiles !== 'allow') continue;
        const path = folder + entry.name;
        if (entry.isDirectory()) folders.push(`${path}/`);
        else if (patterns.some((pattern) => matchesPattern(pattern, path))) found.push(path);
      }
    } catch {
      // It went away while it was read: the next walk sees what is there.
    }
  }
  return found.sort();
}
