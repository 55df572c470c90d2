// Compiles the benchmark's small C programs on the spot, where there is a C compiler.

import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { repositoryRoot } from '../servers/peer.js';
import { onPath } from './child.js';

/** Why nothing can be compiled here; undefined when it can. */
export function compilerAbsence(): string | undefined {
  return onPath('cc') ? undefined : 'no C compiler (Debian: apt-get install gcc)';
}

/** Compiles a source of the repository into `program`. @param more libraries and definitions. @throws with the compiler's words. */
export function compile(source: string, program: string, ...more: string[]): void {
  const args = ['-O2', '-o', program, join(repositoryRoot, source), ...more];
  const built = spawnSync('cc', args, { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`${source} does not compile: ${built.stderr ?? built.error?.message}`);
}
