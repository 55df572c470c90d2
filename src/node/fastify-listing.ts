// Directory listings of the Fastify plugin: names as JSON, or what an application's own function renders.

import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { invalidOptionValue } from './fastify-errors.js';

/** What a folder holds, its folders' folders included. */
export interface ExtendedInformation {
  fileCount: number;
  totalFileCount: number;
  folderCount: number;
  totalFolderCount: number;
  totalSize: number;
  lastModified: number;
}

/** An entry of a listing as it is rendered. */
export interface ListEntry {
  href: string;
  name: string;
  stats: Stats;
  extendedInfo?: ExtendedInformation;
}

/** Options of listings. */
export interface ListOptions {
  format?: 'json' | 'html';
  /** Paths that are listings, by their last segment; `/` for every path that ends in a slash. */
  names?: string[];
  extendedFolderInfo?: boolean;
  jsonFormat?: 'names' | 'extended';
  render?: (directories: ListEntry[], files: ListEntry[]) => string;
}

interface Entry {
  name: string;
  stats: Stats;
  extendedInfo?: ExtendedInformation;
}

/** Entries read at the same time. */
const concurrency = 16;
/** Folders below a listed one that are counted; beyond it a listing would be a way to keep the disk busy. */
const maxDepth = 64;

async function forEachName(names: readonly string[], visit: (name: string) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < names.length) await visit(names[next++]!);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, names.length) }, worker));
}

async function statsOf(path: string): Promise<Stats | undefined> {
  return stat(path).catch(() => undefined);
}

async function countFolder(path: string, info: ExtendedInformation, depth: number): Promise<void> {
  await forEachName(await readdir(path), async (name) => {
    const stats = await statsOf(join(path, name));
    if (stats === undefined) return;
    if (stats.isDirectory()) {
      info.totalFolderCount++;
      if (depth === 0) info.folderCount++;
      if (depth < maxDepth) await countFolder(join(path, name), info, depth + 1);
      return;
    }
    info.totalSize += stats.size;
    info.totalFileCount++;
    if (depth === 0) info.fileCount++;
    info.lastModified = Math.max(info.lastModified, stats.mtimeMs);
  });
}

async function extendedInformation(path: string): Promise<ExtendedInformation> {
  const info = { totalSize: 0, fileCount: 0, totalFileCount: 0, folderCount: 0, totalFolderCount: 0, lastModified: 0 };
  await countFolder(path, info, 0);
  return info;
}

/** Reads a directory: its folders and its files, each in order of their names. @throws the error of readdir. */
async function readEntries(
  path: string,
  options: ListOptions,
  showDotfiles: boolean,
): Promise<{ dirs: Entry[]; files: Entry[] }> {
  const names = (await readdir(path)).filter((name) => showDotfiles || !name.startsWith('.'));
  const dirs: Entry[] = [];
  const files: Entry[] = [];
  await forEachName(names, async (name) => {
    const stats = await statsOf(join(path, name));
    if (stats === undefined) return;
    if (!stats.isDirectory()) files.push({ name, stats });
    else if (options.extendedFolderInfo !== true) dirs.push({ name, stats });
    else dirs.push({ name, stats, extendedInfo: await extendedInformation(join(path, name)) });
  });
  const byName = (left: Entry, right: Entry): number => left.name.localeCompare(right.name);
  return { dirs: dirs.sort(byName), files: files.sort(byName) };
}

/** The payload of a listing. @param format as the request asks for it, or the option. */
export async function makeListing(
  path: string,
  options: ListOptions,
  showDotfiles: boolean,
  format: string | undefined,
  route: string,
  prefix: string,
): Promise<{ type: 'json'; value: unknown } | { type: 'html'; value: string } | undefined> {
  if (format === 'html' && typeof options.render !== 'function') {
    const problem = 'must be a function and is required with the URL parameter `format=html`';
    throw invalidOptionValue('list.render', problem);
  }
  const entries = await readEntries(path, options, showDotfiles).catch(() => undefined);
  if (entries === undefined) return undefined;
  if (format !== 'html') {
    if (options.jsonFormat === 'extended') return { type: 'json', value: entries };
    const names = (list: readonly Entry[]): string[] => list.map((entry) => entry.name);
    return { type: 'json', value: { dirs: names(entries.dirs), files: names(entries.files) } };
  }
  const place = options.names?.includes(basename(route)) ? posix.normalize(posix.join(route, '..')) : route;
  const rendered = (entry: Entry): ListEntry => ({
    ...entry,
    href: encodeURI(posix.join(prefix, place, entry.name)),
  });
  return { type: 'html', value: options.render!(entries.dirs.map(rendered), entries.files.map(rendered)) };
}

/** True when the option names this path as a listing. */
export function isListingName(route: string, options: ListOptions): boolean {
  return (
    options.names?.includes(basename(route)) === true || (options.names?.includes('/') === true && route.endsWith('/'))
  );
}

/** @throws FastifyStaticError for options that contradict themselves. */
export function checkListOptions(list: boolean | ListOptions | undefined): void {
  if (!list || list === true) return;
  if (list.format && list.format !== 'json' && list.format !== 'html') {
    throw invalidOptionValue('list.format', 'must be json or html');
  }
  if (list.names && !Array.isArray(list.names)) throw invalidOptionValue('list.names', 'must be an array');
  const { jsonFormat } = list;
  if (jsonFormat != null && jsonFormat !== 'names' && jsonFormat !== 'extended') {
    throw invalidOptionValue('list.jsonFormat', 'must be names or extended');
  }
  if (list.format === 'html' && typeof list.render !== 'function') {
    throw invalidOptionValue('list.render', 'must be a function and is required with html format');
  }
}
