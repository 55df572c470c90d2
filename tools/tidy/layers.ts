// The layers of src/: an import goes down, never up. Folders side by side may import one another in one direction
// only, the pure folders (wire/, plan/ and others) never reach kernel/, nothing but kernel/ touches the FFI library, and what the package ships imports
// only what the package declares. Not here: what is exported and never used (exports.ts).

import { isBuiltin } from 'node:module';
import { type Config, ENTRY_LAYER } from './config.js';
import type { ImportedModule, Project, SourceFile, Violation } from './project.js';

/** Every import of the project that breaks the order of layers. */
export function checkLayers(project: Project, config: Config): Violation[] {
  const found: Violation[] = [];
  const ranks = new Map(config.layers.flatMap((row, rank) => row.map((folder) => [folder, rank] as const)));
  const sideways = sidewaysEdges(project, ranks);
  for (const source of project.sources) {
    const report = (line: number, message: string) => found.push({ file: source.path, line, rule: 'layers', message });
    for (const imported of source.imports) {
      if (imported.form === 'url') continue;
      const isFfi = imported.specifier === 'koffi' || imported.specifier.startsWith('koffi/');
      if (isFfi && !source.path.startsWith('src/kernel/')) {
        report(imported.line, 'only src/kernel/ imports koffi: call a typed function of kernel/ instead');
      }
      const problem = source.path.startsWith('src/') && checkImport(source, imported, project, config, ranks, sideways);
      if (problem) report(imported.line, problem);
      else if (leavesClosedFolder(source, imported, config)) {
        report(imported.line, `${folderOf(source.path)}/ imports nothing but its own files, not ${imported.specifier}`);
      }
    }
    const folder = folderOf(source.path);
    if (folder !== undefined && !ranks.has(folder)) {
      report(1, `src/${folder}/ has no place in the layers: give it one in tools/tidy/config.ts`);
    }
  }
  return [...found, ...checkPurity(project, config)];
}

/** The layer's folder of a file of src/ (`ENTRY_LAYER` at its root); undefined outside of src/. */
function folderOf(path: string | undefined): string | undefined {
  if (path === undefined || !path.startsWith('src/')) return undefined;
  const parts = path.split('/');
  return parts.length === 2 ? ENTRY_LAYER : parts[1];
}

/** True for an import by which the product's code in a closed folder reaches anything outside of it. */
function leavesClosedFolder(source: SourceFile, imported: ImportedModule, config: Config): boolean {
  const folder = folderOf(source.path);
  if (!source.isProduct || folder === undefined || !config.closedFolders.includes(folder)) return false;
  return folderOf(imported.file) !== folder;
}

function checkImport(
  source: SourceFile,
  imported: ImportedModule,
  project: Project,
  config: Config,
  ranks: ReadonlyMap<string, number>,
  sideways: ReadonlyMap<string, ReadonlySet<string>>,
): string | undefined {
  const from = folderOf(source.path);
  if (imported.file === undefined)
    return source.isTest ? undefined : checkPackage(imported, project, config.bundledFiles.test(source.path));
  const to = folderOf(imported.file);
  if (to === undefined) {
    return source.isTest || imported.file === 'package.json'
      ? undefined
      : `what the package ships imports only src/, not ${imported.file}`;
  }
  if (!source.isTest && /\.test\.ts$/.test(imported.file)) return 'what the package ships does not import a test';
  if (from === undefined || from === to) return undefined;
  const fromRank = ranks.get(from);
  const toRank = ranks.get(to);
  if (fromRank === undefined || toRank === undefined) return undefined;
  if (toRank > fromRank) {
    const fix = source.isTest ? 'move the test up, or to test/' : 'move the shared part down or the caller up';
    return `${from}/ is below ${to}/ and may not import it: ${fix}`;
  }
  if (toRank === fromRank && !source.isTest && reaches(sideways, to, from)) {
    return `${from}/ and ${to}/ stand side by side and import one another: keep one direction`;
  }
  return undefined;
}

function checkPackage(imported: ImportedModule, project: Project, isBundled: boolean): string | undefined {
  const { specifier } = imported;
  if (specifier.startsWith('.') || isBuiltin(specifier)) return undefined;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  if (name === project.packageJson.name) return 'inside src/ import the file by its relative path';
  const { dependencies, peerDependencies, devDependencies } = project.packageJson;
  if (dependencies?.[name] !== undefined || peerDependencies?.[name] !== undefined) return undefined;
  if (isBundled && devDependencies?.[name] !== undefined) return undefined;
  return `${name} is not among the dependencies of package.json`;
}

/** Which folders import which folders of their own row, tests left out. */
function sidewaysEdges(project: Project, ranks: ReadonlyMap<string, number>): Map<string, Set<string>> {
  const edges = new Map<string, Set<string>>();
  for (const source of project.sources) {
    const from = source.isProduct ? folderOf(source.path) : undefined;
    if (from === undefined) continue;
    for (const imported of source.imports) {
      const to = folderOf(imported.file);
      if (to === undefined || to === from || ranks.get(to) !== ranks.get(from)) continue;
      edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  return edges;
}

function reaches(edges: ReadonlyMap<string, ReadonlySet<string>>, start: string, goal: string): boolean {
  const seen = new Set([start]);
  for (const folder of seen) {
    if (folder === goal) return true;
    for (const next of edges.get(folder) ?? []) seen.add(next);
  }
  return false;
}

/** Pure folders reach kernel/ neither directly (types included) nor through the code that their imports run. */
function checkPurity(project: Project, config: Config): Violation[] {
  const byPath = new Map(project.sources.map((source) => [source.path, source]));
  const pure = project.sources.filter((source) => source.isProduct && isPure(source.path, config));
  return pure.flatMap((source) =>
    source.imports.flatMap((imported) => {
      const chain = chainToKernel(imported, byPath);
      if (chain === undefined) return [];
      const message = `${folderOf(source.path)}/ is pure and never reaches kernel/; this does: ${chain.join(' -> ')}`;
      return [{ file: source.path, line: imported.line, rule: 'layers', message }];
    }),
  );
}

/** True for a file beneath a pure folder and beneath no exception (`!folder`) inside of that folder. */
function isPure(path: string, config: Config): boolean {
  const fitting = config.pureFolders.filter((entry) => path.startsWith(`src/${entry.replace('!', '')}/`));
  const nearest = fitting.sort((a, b) => b.replace('!', '').length - a.replace('!', '').length)[0];
  return nearest !== undefined && !nearest.startsWith('!');
}

function chainToKernel(first: ImportedModule, byPath: ReadonlyMap<string, SourceFile>): string[] | undefined {
  if (first.file === undefined || first.form === 'url') return undefined;
  if (folderOf(first.file) === 'kernel') return [first.file];
  if (first.typeOnly) return undefined;
  const cameFrom = new Map<string, string | undefined>([[first.file, undefined]]);
  for (const path of cameFrom.keys()) {
    if (folderOf(path) === 'kernel') return chainBack(cameFrom, path);
    for (const next of byPath.get(path)?.imports ?? []) {
      if (next.typeOnly || next.form === 'url' || next.file === undefined || cameFrom.has(next.file)) continue;
      cameFrom.set(next.file, path);
    }
  }
  return undefined;
}

function chainBack(cameFrom: ReadonlyMap<string, string | undefined>, end: string): string[] {
  const chain: string[] = [];
  for (let path: string | undefined = end; path !== undefined; path = cameFrom.get(path)) chain.unshift(path);
  return chain;
}
