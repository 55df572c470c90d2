// From a path of a URL to a path beneath a root: decoded once, normalised, and judged. `..` may not leave the root, and a
// path without a root may not contain it at all. Not here: opening the file, which the kernel does beneath the root.

import { join, normalize, resolve, sep } from 'node:path';

/** A path that may be looked for. */
export interface FilePath {
  /** Where the search is confined to; of a path without a root the root of the file system. */
  readonly root: string;
  /** Segments below the root joined by '/', without one at either end; empty for the root itself. */
  readonly relative: string;
  /** The name in the file system. */
  readonly absolute: string;
  /** The path as it was given ends in a slash: a directory is meant. */
  readonly trailingSlash: boolean;
  /** The decoded path ends in a separator, so that it can be no file. */
  readonly directoryOnly: boolean;
  /** Some segment that was asked for begins with a dot. */
  readonly dotfile: boolean;
}

const climbs = /(?:^|[\\/])\.\.(?:[\\/]|$)/;
/** Most of what is asked for needs neither decoding nor normalising: plain segments that do not begin with a dot. */
const plain = /^(?:\/[\w~-][\w.~-]*)+$/;

/**
 * Reads a path as it stands in a URL.
 * @param root a resolved directory, or undefined: then the path is one of the file system.
 * @returns 400 for a path that cannot be decoded or holds a NUL, 403 for one that climbs.
 */
export function parseFilePath(given: string, root: string | undefined): FilePath | 400 | 403 {
  if (root !== undefined && sep === '/' && plain.test(given)) {
    const relative = given.substring(1);
    const absolute = root === '/' ? given : root + given;
    return { root, relative, absolute, trailingSlash: false, directoryOnly: false, dotfile: false };
  }
  const decoded = decode(given);
  if (decoded === undefined || decoded.includes('\0')) return 400;
  const trailingSlash = given.endsWith('/');
  if (root === undefined) {
    if (climbs.test(decoded)) return 403;
    return withoutRoot(decoded, trailingSlash);
  }
  const path = decoded === '' ? '' : normalize(`.${sep}${decoded}`);
  if (climbs.test(path)) return 403;
  const segments = path.split(sep);
  const absolute = normalize(join(root, path));
  return {
    root,
    relative: segments.filter((segment) => segment !== '' && segment !== '.').join('/'),
    absolute,
    trailingSlash,
    directoryOnly: path.endsWith(sep) && path !== `.${sep}`,
    dotfile: segments.some(isDotSegment),
  };
}

function withoutRoot(decoded: string, trailingSlash: boolean): FilePath {
  const absolute = resolve(decoded);
  const root = sep === '/' ? '/' : absolute.substring(0, absolute.indexOf(sep) + 1);
  return {
    root,
    relative: absolute.substring(root.length).split(sep).join('/'),
    absolute,
    trailingSlash,
    directoryOnly: false,
    dotfile: normalize(decoded).split(sep).some(isDotSegment),
  };
}

function isDotSegment(segment: string): boolean {
  return segment.length > 1 && segment.startsWith('.') && segment !== '..';
}

function decode(text: string): string | undefined {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
