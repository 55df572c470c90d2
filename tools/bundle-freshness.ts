// When a bundle (tools/bundle.mjs) is of the code that is there now: the build makes another where it is not, and no measurement takes one that is
// not. Not here: making it.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What makes it, and what goes into it as it is. */
const tools = ['bundle.mjs', 'cached-code.cjs', 'keep-code.cjs', 'koffi-directly.cjs'].map((name) =>
  fileURLToPath(new URL(`../../tools/${name}`, import.meta.url)),
);

/** When a file was written, in milliseconds; 0 when it is not there. */
const writtenMs = (file: string): number => statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;

/**
 * Whether a bundle is there and newer than all that it is made of: what was compiled, tests left out, and the tools.
 * @param command its executable, which is written last
 * @param compiled the folder of what was compiled
 */
export function isBundleFresh(command: string, compiled: string, madeBy: readonly string[] = tools): boolean {
  const builtMs = writtenMs(command);
  const isOlder = (file: string): boolean => writtenMs(file) < builtMs;
  if (!madeBy.every(isOlder)) return false;
  return readdirSync(compiled, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js') && !file.endsWith('.test.js'))
    .every((file) => isOlder(join(compiled, file)));
}
