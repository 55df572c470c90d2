// What the tests of the rules share: small made-up projects, and findings as short strings.
// Fixtures are texts in memory: nothing of them is on disk.

import { projectOf, type Violation } from './project.js';

/** A project of files, each given a header unless it begins with a comment. */
export function fixture(files: Readonly<Record<string, string>>) {
  const entries = Object.entries(files).map(([path, text]): [string, string] => [
    path,
    /\.ts$/.test(path) && !/^(?:\/\/|\/\*|#!)/.test(text) ? `// The header of a fixture, long enough.\n${text}` : text,
  ]);
  return projectOf(Object.fromEntries(entries));
}

/** Findings as `file:line` strings, for short assertions. */
export function places(found: readonly Violation[]): string[] {
  return found.map(({ file, line }) => `${file}:${line}`);
}
