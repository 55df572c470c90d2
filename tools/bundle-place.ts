// How a bundle (tools/bundle.mjs) that was made beside its place comes into it, and what builds leave that were ended on the way. Several builds may be
// at it at once, and each may be ended anywhere. Not here: making it.

import { existsSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/** Builds that may be quicker, one after the other, before this one gives up. */
const mostRounds = 100;

/** What became of a call that another build may have come before. */
function outcomeOf(rename: () => void): string {
  try {
    rename();
    return 'done';
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    return code;
  }
}

/**
 * Puts a bundle that is whole into its place. The last one steps aside first, so that for a moment there is none, and never a part of one; of builds at once the one that
 * is last here stays. Throws where the file system refuses it.
 * @param folder where it was made: PLACE-PID
 */
export function putInPlace(folder: string, place: string): void {
  const last = `${folder}-last`;
  for (let round = 1; ; round++) {
    // Another build may have put its own there meanwhile: that one steps aside as well.
    if (existsSync(place)) {
      rmSync(last, { recursive: true, force: true });
      outcomeOf(() => renameSync(place, last));
    }
    const outcome = outcomeOf(() => renameSync(folder, place));
    if (outcome === 'done') break;
    if (outcome === 'ENOENT' || round === mostRounds)
      throw new Error(`${folder} cannot be put in its place: ${outcome}`);
  }
  rmSync(last, { recursive: true, force: true });
}

/**
 * Takes away what builds left that were ended on the way. Where one was ended while there was no bundle in its place, the last one goes back there.
 * @param place where the bundle is
 */
export function removeUnfinished(place: string): void {
  const parent = dirname(place);
  const names = readdirSync(parent).filter((name) => {
    const id = name.startsWith(`${basename(place)}-`) ? name.slice(basename(place).length + 1) : '';
    return /^\d+(?:-last)?$/.test(id) && !isRunning(Number.parseInt(id, 10));
  });
  for (const name of names) {
    if (!existsSync(place) && name.endsWith('-last')) outcomeOf(() => renameSync(join(parent, name), place));
    rmSync(join(parent, name), { recursive: true, force: true });
  }
}

function isRunning(id: number): boolean {
  if (id === process.pid) return false;
  try {
    return process.kill(id, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
