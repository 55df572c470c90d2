// Directory listings: HTML for people, JSON for programs. Names are data from outside: escaped in HTML, encoded in links.

import { S } from '../kernel/constants.js';
import { directoryNames } from '../kernel/directory.js';
import { isShortage } from '../kernel/errno.js';
import { emptyFileStatus, fileStatus } from '../kernel/file.js';
import { closeDescriptor } from '../kernel/socket.js';
import { escapeHtml } from '../text/escape-html.js';
import { counted, formatBytes } from '../text/units.js';
import { encodePath } from '../wire/http/path.js';
import type { TroubleStatus } from './file-trouble.js';
import type { Site } from './site.js';

/** One line of a listing. */
export interface ListingEntry {
  readonly name: string;
  readonly type: 'directory' | 'file';
  /** Bytes; of a directory 0. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly modified: number;
  /** Beneath the file is a page of its own; what is known of it in a few words, perhaps. */
  readonly page?: { readonly about: string | undefined };
}

/** Who knows more of some files. */
export interface ListedPages {
  /** Whether there is a page beneath a file of this path. */
  claims(path: string): boolean;
  /** A few words on it, if they are known. */
  noteOf(path: string): string | undefined;
}

/** Files of a listing that are asked about. */
const mostPages = 200;

/** Names beyond this are left out: a listing is for looking at. */
const mostNames = 10_000;

/** What is in a directory. */
interface Listed {
  readonly entries: readonly ListingEntry[];
  /** There are names that were not looked at. */
  readonly isCut: boolean;
}

/** Reads a directory beneath the site's root: folders first, names in order; -errno when it cannot be read. */
function readListing(site: Site, path: string, most: number): Listed | number {
  const directory = site.openPath(path);
  if (directory < 0) return directory;
  const names = directoryNames(directory, most + 1);
  closeDescriptor(directory);
  if (typeof names === 'number') return names;
  const isCut = names.length > most;
  if (isCut) names.pop();
  const status = emptyFileStatus();
  const entries: ListingEntry[] = [];
  for (const name of names) {
    if (!site.lists(name)) continue;
    const fd = site.openPath(path === '' ? name : `${path}/${name}`);
    // What is short now would leave names out.
    if (fd < 0 && isShortage(-fd)) return fd;
    if (fd < 0) continue;
    const result = fileStatus(fd, status);
    closeDescriptor(fd);
    const type = status.mode & S.IFMT;
    if (result < 0 || (type !== S.IFDIR && type !== S.IFREG)) continue;
    const isDirectory = type === S.IFDIR;
    entries.push({
      name,
      type: isDirectory ? 'directory' : 'file',
      size: isDirectory ? 0 : status.size,
      modified: status.mtimeSeconds,
    });
  }
  return { entries: entries.sort(byTypeAndName), isCut };
}

function byTypeAndName(left: ListingEntry, right: ListingEntry): number {
  if (left.type !== right.type) return left.type === 'directory' ? -1 : 1;
  return left.name < right.name ? -1 : 1;
}

/** The furthest time that a Date can say; file systems can say more. */
const lastSeconds = 8_640_000_000_000;

function isoTime(seconds: number): string {
  return new Date(Math.min(Math.max(seconds, -lastSeconds), lastSeconds) * 1000).toISOString();
}

/** The listing as JSON: `{ path, entries: [{ name, type, size, modified }] }`, times in ISO 8601; `truncated: true` where there is more. */
function jsonListing(path: string, { entries, isCut }: Listed): string {
  const readable = entries.map(({ page, ...entry }) => ({
    ...entry,
    modified: isoTime(entry.modified),
    ...(page && { page: `${encodePath(entry.name)}/`, about: page.about }),
  }));
  return `${JSON.stringify({ path: `/${path}`, entries: readable, ...(isCut && { truncated: true }) })}\n`;
}

const style =
  ':root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:56rem;margin:2rem auto;padding:0 1rem}' +
  'h1{font-size:1.25rem;overflow-wrap:anywhere}table{width:100%;border-collapse:collapse}td,th{text-align:left;padding:.3rem .5rem;' +
  'border-bottom:1px solid color-mix(in srgb,currentColor 15%,transparent)}td:first-child{overflow-wrap:anywhere}' +
  'td+td,th+th{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}a{text-decoration:none}a:hover,a:focus{text-decoration:underline}' +
  'th:first-child{width:100%}h1 a{padding:.1rem}p{opacity:.75;padding:0 .5rem}' +
  '@media(max-width:30rem){td:nth-child(3),th:nth-child(3){display:none}}';

/** The folders that lead here, each a link: `Index of / guide / deeper /`. */
function breadcrumbs(path: string): string {
  const names = path === '' ? [] : path.split('/');
  const links = names.map((name, index) => {
    const isLast = index === names.length - 1;
    const text = escapeHtml(name);
    return isLast ? text : `<a href="${'../'.repeat(names.length - 1 - index)}">${text}</a>`;
  });
  const top = names.length === 0 ? '/' : `<a href="${'../'.repeat(names.length)}" aria-label="top">/</a>`;
  return [top, ...links.map((link) => `${link}/`)].join('');
}

