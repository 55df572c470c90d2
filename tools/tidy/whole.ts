// Which tests are of the product as a whole, by their names: `x.whole.test.ts` is left out of `npm test`, and part of `npm run test:all`. What starts
// a browser, a machine or a server of somebody else's is such a test. Not here: that others may be, for what they cost.

import { posix } from 'node:path';
import type { Config } from './config.js';
import type { Project, SourceFile, Violation } from './project.js';

/** Tests that start a program of `law.wholePrograms`, by themselves or by a file of tests that they import, without a name that says so. */
export function checkWhole(project: Project, law: Config): Violation[] {
  const tests = new Map(project.sources.filter(({ isTest }) => isTest).map((file) => [file.path, file]));
  const programs = new Set(law.wholePrograms);
  return [...tests.values()]
    .filter(({ path }) => path.endsWith('.test.ts') && !path.endsWith('.whole.test.ts'))
    .flatMap((test) => {
      for (const file of reachedFrom(test, tests)) {
        const named = file.strings.find(({ value }) => programs.has(posix.basename(value)));
        if (named === undefined) continue;
        const place = file === test ? '' : ` (${file.path})`;
        const message = `it starts ${posix.basename(named.value)}${place}: name it ${posix.basename(test.path).replace('.test.ts', '.whole.test.ts')}`;
        return [{ file: test.path, line: file === test ? file.lineOf(named.start) : 1, rule: 'whole', message }];
      }
      return [];
    });
}

/** A test file, and the files of tests that it imports, however indirectly; types are no import. */
function reachedFrom(test: SourceFile, tests: ReadonlyMap<string, SourceFile>): ReadonlySet<SourceFile> {
  const reached = new Set([test]);
  for (const { imports } of reached) {
    for (const { file, typeOnly } of imports) {
      const imported = file === undefined || typeOnly ? undefined : tests.get(file);
      if (imported !== undefined) reached.add(imported);
    }
  }
  return reached;
}
