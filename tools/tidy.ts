// The repository's check on itself: reads its own text and holds it to its law (layers, copies, sizes, comments).
// `node dist/tools/tidy.js` prints `file:line rule message` and exits with 1 when something is wrong.
// It is no linter of the language (that is biome) and knows no types (that is the compiler).

import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { checkCircles, circleName, findCircles } from './tidy/circles.js';
import { type Config, config } from './tidy/config.js';
import { checkCopies, countMarkers } from './tidy/copies.js';
import { checkDocstrings } from './tidy/docstrings.js';
import { checkExports } from './tidy/exports.js';
import { checkLayers } from './tidy/layers.js';
import { type Project, readProject, type Violation } from './tidy/project.js';
import { checkRatchet, lowered, type Measured, type Ratchet, readRatchet, writeRatchet } from './tidy/ratchet.js';
import { checkSizes, measureSizes } from './tidy/sizes.js';
import { checkTexts } from './tidy/texts.js';
import { checkWhole } from './tidy/whole.js';

/** The checkout that this file was compiled in. */
export const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));

/** Everything wrong with a project, in the order of files and lines. */
export function checkProject(project: Project, ratchet: Ratchet, law: Config = config): Violation[] {
  return [
    ...checkLayers(project, law),
    ...checkCircles(findCircles(project), ratchet.circles),
    ...checkTexts(project),
    ...checkCopies(project, law, ratchet),
    ...checkSizes(project, law, ratchet),
    ...checkDocstrings(project),
    ...checkExports(project, law),
    ...checkWhole(project, law),
    ...checkRatchet(ratchet, measure(project, law)),
  ].sort((a, b) => (a.file === b.file ? a.line - b.line : a.file < b.file ? -1 : 1));
}

function measure(project: Project, law: Config): Measured {
  const circles = new Map(findCircles(project).map((circle) => [circleName(circle), circle.files.length]));
  return { ...measureSizes(project, law), copyMarkers: countMarkers(project), circles };
}

/**
 * The command: `tidy [--ratchet] [ROOT]`. `--ratchet` first lowers what shrank in ratchet.json. Returns the exit status.
 */
export function main(commandArguments: readonly string[]): number {
  const root = commandArguments.find((argument) => !argument.startsWith('-')) ?? repositoryRoot;
  const project = readProject(root);
  let ratchet = readRatchet(root);
  if (commandArguments.includes('--ratchet')) {
    ratchet = lowered(ratchet, measure(project, config));
    writeRatchet(root, ratchet);
  }
  const found = checkProject(project, ratchet);
  for (const { file, line, rule, message } of found) console.log(`${file}:${line} ${rule} ${message}`);
  if (found.length > 0) console.log(`tidy: ${found.length} violation${found.length > 1 ? 's' : ''}`);
  return found.length > 0 ? 1 : 0;
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  process.exitCode = main(process.argv.slice(2));
}
