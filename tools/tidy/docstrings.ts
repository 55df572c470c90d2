// The docstring rule: an exported function, an exported class and each public method of one have a `/** ... */` right
// above them that says something. A method that an interface of the class declares and documents needs no second one
// (nor does an `override`), and a method that does nothing (`{}`, there to be overridden) none at all.

import { findFunctions } from './functions.js';
import type { Project, SourceFile, Violation } from './project.js';
import { matchingBracket } from './scan.js';

const EXPORTED_FUNCTION =
  /^export\s+(?:default\s+)?(?:async\s+)?function\b\s*\*?\s*([\w$]+)|^export\s+const\s+([\w$]+)\b[^=;]*=\s*(?:async\s*)?(?:function\b|(?:<[^()]*>\s*)?\([^;{}]*?\)\s*(?::[^={}]+)?=>|[\w$]+\s*=>)/gm;
const EXPORTED_CLASS = /^export\s+(?:default\s+)?(?:abstract\s+)?class\s+([\w$]+)([^{]*)\{/gm;
const INTERFACE = /^(?:export\s+)?interface\s+([\w$]+)([^{]*)\{/gm;
const MODIFIERS = /^(?:(?:public|static|override|readonly|abstract|async|get|set|accessor|declare)\s+|\*\s*)*$/;
const SELF_EXPLAINING = new Set(['constructor', 'toString', 'toJSON']);
const MIN_CHARACTERS = 10;

/** Exports and public methods of src/ and tools/ without a docstring. */
export function checkDocstrings(project: Project): Violation[] {
  const documented = documentedMembers(project);
  return project.sources
    .filter((source) => !source.isTest && /^(?:src|tools)\/.*\.ts$/.test(source.path))
    .flatMap((source) => [...checkFunctions(source), ...checkClasses(source, documented)]);
}

function checkFunctions(source: SourceFile): Violation[] {
  const found: Violation[] = [];
  const seen = new Set<string>();
  for (const match of source.code.matchAll(EXPORTED_FUNCTION)) {
    const name = match[1] ?? match[2] ?? '';
    if (!seen.has(name) && !hasDocstring(source, match.index)) found.push(missing(source, match.index, `${name}()`));
    seen.add(name);
  }
  return found;
}

function checkClasses(source: SourceFile, documented: ReadonlyMap<string, ReadonlySet<string>>): Violation[] {
  const found: Violation[] = [];
  for (const match of source.code.matchAll(EXPORTED_CLASS)) {
    const [head, name = '', heritage = ''] = match;
    if (!hasDocstring(source, match.index)) found.push(missing(source, match.index, `class ${name}`));
    const open = match.index + head.length - 1;
    const inherited = new Set((heritage.match(/[\w$]+/g) ?? []).flatMap((word) => [...(documented.get(word) ?? [])]));
    for (const method of publicMethods(source, open)) {
      if (SELF_EXPLAINING.has(method.name) || inherited.has(method.name)) continue;
      if (!hasDocstring(source, method.start)) found.push(missing(source, method.start, `${name}.${method.name}()`));
    }
  }
  return found;
}

/** The public methods in the class body that opens at `open`, once per name (a getter documents its setter). */
function publicMethods(source: SourceFile, open: number): { name: string; start: number }[] {
  const close = matchingBracket(source.code, open);
  const found = new Map<string, number>();
  let insideUntil = open;
  for (const { name, start, bodyStart, bodyEnd } of findFunctions(source)) {
    if (start <= insideUntil || start > close) continue;
    insideUntil = bodyEnd;
    if (bodyEnd === bodyStart + 1) continue;
    const lineStart = source.code.lastIndexOf('\n', start - 1) + 1;
    const before = source.code.slice(Math.max(lineStart, open + 1), start).trimStart();
    if (name.startsWith('#') || name.startsWith('[') || !MODIFIERS.test(before) || found.has(name)) continue;
    if (/\boverride\b/.test(before)) continue;
    found.set(name, lineStart);
  }
  return [...found].map(([name, start]) => ({ name, start }));
}

/** The members of each interface and class that have a docstring, by the name of the interface or class. */
function documentedMembers(project: Project): Map<string, Set<string>> {
  const members = new Map<string, Set<string>>();
  for (const source of project.sources) {
    for (const pattern of [INTERFACE, EXPORTED_CLASS]) {
      for (const match of source.code.matchAll(pattern)) {
        const open = match.index + match[0].length - 1;
        const names = members.get(match[1] ?? '') ?? new Set();
        members.set(match[1] ?? '', names);
        collectDocumented(source, open, names);
      }
    }
  }
  return members;
}

function collectDocumented(source: SourceFile, open: number, names: Set<string>): void {
  const close = matchingBracket(source.code, open);
  for (const comment of source.comments) {
    if (comment.start < open || comment.start > close || !comment.text.startsWith('/**')) continue;
    const after = source.code.slice(comment.end, comment.end + 200);
    const member = /^\s*(?:(?:public|static|override|readonly|abstract|async|get|set)\s+)*([\w$]+)/.exec(after)?.[1];
    if (member !== undefined) names.add(member);
  }
}

/** True when a `/** ... *\/` that says something stands right above an offset; linter directives may stand between. */
function hasDocstring(source: SourceFile, offset: number): boolean {
  let end = offset;
  for (let index = source.comments.length - 1; index >= 0; index--) {
    const comment = source.comments[index];
    if (comment === undefined || comment.start >= offset) continue;
    if (source.code.slice(comment.end, end).trim() !== '') return false;
    if (comment.text.startsWith('/**')) return comment.text.replace(/[/*\s]+/g, ' ').trim().length >= MIN_CHARACTERS;
    end = comment.start;
  }
  return false;
}

function missing(source: SourceFile, offset: number, what: string): Violation {
  const message = `${what} has no docstring: what it does, units and shapes, what it throws, its source`;
  return { file: source.path, line: source.lineOf(offset), rule: 'docstring', message };
}
