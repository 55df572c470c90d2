// From a path of a URL to the file it means: dotfiles, index files of directories, extensions that may be left out. Not
// here: what is answered when there is none.

import type { ResolvedFileOptions } from './file-options.js';
import { type FilePath, parseFilePath } from './file-path.js';
import { nodeRuntime } from './runtime.js';
import type { Located, StaticFile } from './tree.js';

/** What a search ends in: exactly one of these is called, perhaps before {@link locate} returns. */
export interface SearchEnd {
  /** The file, with a reference that the callee releases. */
  found(file: StaticFile): void;
  /** A directory was named without a slash, or there is no index to look for. */
  directory(path: string): void;
  /** Nothing; `cause` gives the file system's error, if there is one. */
  nothing(status: number, cause?: () => Error | undefined): void;
}

/** Looks for the file that a path means. */
export function locate(given: string, options: ResolvedFileOptions, end: SearchEnd): void {
  const path = parseFilePath(given, options.root);
  if (typeof path === 'number') end.nothing(path);
  else if (path.dotfile && options.dotfiles !== 'allow') end.nothing(options.dotfiles === 'deny' ? 403 : 404);
  else if (path.trailingSlash && options.index.length > 0) findIndex(path, options, end, 0);
  else findFile(path, options, end);
}

function find(path: FilePath, suffix: string, directoryOnly: boolean, follow: boolean): Located | Promise<Located> {
  const { root } = path;
  const { tree } = nodeRuntime();
  const relative = path.relative + suffix;
  if (!follow || !root.startsWith('/')) return tree.find(root, relative.replace(/^\//, ''), directoryOnly);
  const names = `${root}/${relative}`.split('/').filter((name) => name !== '');
  return tree.find('/', names.join('/'), directoryOnly);
}

/** Goes on with what was found, at once where that is known: most requests never wait. */
function then(found: Located | Promise<Located>, next: (located: Located) => void): void {
  if (found instanceof Promise) found.then(next);
  else next(found);
}

/** The first of the index names that is a file. Why the last one is not is why there is none. */
function findIndex(path: FilePath, options: ResolvedFileOptions, end: SearchEnd, at: number): void {
  const name = options.index[at]!;
  then(find(path, `/${name}`, false, options.followLinks), (located) => {
    if (located.kind === 'file') end.found(located.file);
    else if (located.kind === 'nothing' && located.status !== 404) fail(located, `${path.absolute}/${name}`, end);
    else if (at + 1 < options.index.length) findIndex(path, options, end, at + 1);
    else if (located.kind === 'directory') end.nothing(404);
    else fail(located, `${path.absolute.replace(/[\\/]$/, '')}/${name}`, end);
  });
}

function findFile(path: FilePath, options: ResolvedFileOptions, end: SearchEnd): void {
  then(find(path, '', path.directoryOnly, options.followLinks), (located) => {
    if (located.kind === 'file') end.found(located.file);
    else if (located.kind === 'directory') end.directory(path.absolute);
    else if (located.status === 404 && mayHaveExtension(path, options)) findExtension(path, options, end, 0);
    else fail(located, path.absolute, end);
  });
}

function mayHaveExtension(path: FilePath, options: ResolvedFileOptions): boolean {
  return (
    options.extensions.length > 0 && !path.directoryOnly && path.relative !== '' && !/[^/]\.[^./]*$/.test(path.relative)
  );
}

function findExtension(path: FilePath, options: ResolvedFileOptions, end: SearchEnd, at: number): void {
  const suffix = `.${options.extensions[at]}`;
  then(find(path, suffix, false, options.followLinks), (located) => {
    if (located.kind === 'file') end.found(located.file);
    else if (at + 1 < options.extensions.length) findExtension(path, options, end, at + 1);
    else if (located.kind === 'directory') end.nothing(404);
    else fail(located, path.absolute + suffix, end);
  });
}

function fail(located: Located & { kind: 'nothing' }, path: string, end: SearchEnd): void {
  end.nothing(located.status, () => located.cause(path));
}
