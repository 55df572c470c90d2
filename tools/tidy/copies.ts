// The ban on raw copies. What the package ships copies bytes through src/memory/copy.ts, whose functions take a reason
// and count; everywhere else the ways in which JavaScript copies bytes are violations. The rule reads text and knows no
// types: it looks for the nearest declaration of a name, then at the name itself, and leaves alone what it cannot tell
// (so `map.set(key, value)` and `text.slice(1)` pass). `// copy-ok: REASON` on the line or the one above excuses a copy;
// the number of excuses is in ratchet.json.

import type { Config } from './config.js';
import type { Project, SourceFile, Violation } from './project.js';
import type { Ratchet } from './ratchet.js';
import { callArguments } from './scan.js';

const TYPED_ARRAY = '(?:Big)?(?:Ui|I)nt(?:8|16|32|64)(?:Clamped)?Array|Float(?:32|64)Array';
const TYPED_ARRAY_NAME = new RegExp(`^(?:${TYPED_ARRAY})$`);
const BYTES_TYPE = new RegExp(
  `^(?:readonly\\s+)?(?:${TYPED_ARRAY}|Buffer|ArrayBuffer|SharedArrayBuffer|ArrayBufferLike|ArrayBufferView|DataView)\\b`,
);
const BYTES_VALUE = new RegExp(
  `^(?:await\\s+)?(?:new\\s+(?:${TYPED_ARRAY}|ArrayBuffer|SharedArrayBuffer|DataView)\\s*[(<]|Buffer\\.|[\\w$.#!?]+\\.subarray\\()`,
);
const OTHER_TYPE =
  /^(?:readonly\s+)?(?:string|number|bigint|boolean|Record|(?:Readonly|Weak)?(?:Map|Set)|(?:Readonly)?Array<|[\w$.]+\[\]|\[|URLSearchParams|Headers)\b|^(?:readonly\s+)?[\w$.]+(?:<[^<>]*>)?\[\]/;
const OTHER_VALUE =
  /^(?:new\s+(?:Weak)?(?:Map|Set|Array|URLSearchParams|Headers)\b|['"`[]|\d|String\(|JSON\.|process\.argv)/;
/** Names that mean bytes; `sizeBytes` and the like mean a number of them. */
const BYTES_NAME =
  /^#?_?(?:bytes|buffer|payload|chunk|frame|view|u8|heap8)$|[a-z\d](?:Buffer|Payload|Chunk|Frame|View|U8)$/;
const STRING_ARGUMENT = /^(?:['"`]|\[|String\(|JSON\.stringify\()|\.(?:toString|join|toJSON)\([^()]*\)$/;
const CANDIDATE = new RegExp(
  [
    String.raw`\bBuffer\s*\.\s*(concat|from|copyBytesFrom)\s*\(`,
    String.raw`([\w$\])!]|#[\w$]+)\s*\??\.\s*(copy|copyWithin|set|slice)\s*\(`,
    String.raw`\b(structuredClone)\s*\(`,
    String.raw`\bnew\s+(${TYPED_ARRAY}|Blob)\s*(?:<[^<>()]*>)?\(`,
    String.raw`\b(?:${TYPED_ARRAY})\s*\.\s*(from)\s*\(`,
  ].join('|'),
  'g',
);
const MARKER = /^\/\/\s*copy-ok\b:?\s*(.*)$/;
const MIN_REASON_CHARACTERS = 10;

/** Copies outside of `config.copyFile`, excuses without a reason or without a copy, and excuses above the ratchet. */
export function checkCopies(project: Project, config: Config, ratchet: Ratchet): Violation[] {
  const found: Violation[] = [];
  for (const source of project.sources) {
    if (!source.isProduct || source.path === config.copyFile) continue;
    found.push(...checkFile(source, ratchet.copyMarkers[source.path] ?? 0));
  }
  return found;
}

/** The number of excuses in each file that has any: what `--ratchet` compares. */
export function countMarkers(project: Project): Map<string, number> {
  const counts = new Map<string, number>();
  for (const source of project.sources) {
    const count = source.isProduct ? markersOf(source).length : 0;
    if (count > 0) counts.set(source.path, count);
  }
  return counts;
}

interface Marker {
  readonly line: number;
  readonly reason: string;
}

function markersOf(source: SourceFile): Marker[] {
  return source.comments.flatMap((comment) => {
    const match = MARKER.exec(comment.text);
    return match === null ? [] : [{ line: source.lineOf(comment.start), reason: (match[1] ?? '').trim() }];
  });
}

function checkFile(source: SourceFile, allowed: number): Violation[] {
  const found: Violation[] = [];
  const report = (line: number, message: string) => found.push({ file: source.path, line, rule: 'copy', message });
  const markers = markersOf(source);
  const used = new Set<Marker>();
  for (const match of source.code.matchAll(CANDIDATE)) {
    const what = describeCopy(source.code, match);
    if (what === undefined) continue;
    const line = source.lineOf(match.index + match[0].length - 1);
    const excuse = markers.find((marker) => marker.line === line || marker.line === line - 1);
    if (excuse === undefined) {
      report(line, `${what}: copy through src/memory/copy.ts, or excuse it with // copy-ok: REASON`);
    } else used.add(excuse);
  }
  for (const marker of markers) {
    if (!used.has(marker)) report(marker.line, 'copy-ok excuses nothing here: remove it');
    else if (marker.reason.length < MIN_REASON_CHARACTERS) report(marker.line, 'copy-ok without a reason');
  }
  if (markers.length > allowed) {
    const line = markers.at(-1)?.line ?? 1;
    report(line, `${markers.length} copy-ok here, ${allowed} in tools/tidy/ratchet.json (copyMarkers)`);
  }
  return found;
}

/** What a candidate copies, in words; undefined when it copies no bytes as far as the text shows. */
function describeCopy(code: string, match: RegExpMatchArray): string | undefined {
  const at = match.index ?? 0;
  const open = at + match[0].length - 1;
  const [, bufferFunction, , method, clone, constructed, arrayFrom] = match;
  const given = callArguments(code, open);
  const first = given[0] ?? '';
  if (clone !== undefined) return 'structuredClone copies';
  if (bufferFunction === 'from') return bufferFromCopies(code, at, given) ? 'Buffer.from copies bytes' : undefined;
  if (bufferFunction !== undefined) return `Buffer.${bufferFunction} copies`;
  if (arrayFrom !== undefined) {
    return given.length === 1 && isBytes(code, at, first) ? 'from copies into a new array' : undefined;
  }
  if (constructed === 'Blob') return 'a Blob copies what it is made of';
  if (constructed !== undefined) {
    const copies = given.length === 1 && isBytes(code, at, first);
    return copies ? `new ${constructed} of bytes copies them` : undefined;
  }
  if (method === undefined) return undefined;
  const receiver = receiverBefore(code, at + match[0].search(/\??\.\s*\w+\s*\($/));
  if (method === 'copy')
    return given.length > 0 && kindOf(code, at, receiver) !== 'other' ? '.copy() copies' : undefined;
  if (method === 'copyWithin') return '.copyWithin() moves bytes';
  if (method === 'set') return setCopies(code, at, receiver, given) ? '.set() on a typed array copies' : undefined;
  return isBytes(code, at, receiver) ? '.slice() of bytes copies them: .subarray() does not' : undefined;
}

/** `Buffer.from` of a string (a literal, or with its encoding said), of numbers written out, or of memory as a view. */
function bufferFromCopies(code: string, at: number, given: readonly string[]): boolean {
  const [first = '', second] = given;
  if (STRING_ARGUMENT.test(first)) return false;
  if (given.length === 3) return false;
  if (second !== undefined && (/^['"`]/.test(second) || /encoding$/i.test(second))) return false;
  if (given.length === 1 && /\.buffer$/.test(first)) return false;
  return kindOf(code, at, first) !== 'other';
}

/** A typed array's `set` has one argument or an offset as second; a map's has always two, often a name first. */
function setCopies(code: string, at: number, receiver: string, given: readonly string[]): boolean {
  if (given.length === 0 || given.length > 2 || /^['"`]/.test(given[0] ?? '')) return false;
  const kind = kindOf(code, at, receiver);
  if (kind !== 'unknown') return kind === 'bytes';
  return isBytes(code, at, receiver) || (given.length === 1 && isBytes(code, at, given[0] ?? ''));
}

function isBytes(code: string, at: number, expression: string): boolean {
  if (BYTES_VALUE.test(expression)) return !TYPED_ARRAY_NAME.test(expression);
  if (/\.buffer$/.test(expression)) return false;
  const kind = kindOf(code, at, expression);
  return kind === 'bytes' || (kind === 'unknown' && BYTES_NAME.test(lastName(expression)));
}

/** The last name of `a.b.#c!`; empty for anything that is not a chain of names. */
function lastName(expression: string): string {
  return /^(?:await\s+)?(?:[\w$]+[!?]*\.)*(#?[\w$]+)!?$/.exec(expression)?.[1] ?? '';
}

/** What the nearest declaration of an expression's last name says: the last one before `at`, else the first after it. */
function kindOf(code: string, at: number, expression: string): 'bytes' | 'other' | 'unknown' {
  const name = lastName(expression);
  if (name === '') return BYTES_VALUE.test(expression) ? 'bytes' : OTHER_VALUE.test(expression) ? 'other' : 'unknown';
  const escaped = name.replaceAll('$', String.raw`\$`);
  const declaration = new RegExp(
    String.raw`(?<![\w$#])${escaped}\s*[!?]?\s*(?::\s*([^=;,)]+)|=\s*([^=>;][^;\n]*))`,
    'g',
  );
  let kind: 'bytes' | 'other' | 'unknown' = 'unknown';
  for (const match of code.matchAll(declaration)) {
    if (match.index > at && kind !== 'unknown') break;
    const [, type = '', value = ''] = match;
    if (BYTES_TYPE.test(type) || BYTES_VALUE.test(value)) kind = 'bytes';
    else if (OTHER_TYPE.test(type) || OTHER_VALUE.test(value)) kind = 'other';
  }
  return kind;
}

/** The expression that ends at `end`, as far back as names, dots, and one call or index reach. */
function receiverBefore(code: string, end: number): string {
  let start = end;
  let depth = 0;
  while (start > 0) {
    const character = code[start - 1] ?? '';
    if (character === ')' || character === ']') depth++;
    else if (character === '(' || character === '[') {
      if (depth === 0) break;
      depth--;
    } else if (depth === 0 && !/[\w$.#!?]/.test(character)) break;
    start--;
  }
  return code.slice(start, end).trim();
}