/** `3 folders, 1 file`; what an empty one is, else. */
function countOf({ entries, isCut }: Listed): string {
  if (entries.length === 0) return isCut ? 'This folder has more names than a listing shows.' : 'This folder is empty.';
  const folders = entries.filter(({ type }) => type === 'directory').length;
  const some = (count: number, one: string): string[] => (count === 0 ? [] : [counted(count, one)]);
  const parts = [...some(folders, 'folder'), ...some(entries.length - folders, 'file')];
  return `${parts.join(', ')}${isCut ? '; there are more' : ''}`;
}

function pageLink(link: string, about: string | undefined): string {
  const words = about === undefined ? '' : ` <small>${escapeHtml(about)}</small>`;
  return ` <a href="${escapeHtml(link)}/"><small>play</small></a>${words}`;
}

/** The listing as a page. */
function htmlListing(path: string, listed: Listed): string {
  const title = escapeHtml(`/${path}${path === '' ? '' : '/'}`);
  const rows = listed.entries.map((entry) => {
    const slash = entry.type === 'directory' ? '/' : '';
    const size = entry.type === 'directory' ? '' : formatBytes(entry.size);
    const modified = isoTime(entry.modified).slice(0, 16).replace('T', ' ');
    const link = `./${encodePath(entry.name)}${slash}`;
    const page = entry.page === undefined ? '' : pageLink(link, entry.page.about);
    return `<tr><td><a href="${escapeHtml(link)}">${escapeHtml(entry.name)}${slash}</a>${page}</td><td>${size}</td><td>${modified}</td></tr>\n`;
  });
  const up = path === '' ? '' : '<tr><td><a href="../">../</a></td><td></td><td></td></tr>\n';
  return (
    `<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<meta name="viewport" content="width=device-width">\n` +
    // An icon that is none: browsers would ask for /favicon.ico.
    `<link rel="icon" href="data:,">\n<title>Index of ${title}</title>\n<style>${style}</style>\n<h1>Index of ${breadcrumbs(path)}</h1>\n` +
    `<table>\n<tr><th>Name</th><th>Size</th><th>Modified (UTC)</th></tr>\n${up}${rows.join('')}</table>\n<p>${countOf(listed)}</p>\n</html>\n`
  );
}

function withPages(path: string, entries: readonly ListingEntry[], pages: ListedPages): ListingEntry[] {
  let asked = 0;
  return entries.map((entry) => {
    const file = path === '' ? entry.name : `${path}/${entry.name}`;
    if (entry.type !== 'file' || !pages.claims(file)) return entry;
    return { ...entry, page: { about: asked++ < mostPages ? pages.noteOf(file) : undefined } };
  });
}

/** A listing that took longer than this to make is kept. */
const longMs = 5;
/** How many times as long as it took to make a listing is given again, and how many are kept for that. */
const keptTimes = 10;
const keptListings = 8;

/**
 * The listings of a site. One of thousands of entries takes the worker a while: it is given again for ten times as long,
 * so that whoever asks for it without end has a tenth of the worker at most. A small one is as fresh as it was.
 */
export class Listings {
  readonly #site: Site;
  readonly #now: () => number;
  readonly #pages: ListedPages | undefined;
  readonly #most: number;
  readonly #kept = new Map<string, { readonly text: string; readonly untilMs: number }>();

  /** @param now the clock, in ms from any moment on. @param most names of a directory that are looked at */
  constructor(site: Site, now = (): number => performance.now(), pages?: ListedPages, most: number = mostNames) {
    this.#site = site;
    this.#now = now;
    this.#pages = pages;
    this.#most = most;
  }

  /** The listing of a directory as HTML or JSON; the status that says why not when it cannot be read. */
  get(path: string, json: boolean): string | TroubleStatus {
    const key = json ? `json:${path}` : `html:${path}`;
    const startedMs = this.#now();
    const kept = this.#kept.get(key);
    if (kept !== undefined && startedMs < kept.untilMs) return kept.text;
    this.#kept.delete(key);
    const read = readListing(this.#site, path, this.#most);
    if (typeof read === 'number') return this.#site.failure(-read, path).status;
    const listed = this.#pages === undefined ? read : { ...read, entries: withPages(path, read.entries, this.#pages) };
    const text = json ? jsonListing(path, listed) : htmlListing(path, listed);
    const endedMs = this.#now();
    const tookMs = endedMs - startedMs;
    if (tookMs < longMs) return text;
    this.#kept.set(key, { text, untilMs: endedMs + tookMs * keptTimes });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= keptListings) break;
      this.#kept.delete(oldest);
    }
    return text;
  }
}
