// Dead exports: what src/ exports and nobody imports. A use is an import by a file that is no test, or a place in the
// package's public entry points (package.json `exports` and `bin`). What only tests import is dead as well, unless its own
// file goes on using it: a test may look into a module, but not keep alive what the product does not use. A type that its
// own file goes on using is left alone, because it is part of what that file's exports look like.

import type { Config } from './config.js';
import type { ImportedModule, PackageJson, Project, SourceFile, Violation } from './project.js';

/** A name that a file exports. */
interface Export {
  readonly name: string;
  readonly offset: number;
  readonly isType: boolean;
  /** For `export { a as b } from './x.js'`: where it comes from. */
  readonly origin: { readonly file: string; readonly name: string } | undefined;
}

interface Module {
  readonly source: SourceFile;
  readonly exports: ReadonlyMap<string, Export>;
  /** The files of `export * from`. */
  readonly stars: readonly string[];
}

const WHOLE = '*';
/** What a WebAssembly module exports: called by name, from outside. */
const WASM_MODULE = /^src\/core\/entries\//;
const DECLARATION =
  /^export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?:(function\b\s*\*?|class|const\s+enum|enum|const|let|var)|(interface|type)(?=\s+[\w$]+))\s*([\w$]+|\{[^}]*\}|\[[^\]]*\])/gm;

/** Exports of what the package ships that nothing but tests imports. */
export function checkExports(project: Project, config: Config): Violation[] {
  const modules = new Map<string, Module>();
  for (const source of project.sources) {
    if (source.isProduct) modules.set(source.path, readModule(source));
  }
  const used = usesOf(project, modules, (source) => !source.isTest);
  const tested = usesOf(project, modules, (source) => source.isTest);
  const found: Violation[] = [];
  for (const { source, exports } of modules.values()) {
    for (const { name, offset, isType } of exports.values()) {
      if (used.has(`${source.path} ${name}`) || isByConvention(source.path, name, config)) continue;
      const isTested = tested.has(`${source.path} ${name}`);
      if ((isType || isTested) && occursAgain(source, name)) continue;
      const by = isTested ? 'only tests import it' : 'nothing imports it';
      const message = `${name}: ${by}; remove the export, or what nobody uses`;
      found.push({ file: source.path, line: source.lineOf(offset), rule: 'dead-export', message });
    }
  }
  return found;
}

function isByConvention(path: string, name: string, config: Config): boolean {
  return config.exportsByConvention.some(
    (convention) => convention.files.test(path) && (convention.names?.includes(name) ?? true),
  );
}

function occursAgain(source: SourceFile, name: string): boolean {
  const escaped = name.replaceAll('$', String.raw`\$`);
  return (source.code.match(new RegExp(String.raw`(?<![\w$])${escaped}(?![\w$])`, 'g')) ?? []).length > 1;
}

function readModule(source: SourceFile): Module {
  const exports = new Map<string, Export>();
  const add = (name: string, offset: number, isType: boolean, origin?: Export['origin']) =>
    exports.set(name, { name, offset, isType, origin });
  for (const match of source.code.matchAll(DECLARATION)) {
    const [head, , type, what = ''] = match;
    const names = /^[{[]/.test(what) ? bindingNames(what) : [/^export\s+default\b/.test(head) ? 'default' : what];
    for (const name of names) add(name, match.index, type !== undefined);
  }
  for (const match of source.code.matchAll(/^export\s*(type\s*)?\{([^}]*)\}(?!\s*from)/gm)) {
    for (const { exported } of clauseNames(match[2] ?? '')) add(exported, match.index, match[1] !== undefined);
  }
  const stars: string[] = [];
  for (const imported of source.imports) {
    if (imported.form !== 'export' || imported.file === undefined) continue;
    const offset = source.lineStarts[imported.line - 1] ?? 0;
    const namespace = /^\*\s*as\s+([\w$]+)/.exec(imported.clause)?.[1];
    if (namespace !== undefined) add(namespace, offset, false, { file: imported.file, name: WHOLE });
    else if (imported.clause.startsWith('*')) stars.push(imported.file);
    for (const { name, exported } of clauseNames(/\{([^}]*)\}/.exec(imported.clause)?.[1] ?? '')) {
      add(exported, offset, imported.typeOnly, { file: imported.file, name });
    }
  }
  return { source, exports, stars };
}

