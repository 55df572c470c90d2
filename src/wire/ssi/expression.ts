// Values and conditions of server-side includes: `$name` and `${name}` in a value; `$name`, `$name = text`,
// `$name != /regex/` in an expr. Text is one character a byte. Pure: variables are someone else's (the resolver).

/** The value of a variable; undefined when there is none. */
export type SsiResolver = (name: string) => string | undefined;

/** A dollar that is not escaped begins a name: one that does not is the third alternative, an error. */
const variable = /\\\$|\$(?:\{(\w+)\}|(\w+)|)/g;

/**
 * Puts the variables of a value in; one that is not set is empty, `\$` is a dollar. Undefined for a dollar without a
 * name or a brace without its end: the directive is an error then, as in nginx.
 */
export function substitute(value: string, resolve: SsiResolver): string | undefined {
  if (!value.includes('$')) return value;
  let isWrong = false;
  const text = value.replace(variable, (whole, braced?: string, plain?: string) => {
    const name = braced ?? plain;
    if (name !== undefined) return resolve(name) ?? '';
    if (whole === '$') isWrong = true;
    return '$';
  });
  return isWrong ? undefined : text;
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
  if (left === undefined) return undefined;
  if (operator === undefined) return { holds: left !== '', captures: undefined };
  const negative = operator === '!=';
  const right = rightText!.trimEnd();
  if (!right.startsWith('/')) {
    const other = substitute(right, resolve);
    return other === undefined ? undefined : { holds: (other === left) !== negative, captures: undefined };
  }
  const pattern = compilePattern(right);
  if (pattern === undefined || left.length > maxMatchedLength) return undefined;
  const found = pattern.exec(left);
  return { holds: (found !== null) !== negative, captures: found === null ? undefined : capturesOf(found) };
}

const patterns = new Map<string, RegExp | undefined>();
const maxPatterns = 512;

/**
 * A pattern between slashes; PCRE's `(?P<name>` is JavaScript's `(?<name>`, and `(?i)` at its beginning a flag. nginx looks
 * for variables in patterns as well, so its documents write the anchor as `\$`, which is one here too. Variables are not
 * put in: whoever sends the request could choose the pattern.
 */
function compilePattern(text: string): RegExp | undefined {
  if (patterns.has(text)) return patterns.get(text);
  let pattern: RegExp | undefined;
  try {
    if (text.length >= 2 && text.endsWith('/')) {
      const [lead = '', flags = ''] = /^\(\?([ims]+)\)/.exec(text.slice(1, -1)) ?? [];
      const source = text
        .slice(1 + lead.length, -1)
        .replaceAll('(?P<', '(?<')
        .replaceAll('\\$', '$');
      pattern = new RegExp(source, flags);
    }
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
