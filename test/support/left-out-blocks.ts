// Which blocks of compiled files a call does not run, as V8 counts them. Not here: which of them may be left out.

import { readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';

/** In a block without either nothing is called, and nothing of an object is taken. */
const takes = /[.(]/;
const shown = 50;

/**
 * Runs `call`, and gives the blocks that it left out of the files whose addresses end so, where something is called or taken: by the function's name, the first letters of each.
 * @throws where one of the files was not loaded
 */
export async function leftOutBlocks(files: readonly string[], call: () => void): Promise<Record<string, string[]>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  call();
  const { result } = await session.post('Profiler.takePreciseCoverage');
  session.disconnect();
  const found: Record<string, string[]> = {};
  for (const file of files) {
    const covered = result.find(({ url }) => url.endsWith(file));
    if (covered === undefined) throw new Error(`${file} was not loaded`);
    const source = readFileSync(new URL(covered.url), 'utf8');
    for (const { functionName, ranges } of covered.functions) {
      // Of a function that did not run at all the block that would have called it is told.
      if (ranges[0]!.count === 0) continue;
      for (const { count, startOffset, endOffset } of ranges) {
        const block = source.slice(startOffset, endOffset).replaceAll(/\s+/g, ' ').trim();
        if (count > 0 || !takes.test(block)) continue;
        found[functionName] = [...(found[functionName] ?? []), block.slice(0, shown)];
      }
    }
  }
  return found;
}
