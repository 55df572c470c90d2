// Values and conditions of server-side includes: `$name` and `${name}` in a value; `$name`, `$name = text`,
// `$name != /regex/` in an expr. Text is one character a byte. Pure: variables are someone else's (the resolver).

/** The value of a variable; undefined when there is none. */
export type SsiResolver = (name: string) => string | undefined;

const variable = /\\\$|\$(?:\{(\w+)\}|(\w+))/g;

/** Puts the variables of a value in; one that is not set is empty, `\$` is a dollar. */
export function substitute(value: string, resolve: SsiResolver): string {
  if (!value.includes('$')) return value;
  return value.replace(variable, (whole, braced?: string, plain?: string) => {
    const name = braced ?? plain;
    return name === undefined ? whole.slice(1) : (resolve(name) ?? '');
  });
}

/** Longest text that a regular expression is tried on: both come from people, and backtracking has no other bound. */
const maxMatchedLength = 4096;
const comparison = /^\s*((?:[\w.-]|\$\{\w+\}|\$)+)\s*(?:(!?=)\s*([\s\S]*))?$/;

/** What a condition came to. `captures` are set by a regular expression that matched: `1` to `9` and names. */
export interface SsiVerdict {
  readonly holds: boolean;
  readonly captures: ReadonlyMap<string, string> | undefined;
}

/** Evaluates an expr. Undefined when it is none: the directive is an error then. */
export function evaluateCondition(expression: string, resolve: SsiResolver): SsiVerdict | undefined {
  const match = comparison.exec(expression);
  if (match === null) return undefined;
  const [, leftText, operator, rightText] = match;
  const left = substitute(leftText!, resolve);
  if (operator === undefined) return { holds: left !== '', captures: undefined };
  const negative = operator === '!=';
  const right = rightText!.trimEnd();
  if (!right.startsWith('/')) return { holds: (substitute(right, resolve) === left) !== negative, captures: undefined };
  const pattern = compilePattern(right);
  if (pattern === undefined || left.length > maxMatchedLength) return undefined;
  const found = pattern.exec(left);
  return { holds: (found !== null) !== negative, captures: found === null ? undefined : capturesOf(found) };
}

const patterns = new Map<string, RegExp | undefined>();
const maxPatterns = 512;

/** A pattern between slashes; PCRE's `(?P<name>` is JavaScript's `(?<name>`. */
function compilePattern(text: string): RegExp | undefined {
  if (patterns.has(text)) return patterns.get(text);
  let pattern: RegExp | undefined;
  try {
    if (text.length >= 2 && text.endsWith('/')) pattern = new RegExp(text.slice(1, -1).replaceAll('(?P<', '(?<'));
  } catch {
    // No pattern: the directive is an error.
  }
  if (patterns.size === maxPatterns) patterns.clear();
  patterns.set(text, pattern);
  return pattern;
}

function capturesOf(found: RegExpExecArray): Map<string, string> {
  const captures = new Map<string, string>();
  for (let index = 1; index <= 9 && index < found.length; index++) captures.set(String(index), found[index] ?? '');
  for (const [name, value] of Object.entries(found.groups ?? {})) captures.set(name.toLowerCase(), value ?? '');
  return captures;
}
