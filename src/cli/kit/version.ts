// The version that the package says it has. Read when asked for, from the one place where it stands.

import { readFileSync } from 'node:fs';

/** The version in the package's package.json. */
export function packageVersion(): string {
  const text = readFileSync(new URL('../../../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
