// Every file below a directory, links followed, and the patterns that leave some out. For routes that are made at the
// start, one for each file; not for requests.

import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Paths of files below a directory, joined by '/', in order.
 * @param showDotfiles false leaves out names that begin with a dot. @param ignore glob patterns of what to leave out.
 */
export async function walkFiles(root: string, showDotfiles: boolean, ignore: readonly string[]): Promise<string[]> {
  const ignored = ignore.map(globPattern);
  const found: string[] = [];
  const visit = async (relative: string, above: readonly string[]): Promise<void> => {
    const directory = join(root, relative);
    const place = await realpath(directory).catch(() => undefined);
    // A link that leads to a directory above would go round for ever.
    if (place === undefined || above.includes(place)) return;
    for (const name of (await readdir(directory).catch(() => [])).sort()) {
      if (!showDotfiles && name.startsWith('.')) continue;
      const path = relative === '' ? name : `${relative}/${name}`;
      if (ignored.some((pattern) => pattern.test(path))) continue;
      const stats = await stat(join(root, path)).catch(() => undefined);
      if (stats?.isDirectory()) await visit(path, [...above, place]);
      else if (stats?.isFile()) found.push(path);
    }
  };
  await visit('', []);
  return found;
}

/** A glob as a regular expression over a whole path: `**`, `*`, `?`, `[a-z]`, `{a,b}`. */
export function globPattern(glob: string): RegExp {
  let source = '';
  let braces = 0;
  for (let at = 0; at < glob.length; at++) {
    const character = glob[at]!;
    if (glob.startsWith('**/', at)) {
      source += '(?:[^/]+/)*';
      at += 2;
    } else if (glob.startsWith('**', at)) {
      source += '.*';
      at++;
    } else if (character === '*') source += '[^/]*';
    else if (character === '?') source += '[^/]';
    else if (character === '{') {
      braces++;
      source += '(?:';
    } else if (character === '}' && braces > 0) {
      braces--;
      source += ')';
    } else if (character === ',' && braces > 0) source += '|';
    else if (character === '[' && glob.indexOf(']', at) > at) {
      const end = glob.indexOf(']', at);
      source += `[${glob
        .substring(at + 1, end)
        .replace(/^!/, '^')
        .replace(/\\/g, '\\\\')}]`;
      at = end;
    } else source += character.replace(/[.+^$()|[\]\\{}]/g, '\\$&');
  }
  return new RegExp(`^${source}${')'.repeat(braces)}$`);
}
