// What a test's process has open. Descriptor numbers would not do: Node opens and closes files of its own meanwhile.

import { readdirSync, readlinkSync } from 'node:fs';

/** What this process has open, by what it leads to: a path, or the kernel's name of a socket. */
export function openDescriptors(pattern: RegExp): string[] {
  const links = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`);
    } catch {
      return '';
    }
  });
  return links.filter((link) => pattern.test(link));
}
