// What the rules read: the repository's text files, and for the TypeScript and JavaScript among them the scanned code
// and the imports. Built from the files of a checkout, or from a record of texts in the rules' own tests.

import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { type Comment, type StringLiteral, scan } from './scan.js';

/** One finding: `file:line rule message`. Lines count from 1. */
export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

/** One import, re-export, `import()` or `require` of a module named by a string. */
export interface ImportedModule {
  readonly specifier: string;
  /** The repository's file that a relative specifier means (`./x.js` is `x.ts`, and in src/core/ `./x`), else undefined. */
  readonly file: string | undefined;
  readonly line: number;
  /** True for `import type`, `export type`, `typeof import()`: erased, so nothing runs. */
  readonly typeOnly: boolean;
  /** What stands between `import` or `export` and `from` (`{ a, type B }`, `* as ns`), blank for the other forms. */
  readonly clause: string;
  readonly form: 'import' | 'export' | 'dynamic' | 'url';
}

/** A text file of the repository by its path from the root, with `/` as separator. */
export class TextFile {
  readonly path: string;
  readonly text: string;
  #lineStarts: number[] | undefined;

  constructor(path: string, text: string) {
    this.path = path;
    this.text = text;
  }

  /** The line (from 1) on which an offset of the text stands. */
  lineOf(offset: number): number {
    const starts = this.lineStarts;
    let low = 0;
    let high = starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  }

  /** The number of lines. */
  get lineCount(): number {
    return this.text.endsWith('\n') ? this.lineStarts.length - 1 : this.lineStarts.length;
  }

  /** The offsets at which lines begin. */
  get lineStarts(): readonly number[] {
    if (this.#lineStarts === undefined) {
      this.#lineStarts = [0];
      for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) {
        this.#lineStarts.push(at + 1);
      }
    }
    return this.#lineStarts;
  }
}

/** A TypeScript or JavaScript file: its text, scanned. */
export class SourceFile extends TextFile {
  readonly code: string;
  readonly comments: readonly Comment[];
  readonly strings: readonly StringLiteral[];
  readonly imports: readonly ImportedModule[];

  constructor(path: string, text: string) {
    super(path, text);
    const scanned = scan(text);
    this.code = scanned.code;
    this.comments = scanned.comments;
    this.strings = scanned.strings;
    this.imports = findImports(this);
  }

  /** True for `x.test.ts` and everything beneath test/. */
  get isTest(): boolean {
    return /\.test\.[cm]?[jt]s$/.test(this.path) || this.path.startsWith('test/');
  }

  /** True for what the package ships: src/ without its tests. */
  get isProduct(): boolean {
    return this.path.startsWith('src/') && !this.isTest;
  }
}

/** All that a rule may read. */
export interface Project {
  readonly texts: readonly TextFile[];
  readonly sources: readonly SourceFile[];
  /** package.json, parsed; an empty object without one. */
  readonly packageJson: PackageJson;
}

/** The fields of package.json that rules read. */
export interface PackageJson {
  readonly name?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
}

// Groups: 1 the word, 2 the clause, of `import CLAUSE from`; 3 what makes an `import()` a type.
const IMPORT_FORMS = new RegExp(
  [
    String.raw`\b(import|export)\s*((?:type\s+)?(?:[\w$]+\s*,\s*)?(?:\{[^{}]*\}|\*(?:\s*as\s+[\w$]+)?|[\w$]+))\s*from\s*`,
    String.raw`\bimport\s*`,
    String.raw`(typeof\s+|[:<|&]\s*)?\b(?:import|require)\s*\(\s*`,
    String.raw`\bcreateRequire\([^()]*\)\s*\(\s*`,
    String.raw`\bnew\s+URL\(\s*`,
  ]
    .map((form) => `${form}(?=['"\`])`)
    .join('|'),
  'g',
);

function findImports(source: SourceFile): ImportedModule[] {
  const literals = new Map(source.strings.map((literal) => [literal.start, literal.value]));
  const found: ImportedModule[] = [];
  for (const match of source.code.matchAll(IMPORT_FORMS)) {
    const quote = match.index + match[0].length;
    const specifier = literals.get(quote);
    if (specifier === undefined) continue;
    const clause = match[2] ?? '';
    found.push({
      specifier,
      file: resolveSpecifier(source.path, specifier),
      line: source.lineOf(quote),
      typeOnly: /^type\s+[^,]/.test(clause) || match[3] !== undefined,
      clause: clause.replace(/^type\s+(?=[{*\w])/, ''),
      form: formOf(match[0], match[1]),
    });
  }
  return found;
}

function formOf(text: string, word: string | undefined): ImportedModule['form'] {
  if (text.startsWith('new')) return 'url';
  if (/\(\s*$/.test(text)) return 'dynamic';
  return word === 'export' ? 'export' : 'import';
}

function resolveSpecifier(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('./') && !specifier.startsWith('../')) return undefined;
  const path = posix.normalize(posix.join(posix.dirname(from), specifier));
  if (!from.endsWith('.ts')) return path;
  // AssemblyScript (src/core/) names files without their ending.
  return posix.extname(path) === '' ? `${path}.ts` : path.replace(/\.js$/, '.ts');
}

/** A project of texts by path: what the tests of the rules use. */
export function projectOf(files: Readonly<Record<string, string>>): Project {
  const texts = Object.entries(files).map(([path, text]) =>
    /\.[cm]?[jt]s$/.test(path) ? new SourceFile(path, text) : new TextFile(path, text),
  );
  const manifest = files['package.json'];
  return {
    texts,
    sources: texts.filter((file) => file instanceof SourceFile),
    packageJson: manifest === undefined ? {} : (JSON.parse(manifest) as PackageJson),
  };
}

/** The project of a checkout: every text file that git tracks or would track; without git, every file beneath `root`. */
export function readProject(root: string): Project {
  const files: Record<string, string> = {};
  for (const path of listFiles(root)) {
    const text = readText(join(root, path));
    if (text !== undefined) files[path] = text;
  }
  return projectOf(files);
}

function listFiles(root: string): string[] {
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 1 << 26 } as const;
  const git = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], options);
  if (git.status === 0) return [...new Set(git.stdout.split('\0'))].filter((path) => path !== '').sort();
  return readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !/(^|\/)(node_modules|dist|\.git)(\/|$)/.test(path))
    .sort();
}

/** The file's text; undefined for what is no text file: a folder, a file deleted but still tracked, binary contents. */
function readText(path: string): string | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return undefined;
  }
  return bytes.subarray(0, 8192).includes(0) ? undefined : bytes.toString('utf8');
}
