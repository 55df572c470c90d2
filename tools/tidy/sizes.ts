// How long a file and a function may be. What was longer when the rule came is listed in ratchet.json with its size.

import type { Config } from './config.js';
import { findFunctions } from './functions.js';
import type { Project, SourceFile, Violation } from './project.js';
import type { Ratchet } from './ratchet.js';

/** The sizes above the law's bounds: files by path, functions by `path name`. */
export function measureSizes(
  project: Project,
  config: Config,
): Record<'fileLines' | 'functionLines', Map<string, number>> {
  const fileLines = new Map<string, number>();
  const functionLines = new Map<string, number>();
  for (const source of project.sources) {
    if (source.lineCount > config.maxFileLines) fileLines.set(source.path, source.lineCount);
    for (const { key, lines } of longFunctions(source, config)) {
      functionLines.set(key, Math.max(lines, functionLines.get(key) ?? 0));
    }
  }
  return { fileLines, functionLines };
}

/** Files and functions that are longer than the law allows and than ratchet.json lists. */
export function checkSizes(project: Project, config: Config, ratchet: Ratchet): Violation[] {
  const found: Violation[] = [];
  for (const source of project.sources) {
    const report = (line: number, message: string) => found.push({ file: source.path, line, rule: 'size', message });
    const allowed = Math.max(config.maxFileLines, ratchet.fileLines[source.path] ?? 0);
    if (source.lineCount > allowed) report(1, `${source.lineCount} lines, ${allowed} allowed: split it by subject`);
    for (const { key, name, line, lines } of longFunctions(source, config)) {
      const most = Math.max(config.maxFunctionLines, ratchet.functionLines[key] ?? 0);
      if (lines > most) report(line, `${name}() has ${lines} lines, ${most} allowed: give its parts names`);
    }
  }
  return found;
}

/** Functions over the bound; those of tests are bodies of cases and are not measured. */
function longFunctions(source: SourceFile, config: Config) {
  if (source.isTest) return [];
  return findFunctions(source)
    .filter(({ lines }) => lines > config.maxFunctionLines)
    .map(({ name, start, lines }) => ({ key: `${source.path} ${name}`, name, line: source.lineOf(start), lines }));
}