/** The names bound by `{ a, b: c = 1, ...d }` or `[a, b]`. */
function bindingNames(pattern: string): string[] {
  return pattern
    .slice(1, -1)
    .split(',')
    .flatMap((part) => /(?:^|[:.])\s*([\w$]+)\s*(?:=.*)?$/s.exec(part.trim())?.[1] ?? []);
}

/** `a, type B, c as d` as pairs of the name there and the name here. */
function clauseNames(clause: string): { name: string; exported: string }[] {
  return clause.split(',').flatMap((part) => {
    const [, name, exported] = /^(?:type\s+(?!as\b))?([\w$]+)(?:\s+as\s+([\w$]+))?$/.exec(part.trim()) ?? [];
    return name === undefined ? [] : [{ name, exported: exported ?? name }];
  });
}

/** `path name` of every export that files of the chosen kind use, followed through re-exports to where it is made. */
function usesOf(
  project: Project,
  modules: ReadonlyMap<string, Module>,
  counts: (source: SourceFile) => boolean,
): ReadonlySet<string> {
  const used = new Set<string>();
  const mark = (path: string, name: string): void => {
    const module = modules.get(path);
    const key = `${path} ${name}`;
    if (module === undefined || used.has(key)) return;
    used.add(key);
    if (name === WHOLE) {
      for (const each of module.exports.keys()) mark(path, each);
      for (const star of module.stars) mark(star, WHOLE);
      return;
    }
    const own = module.exports.get(name);
    if (own?.origin !== undefined) mark(own.origin.file, own.origin.name);
    if (own === undefined) for (const star of module.stars) mark(star, name);
  };
  for (const source of project.sources) {
    if (!counts(source)) continue;
    for (const imported of source.imports) {
      const path = sourcePath(imported.file);
      // A re-export of the product is no use by itself: its own name has to be used.
      if (path === undefined || (imported.form === 'export' && source.isProduct)) continue;
      for (const name of namesUsed(source, imported)) mark(path, name);
    }
    if (source.isProduct && (publicPaths(project.packageJson).has(source.path) || WASM_MODULE.test(source.path))) {
      mark(source.path, WHOLE);
    }
  }
  return used;
}

/** The source of a compiled file, for scripts that import from dist/. */
function sourcePath(path: string | undefined): string | undefined {
  return path?.startsWith('dist/') ? path.slice(5).replace(/\.js$/, '.ts') : path;
}

function namesUsed(source: SourceFile, imported: ImportedModule): string[] {
  const { clause, form } = imported;
  if (form === 'dynamic' || form === 'url') return [WHOLE];
  const names = clauseNames(/\{([^}]*)\}/.exec(clause)?.[1] ?? '').map(({ name }) => name);
  const namespace = /\*\s*as\s+([\w$]+)/.exec(clause)?.[1];
  if (namespace !== undefined) names.push(...membersUsed(source, namespace));
  else if (clause.startsWith('*')) names.push(WHOLE);
  if (/^[\w$]+/.test(clause)) names.push('default');
  return names;
}

/** The members read from a namespace import; everything when it is used in another way than `namespace.member`. */
function membersUsed(source: SourceFile, namespace: string): string[] {
  const uses = [
    ...source.code.matchAll(
      new RegExp(String.raw`(?<![\w$])(?<!(?<!\.\.)\.)${namespace}(?![\w$])(\s*\.\s*([\w$]+))?`, 'g'),
    ),
  ];
  const whole = uses.filter(([, member]) => member === undefined).length > 1;
  return whole ? [WHOLE] : uses.flatMap(([, , member]) => member ?? []);
}

/** The sources behind `exports` and `bin` of package.json (`./dist/src/x.js` and `.d.ts` are `src/x.ts`). */
function publicPaths(manifest: PackageJson): Set<string> {
  const paths = JSON.stringify([manifest.exports ?? {}, manifest.bin ?? {}]).match(/dist\/src\/[^"]+/g) ?? [];
  return new Set(paths.map((path) => path.replace(/^dist\//, '').replace(/(?:\.d)?\.[jt]s$/, '.ts')));
}
