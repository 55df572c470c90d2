// Finds the functions of a source by its text: where each begins, where its body ends, what it is called. It follows
// brackets and the few forms in which TypeScript writes a body; a form it does not know is a function not found.
// (A function type that returns an object type, `() => { a: 1 }`, is taken for a function: a short one, so no harm.)

import type { SourceFile } from './project.js';
import { matchingBracket } from './scan.js';

/** A function with a body. Offsets into the source's text; lines from 1, both ends included. */
export interface FoundFunction {
  readonly name: string;
  readonly start: number;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly lines: number;
}

const NOT_A_METHOD = new Set(
  'if for while switch catch with return function super new await typeof void do else import assert yield'.split(' '),
);
// Groups: 1 the name after `function`, 2 the name of a method (`#x`, `get x`, `async *x`, `[Symbol.iterator]`).
const HEADS =
  /\bfunction\b\s*\*?\s*([\w$]*)\s*(?:<[^()]*>\s*)?\(|(?<![\w$.#])(#?[\w$]+|\[[\w$.]+\])\??\s*(?:<[^()=;]*>\s*)?\(|=>\s*\{/g;

/** Every function of a source that has a body in braces, outer ones before inner ones. */
export function findFunctions(source: SourceFile): FoundFunction[] {
  const { code } = source;
  const found: FoundFunction[] = [];
  for (const match of code.matchAll(HEADS)) {
    const head = match[0];
    const arrow = head.startsWith('=>');
    if (match[2] !== undefined && NOT_A_METHOD.has(match[2])) continue;
    const end = match.index + head.length;
    const bodyStart = arrow ? end - 1 : bodyAfterParameters(code, end - 1);
    if (bodyStart === -1) continue;
    const bodyEnd = matchingBracket(code, bodyStart);
    if (bodyEnd === -1) continue;
    const start = arrow ? arrowStart(code, match.index) : match.index;
    const name = arrow ? nameBefore(code, start) : match[1] || match[2] || nameBefore(code, start);
    found.push({ name, start, bodyStart, bodyEnd, lines: source.lineOf(bodyEnd) - source.lineOf(start) + 1 });
  }
  return found;
}

/** The `{` of the body after a parameter list that opens at `open`; -1 for a call, a signature, an overload. */
function bodyAfterParameters(code: string, open: number): number {
  const close = matchingBracket(code, open);
  if (close === -1) return -1;
  const at = skipSpace(code, close + 1);
  if (code[at] === '{') return at;
  return code[at] === ':' ? bodyAfterType(code, at + 1) : -1;
}

/** Reads a return type from `start` and gives the `{` that follows it; -1 when something else ends it. */
function bodyAfterType(code: string, start: number): number {
  let expectsOperand = true;
  let angle = 0;
  for (let at = skipSpace(code, start); at < code.length; at = skipSpace(code, at)) {
    const character = code[at] ?? '';
    if (character === '{' && !expectsOperand && angle === 0) return at;
    if (character === '{' || character === '[' || character === '(') {
      at = matchingBracket(code, at) + 1;
      if (at === 0) return -1;
      expectsOperand = false;
      continue;
    }
    const word = /^(?:[\w$.]+|'[^']*'|"[^"]*"|`[^`]*`)/.exec(code.slice(at, at + 200))?.[0];
    if (word !== undefined) {
      expectsOperand = /^(?:is|asserts|keyof|typeof|readonly|unique|infer|extends)$/.test(word);
      at += word.length;
      continue;
    }
    if (code.startsWith('=>', at)) {
      expectsOperand = true;
      at += 2;
      continue;
    }
    if (character === '<') angle++;
    else if (character === '>') angle--;
    else if (!'|&?:,'.includes(character) || (character === ',' && angle === 0)) return -1;
    expectsOperand = character !== '>';
    at++;
  }
  return -1;
}

/** Where the parameters of an arrow function begin, whose `=>` stands at `arrow`. */
function arrowStart(code: string, arrow: number): number {
  let at = arrow - 1;
  while (at > 0 && /\s/.test(code[at] ?? '')) at--;
  let depth = 0;
  for (; at >= 0; at--) {
    const character = code[at] ?? '';
    if (')]}'.includes(character)) depth++;
    else if ('([{'.includes(character)) {
      if (depth === 0) return at + 1;
      depth--;
      if (depth === 0 && character === '(') return at;
    } else if (depth === 0 && /[=,;]/.test(character)) return at + 1;
  }
  return 0;
}

/** The name in `const name =`, `name =`, `name:` before `at`; `anonymous` without one. */
function nameBefore(code: string, at: number): string {
  const before = code.slice(Math.max(0, at - 300), at);
  return /([\w$]+|#[\w$]+)\s*(?::[^=;(){}]*)?[=:]\s*(?:async\s*)?$/.exec(before)?.[1] ?? 'anonymous';
}

function skipSpace(code: string, from: number): number {
  let at = from;
  while (at < code.length && /\s/.test(code[at] ?? '')) at++;
  return at;
}
