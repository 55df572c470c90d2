// The rules about a file's text that need no grammar: a header comment, no path or host of somebody's machine, no
// `.only` that hides the other tests, no note to finish something later.

import type { Project, SourceFile, TextFile, Violation } from './project.js';

// Written in pieces, so that this file does not hold what it looks for.
const MACHINE_PATH = new RegExp(`(?<![\\w.@-])/(?:${['work', 'root', 'home'].join('|')})/`, 'g');
const REGISTRY_HOST = /\bregistry\.[a-z][\w-]*\.[a-z]{2,}|\b(?:deb|snapshot|ftp)\.debian\.org|\b(?:files\.)?pypi\.org/g;
const LOCKED_HOST = /"resolved":\s*"https?:/g;
const UNFINISHED = new RegExp(`\\b(?:${['TO' + 'DO', 'FIX' + 'ME'].join('|')})\\b`, 'g');
const ONLY = /\b(?:test|it|describe|suite)\s*\.\s*only\s*\(|\bonly\s*:\s*true\b/g;
const MIN_HEADER_CHARACTERS = 20;

/** Violations of the rules on text: `header`, `path`, `only`, `unfinished`. */
export function checkTexts(project: Project): Violation[] {
  const paths = new Set(project.texts.map((file) => file.path));
  return [...project.texts.flatMap(checkPaths), ...project.sources.flatMap((file) => checkSource(file, paths))];
}

function checkPaths(file: TextFile): Violation[] {
  return [
    ...matches(file, file.text, MACHINE_PATH, 'path', 'a path of one machine: make it relative, or use os.tmpdir()'),
    ...matches(file, file.text, REGISTRY_HOST, 'path', 'the host of a registry: leave the choice to the installation'),
    ...(file.path.endsWith('package-lock.json')
      ? matches(
          file,
          file.text,
          LOCKED_HOST,
          'path',
          'the lock file names a host: npm install --omit-lockfile-registry-resolved',
        )
      : []),
  ];
}

function checkSource(file: SourceFile, paths: ReadonlySet<string>): Violation[] {
  const found: Violation[] = [];
  if (!isUnitTest(file, paths) && !hasHeader(file)) {
    const message = 'the file does not begin with a comment that says what it is for, and what it is not';
    found.push({ file: file.path, line: 1, rule: 'header', message });
  }
  for (const comment of file.comments) {
    for (const match of comment.text.matchAll(UNFINISHED)) {
      const message = 'finish it, or write it down as an issue';
      found.push({ file: file.path, line: file.lineOf(comment.start + match.index), rule: 'unfinished', message });
    }
  }
  if (file.isTest) {
    found.push(...matches(file, file.code, ONLY, 'only', 'this hides every other test'));
  }
  return found;
}

/** `x.test.ts` beside `x.ts`: what it is for is its name. */
function isUnitTest(file: SourceFile, paths: ReadonlySet<string>): boolean {
  return file.path.endsWith('.test.ts') && paths.has(file.path.replace(/(?:\.whole)?\.test\.ts$/, '.ts'));
}

/** A comment of some words before any code; a `#!` line may stand before it, a linter's directive does not count. */
function hasHeader(file: SourceFile): boolean {
  const firstCode = file.code.search(/\S/);
  const words = file.comments
    .filter((comment) => (firstCode === -1 || comment.end <= firstCode) && !comment.text.startsWith('#!'))
    .map((comment) => comment.text.replace(/[/*\s]+/g, ' ').trim())
    .filter((text) => !/^(?:biome-ignore|eslint|@ts-|<reference)/.test(text));
  return words.join(' ').length >= MIN_HEADER_CHARACTERS;
}

function matches(file: TextFile, text: string, pattern: RegExp, rule: string, message: string): Violation[] {
  return [...text.matchAll(pattern)].map((match) => ({
    file: file.path,
    line: file.lineOf(match.index),
    rule,
    message: `\`${match[0]}\`: ${message}`,
  }));
}
