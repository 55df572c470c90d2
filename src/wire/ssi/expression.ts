// Values and conditions of server-side includes: `$name` and `${name}` in a value; `$name`, `$name = text`,
// `$name != /regex/` in an expr. Text is one character a byte. Pure: variables are someone else's (the resolver).

import { type MatchBudget, matchPattern } from './pattern.js';

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

const comparison = /^\s*((?:[\w.-]|\$\{\w+\}|\$)+)\s*(?:(!?=)\s*([\s\S]*))?$/;

/** What a condition came to. `captures` are set by a regular expression that matched: `1` to `9` and names. */
export interface SsiVerdict {
  readonly holds: boolean;
  readonly captures: ReadonlyMap<string, string> | undefined;
}

/**
 * Evaluates an expr. Undefined when it is none, or its regular expression cannot be matched: the directive is an error then.
 * @param budget what is left of the page's steps for regular expressions.
 */
export function evaluateCondition(
  expression: string,
  resolve: SsiResolver,
  budget: MatchBudget,
): SsiVerdict | undefined {
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
  const captures = matchPattern(right, left, budget);
  if (captures === undefined) return undefined;
  return { holds: (captures !== null) !== negative, captures: captures ?? undefined };
}
