// The file of `--config`: one JSON object of options, and where in it each of them stands, for the sentence that refuses one.
// Not here: what the options mean (serve/options.ts).

import { readFileSync } from 'node:fs';
import { fileTrouble } from '../../text/file-trouble.js';
import { UsageError } from './usage.js';

/** What the file says. */
export interface ConfigFile {
  readonly options: Readonly<Record<string, unknown>>;
  /** `FILE:LINE: `, for an option that stands in it; of one that stands there twice the last, which counts. */
  placeOf(option: string): string;
}

/** Reads the file. @throws UsageError where it cannot be read, or holds no JSON object */
export function readConfigFile(path: string): ConfigFile {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`the configuration file ${path} cannot be read: ${fileTrouble(error)}`);
  }
  // Editors of other systems put a byte order mark in front.
  text = text.replace(/^\ufeff/, '');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const { message } = error as Error;
    const at = /\bposition (\d+)$/.exec(message)?.[1];
    const line = at === undefined ? '' : ` (line ${lineAt(text, Number(at))})`;
    throw new UsageError(`the configuration file ${path} is not JSON: ${message}${line}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new UsageError(`the configuration file ${path} must hold one JSON object`);
  const placeOf = (option: string): string => {
    const at = keyIn(text, option);
    return at < 0 ? '' : `${path}:${lineAt(text, at)}: `;
  };
  return { options: value as Record<string, unknown>, placeOf };
}

const lineAt = (text: string, at: number): number => text.slice(0, at).split('\n').length;

/** Where the object of a JSON text has a key, the last time; -1: it has none. */
function keyIn(text: string, key: string): number {
  let depth = 0;
  let found = -1;
  for (const { 0: token, 1: isKey, index } of text.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && isKey !== undefined && JSON.parse(token.slice(0, -isKey.length)) === key) found = index;
  }
  return found;
}
