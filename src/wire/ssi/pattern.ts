// Regular expressions in conditions of server-side includes. The pattern is the author's, the text comes from whoever sends
// the request, and the loop has other connections: so they are matched by automata (re2js, a port of RE2), in time that is
// the product of both lengths, and never by backtracking, which a text of 30 letters can keep busy for minutes. What only
// backtracking can do (look-around, back-references, possessive and atomic groups) is no pattern here.
//
// Not here: what a condition is (expression.ts), and whose captures they become.

import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';

/** Longest pattern, in characters. */
const maxPatternLength = 1024;
/** Most instructions of a compiled pattern: `a{1000}` has a thousand. */
const maxProgramSize = 2048;
/** Longest text that a pattern is tried on. */
const maxMatchedLength = 4096;
/** Compiled patterns kept; each has automata of at most 8 MiB, of some KiB as a rule. */
const maxPatterns = 128;

/**
 * Steps that matching may take for one page: instructions of the patterns times characters of the texts. 16 million take
 * about a tenth of a second, and a page of a hundred conditions on ordinary fields a thousandth of that.
 */
export const matchStepsPerPage = 1 << 24;

/** What is left of {@link matchStepsPerPage}. */
export interface MatchBudget {
  steps: number;
}

/** What a pattern captured, `1` to `9` and names; null when it does not match. */
export type Captures = ReadonlyMap<string, string> | null;

/**
 * Matches a pattern between slashes anywhere in a text. Undefined when it is no pattern, the text is too long, or the
 * budget is spent: the directive is an error then.
 */
export function matchPattern(pattern: string, text: string, budget: MatchBudget): Captures | undefined {
  const compiled = compilePattern(pattern);
  if (compiled === undefined || text.length > maxMatchedLength) return undefined;
  budget.steps -= compiled.programSize() * (text.length + 1);
  if (budget.steps < 0) return undefined;
  const matcher = compiled.matcher(text);
  if (!matcher.find()) return null;
  const captures = new Map<string, string>();
  for (let index = 1; index <= 9 && index <= compiled.groupCount(); index++) {
    captures.set(String(index), matcher.group(index) ?? '');
  }
  for (const [name, index] of Object.entries(compiled.namedGroups())) {
    captures.set(name.toLowerCase(), matcher.group(index) ?? '');
  }
  return captures;
}

const patterns = new Map<string, RE2JS | undefined>();

/** Of a text between slashes, as it stands in a document: kept, since documents are evaluated again and again. */
function compilePattern(text: string): RE2JS | undefined {
  if (patterns.has(text)) return patterns.get(text);
  if (patterns.size === maxPatterns) patterns.clear();
  const pattern = compile(text);
  patterns.set(text, pattern);
  return pattern;
}

/** The library is large, and most sites have no patterns: it is loaded with the first. */
let library: typeof RE2JS | undefined;

/**
 * nginx looks for variables in patterns as well, so its documents write the anchor as `\$`, which is one here too.
 * Variables are not put in: whoever sends the request could choose the pattern.
 */
function compile(text: string): RE2JS | undefined {
  if (text.length < 2 || text.length > maxPatternLength || !text.endsWith('/')) return undefined;
  library ??= (createRequire(import.meta.url)('re2js') as { RE2JS: typeof RE2JS }).RE2JS;
  try {
    const pattern = library.compile(text.slice(1, -1).replaceAll('\\$', '$'));
    return pattern.programSize() > maxProgramSize ? undefined : pattern;
  } catch {
    return undefined;
  }
}
