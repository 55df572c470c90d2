// What it costs to look in whose hands each frame is: the core as it is built, and a copy of it compiled without these checks (src/core/guarded.ts), in turns. Not here: the table
// (render.ts).

import { execFileSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { SegmentLoad } from '../core/segments.js';
import { repositoryRoot } from '../servers/peer.js';
import { EchoLoad } from './core-echo.js';

const connections = 256;
const batch = 512;
const batches = 60;
const warmRuns = 60;
/** What src/core/guarded.ts says. */
export const guardedLine = 'export const guarded: bool = true;';

/** What passes through the core. */
export interface GuardCell {
  readonly name: string;
  /** ns of CPU a packet in the core, each round. */
  readonly guarded: number[];
  readonly unguarded: number[];
}

/** Compiles the core without the checks. @returns its name for {@link CoreModule}. @throws Error where the constant is not where it was */
function buildUnguarded(folder: string): string {
  const root = join(folder, 'unguarded');
  const sources = join(root, 'src/core');
  cpSync(join(repositoryRoot, 'src/core'), sources, { recursive: true });
  for (const folder of ['entries', 'images'])
    for (const entry of readdirSync(join(sources, folder)))
      if (entry !== 'stack.ts') rmSync(join(sources, folder, entry));
  const path = join(sources, 'guarded.ts');
  const text = readFileSync(path, 'utf8');
  if (!text.includes(guardedLine)) throw new Error(`src/core/guarded.ts does not say ${guardedLine}`);
  writeFileSync(path, text.replace(guardedLine, guardedLine.replace('true', 'false')));
  execFileSync(process.execPath, [join(repositoryRoot, 'tools/build-core.mjs'), root], { stdio: 'inherit' });
  return relative(join(repositoryRoot, 'dist/core'), join(root, 'dist/core/stack'));
}

interface Load {
  run(count: number): number;
}

/** Measures it, round after round; each goes first every second time. @param folder for what is compiled */
export function measureGuard(rounds: number, folder: string, said: (words: string) => void): readonly GuardCell[] {
  const unguarded = buildUnguarded(folder);
  const makers: readonly (readonly [string, (module: string) => Load])[] = [
    ['echo of UDP, 64 bytes', (module) => new EchoLoad(64, module)],
    ['echo of UDP, 1442 bytes', (module) => new EchoLoad(1442, module)],
    ['segment of TCP, 64 bytes', (module) => new SegmentLoad(64, connections, module)],
    ['segment of TCP, 1514 bytes', (module) => new SegmentLoad(1514, connections, module)],
  ];
  return makers.map(([name, make]) => {
    const loads = [make('stack'), make(unguarded)] as const;
    for (let run = 0; run < warmRuns; run++) for (const load of loads) load.run(batch);
    const sums: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round++) {
      const sum = [0, 0];
      // Turn about within a round too: what slows the machine for a moment meets both.
      for (let run = 0; run < batches; run++)
        for (const which of run % 2 === 0 ? [0, 1] : [1, 0]) sum[which]! += loads[which as 0 | 1].run(batch);
      for (const which of [0, 1] as const) sums[which].push(sum[which]! / batches);
    }
    said(`guard: ${name}`);
    return { name, guarded: sums[0], unguarded: sums[1] };
  });
}
