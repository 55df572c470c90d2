// Opening beneath a root by hand, for hosts without openat2: one folder at a time, never through a link, links by their text.
// The same answers as the kernel's walk under RESOLVE_BENEATH. Not here: which of the two is taken (file.ts).
//
// Why it cannot be led out: each step opens one name (no slash, no `..`) in a folder that is held open, with O_NOFOLLOW; `..`
// goes back to the folder that the walk came from, which is held too, not to what its parent is by now. A magic link of /proc
// is read like any other and walked as the text that it shows.

import { O } from './constants.js';
import { Errno } from './errno.js';
import { syscall3, syscall6 } from './ffi.js';
import { cBytes, scratch } from './memory.js';
import { sys } from './numbers.js';

/** How the file itself is opened: as by openat2, and no link as the last name. */
const lastFlags = O.RDONLY | O.CLOEXEC | O.NONBLOCK | O.NOCTTY | O.NOFOLLOW;
const folderFlags = O.PATH | O.DIRECTORY | O.NOFOLLOW | O.CLOEXEC;

/** Links on the way to one file, as many as the kernel follows (path_resolution(7)). */
const maxLinks = 40;
const linkBytes = 4096;

/** No descriptor and no errno: the walk goes on. */
const stepped = Number.MIN_SAFE_INTEGER;

/** Names of a path in reverse, so that the next one is the last of the list. */
function namesOf(path: string): string[] {
  return path.split('/').reverse();
}

/**
 * Opens a path beneath `root` for reading.
 * @param path bytes, each as one character (`latin1`), without NUL. @param follow links that stay beneath are followed.
 * @returns the descriptor, or -errno as openat2 gives it: EXDEV for what leaves the root, ELOOP for a link that is refused.
 */
export function walkBeneath(root: number, path: string, follow: boolean): number {
  if (path.startsWith('/')) return -Errno.EXDEV;
  const walk = new Walk(root, namesOf(path), follow ? maxLinks : 0);
  try {
    return walk.run();
  } finally {
    walk.close();
  }
}

class Walk {
  readonly #root: number;
  /** What is still to be walked, reversed. */
  readonly #names: string[];
  /** Folders that were entered, each in the one before it. */
  readonly #folders: number[] = [];
  #linksLeft: number;

  constructor(root: number, names: string[], links: number) {
    this.#root = root;
    this.#names = names;
    this.#linksLeft = links;
  }

  run(): number {
    for (;;) {
      const name = this.#names.pop()!;
      const result = this.#step(name, this.#names.length === 0);
      if (result !== stepped) return result;
    }
  }

  /** The descriptor of the last name; {@link stepped} when the walk goes on; -errno. */
  #step(name: string, isLast: boolean): number {
    const folder = this.#folders.at(-1) ?? this.#root;
    if (name === '' || name === '.') return isLast ? openAt(folder, '.', lastFlags) : stepped;
    if (name === '..') return this.#leave(isLast);
    const result = openAt(folder, name, isLast ? lastFlags : folderFlags);
    if (result >= 0) {
      if (isLast) return result;
      this.#folders.push(result);
      return stepped;
    }
    // What the flags refuse: as the last name a link is ELOOP, on the way it is no folder.
    return result === (isLast ? -Errno.ELOOP : -Errno.ENOTDIR) ? this.#followLink(folder, name, result) : result;
  }

  #leave(isLast: boolean): number {
    const left = this.#folders.pop();
    if (left === undefined) return -Errno.EXDEV;
    syscall3(sys.close, left);
    return isLast ? openAt(this.#folders.at(-1) ?? this.#root, '.', lastFlags) : stepped;
  }

  #followLink(folder: number, name: string, refused: number): number {
    const text = linkText(folder, name);
    // EINVAL: it is no link, or no longer one; what refused it on the way was another kind of file.
    if (text === -Errno.EINVAL) return refused === -Errno.ENOTDIR ? refused : -Errno.EAGAIN;
    if (typeof text === 'number') return text;
    if (this.#linksLeft === 0) return -Errno.ELOOP;
    this.#linksLeft--;
    if (text.startsWith('/')) return -Errno.EXDEV;
    for (const each of namesOf(text)) this.#names.push(each);
    return stepped;
  }

  close(): void {
    for (const folder of this.#folders) syscall3(sys.close, folder);
  }
}

function openAt(folder: number, name: string, flags: number): number {
  return syscall6(sys.openat, folder, cBytes(name), flags, 0);
}

/** readlinkat(2): the text of a link, or -errno. */
function linkText(folder: number, name: string): string | number {
  const nameAddress = cBytes(name);
  const place = scratch(linkBytes);
  const result = syscall6(sys.readlinkat, folder, nameAddress, place.address, linkBytes);
  if (result < 0) return result;
  if (result === 0) return -Errno.ENOENT;
  if (result === linkBytes) return -Errno.ENAMETOOLONG;
  return Buffer.from(place.bytes.buffer, place.offset, result).toString('latin1');
}
