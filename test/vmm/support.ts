// Whether virtual machines can be tested here, and images as tests name them. Not here: the tests.

import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openKvm } from '../../src/kernel/kvm.js';
import { closeDescriptor } from '../../src/kernel/socket.js';

/** The file of an image. */
export const imageOf = (name: string): string => fileURLToPath(new URL(`../../image/${name}.elf`, import.meta.url));

/** Why images cannot be tested; false: they can. */
export function imagesRefused(): string | false {
  if (process.arch !== 'x64') return `images are for x86-64, and this is ${process.arch}`;
  return existsSync(imageOf('probe')) ? false : 'no images were made: npm run build';
}

/** Why no guest can run; false: it can. */
export function guestsRefused(): string | false {
  const refused = imagesRefused();
  if (refused !== false) return refused;
  const kvm = openKvm();
  if (kvm < 0) return `there is no /dev/kvm for this user (errno ${-kvm})`;
  closeDescriptor(kvm);
  return false;
}
