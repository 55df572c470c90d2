// The fields that an operator adds: to every response, or to the answers of files whose path matches a pattern. Which names and
// values are taken, which rules a path has, and their text in a head. Not here: the fields that responses have of themselves (head.ts).

import { shown } from '../text/shown.js';
import { isPathPattern, matchesPattern } from './path-pattern.js';

/** Fields of the files whose path matches; null takes a field away that every response would carry. */
export interface HeaderRule {
  /** Begins with `/`; `*` stands for any characters. */
  readonly path: string;
  readonly set: Readonly<Record<string, string | null>>;
}

/** What the option `headers` takes: fields by name for every response, and objects of them by path (`/assets/*`). */
export type HeaderOption = Readonly<Record<string, string | Readonly<Record<string, string | null>>>>;

const managed = 'the server sets it itself';
/** Why a field cannot be set this way; names are in lower case. */
const refused: Readonly<Record<string, string>> = {
  'content-type': `${managed}: types (--type) changes it`,
  ...Object.fromEntries(
    [
      ...['accept-ranges', 'allow', 'connection', 'content-encoding', 'content-length', 'content-range'],
      ...['date', 'etag', 'keep-alive', 'last-modified', 'location', 'retry-after', 'server', 'trailer'],
      ...['transfer-encoding', 'upgrade'],
    ].map((name) => [name, managed]),
  ),
};

/** Room for the fields of every response together, and for those of one rule: a head with them still fits beside a file in a frame. */
const mostBytes = 2048;
/** Rules, and bytes of all of them. */
const mostRules = 1000;
const mostRuleBytes = 64 * 1024;
/** What the fields of one response may take at most: a client takes no longer head. */
const mostHeadBytes = 8192;

/** Why the fields are refused, as a sentence; undefined when they can be sent. @param cors whether `cors` is on. */
export function headersProblem(headers: unknown, cors: boolean): string | undefined {
  if (typeof headers !== 'object' || headers === null || Array.isArray(headers)) {
    return 'headers must be an object of names and values, such as {"X-Frame-Options": "DENY"}';
  }
  const entries = Object.entries(headers);
  const rules = entries.filter(([name]) => name.startsWith('/'));
  const every = Object.fromEntries(entries.filter(([name]) => !name.startsWith('/')));
  if (rules.length > mostRules) return `headers has ${rules.length} paths, and at most ${mostRules} are allowed`;
  const bytes = rules.reduce((sum, [path, set]) => sum + path.length + shown(set).length, 0);
  if (bytes > mostRuleBytes) return `headers by path take ${bytes} bytes, and at most ${mostRuleBytes} are allowed`;
  const ofEvery = fieldsProblem(every, cors, false);
  if (ofEvery !== undefined) return ofEvery;
  for (const [path, set] of rules) {
    const quoted = JSON.stringify(path);
    if (!isPathPattern(path))
      return `${quoted} is no path of headers: give one such as /assets/*, at most 1024 characters`;
    if (typeof set !== 'object' || set === null || Array.isArray(set)) {
      return `headers of ${quoted} must be an object of names and values, such as {"Cache-Control": "no-store"}`;
    }
    const ofRule = fieldsProblem(set as Record<string, unknown>, cors, true);
    if (ofRule !== undefined) return `headers of ${quoted}: ${ofRule}`;
  }
  return undefined;
}

function fieldsProblem(fields: Readonly<Record<string, unknown>>, cors: boolean, byPath: boolean): string | undefined {
  for (const [name, value] of Object.entries(fields)) {
    const quoted = JSON.stringify(name);
    if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/i.test(name)) return `${quoted} is no name of a header field`;
    const lower = name.toLowerCase();
    if (lower === 'cache-control' && !byPath) {
      return `the header field ${quoted} cannot be set here: that of files is set by cacheControl (--cache-control), or by path`;
    }
    const why = refused[lower];
    if (why !== undefined) return `the header field ${quoted} cannot be set here: ${why}`;
    if (cors && lower === 'access-control-allow-origin') {
      return `the header field ${quoted} cannot be set here: cors sets it; choose one of them`;
    }
    if (byPath && value === null) continue;
    if (typeof value !== 'string' || !/^[\x21-\x7e](?:[\x20\x21-\x7e]*[\x21-\x7e])?$/.test(value)) {
      return `the value of the header field ${quoted} must be printable ASCII, without a blank at its ends`;
    }
  }
  const names = Object.keys(fields).map((name) => name.toLowerCase());
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) return `the header field ${JSON.stringify(twice)} is given twice`;
  const bytes = headerLines(fields as Record<string, string>).length;
  return bytes > mostBytes ? `headers take ${bytes} bytes, and at most ${mostBytes} are allowed` : undefined;
}

/** The option, checked by {@link headersProblem}, as what every response carries and the rules in their order. */
export function splitHeaders(headers: HeaderOption): {
  readonly headers: Readonly<Record<string, string>>;
  readonly headerRules: readonly HeaderRule[];
} {
  const every: Record<string, string> = {};
  const rules: HeaderRule[] = [];
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value === 'string') every[name] = value;
    else rules.push({ path: name, set: value });
  }
  return { headers: every, headerRules: rules };
}

function headerLines(headers: Readonly<Record<string, string>>): string {
  return Object.entries(headers)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
}

/** Fields by their names in lower case, with the name as it is sent. Null: taken away. */
export type FieldMap = ReadonlyMap<string, readonly [name: string, value: string | null]>;

/** What the rules say of a file, later ones winning; names are those under which it is asked for. */
export function rulesOf(rules: readonly HeaderRule[], names: readonly string[]): FieldMap {
  const fields = new Map<string, readonly [string, string | null]>();
  for (const { path, set } of rules) {
    if (!names.some((name) => matchesPattern(path, name))) continue;
    for (const [name, value] of Object.entries(set)) fields.set(name.toLowerCase(), [name, value]);
  }
  return fields;
}

/** Bytes that the rules can add to a head at most. */
export function mostRuleBytesOf(rules: readonly HeaderRule[]): number {
  const bytes = rules.reduce((sum, { set }) => sum + headerLines(set as Record<string, string>).length, 0);
  return Math.min(bytes, mostHeadBytes);
}
