// The options that sendFile, send and serveStatic share, under the names that npm send gave them, and what they mean
// after their defaults.

import { resolve } from 'node:path';
import { coded } from '../text/coded.js';
import { shown } from '../text/shown.js';
import { parseMaxAge } from './max-age.js';

/** Options of a file that is sent: those of npm send, and three of clearway's own. */
export interface FileOptions {
  /** Answer ranges and say so. Default true. */
  acceptRanges?: boolean | undefined;
  /** Set Cache-Control. Default true. */
  cacheControl?: boolean | undefined;
  /** Paths with a segment that begins with a dot: `ignore` (404), `deny` (403) or `allow`. Default ignore. */
  dotfiles?: 'allow' | 'deny' | 'ignore' | undefined;
  /** Last byte of the file that is sent, from 0 on. Default: the file's. */
  end?: number | undefined;
  /** Set ETag, a weak one. Default true. */
  etag?: boolean | undefined;
  /** Extensions that are tried when a name without one is not there. Default none. */
  extensions?: readonly string[] | string | false | undefined;
  /** Add `immutable` to Cache-Control. Default false. */
  immutable?: boolean | undefined;
  /** Names looked for in a directory. Default index.html. */
  index?: readonly string[] | string | false | undefined;
  /** Set Last-Modified. Default true. */
  lastModified?: boolean | undefined;
  /** max-age of Cache-Control: milliseconds, or a text (`30d`, `1h`). Default 0. */
  maxAge?: number | string | undefined;
  /** The same as {@link maxAge}. */
  maxage?: number | string | undefined;
  /** The directory that paths are beneath. Without it a path is one of the file system. */
  root?: string | undefined;
  /** First byte of the file that is sent, from 0 on. Default 0. */
  start?: number | undefined;
  /** Answer a request for several ranges with all of them (multipart/byteranges) instead of the whole. Default true in sendFile, else false. */
  multipart?: boolean | undefined;
  /** Use sendfile where it can be had. Default true; false to compare. */
  sendfile?: boolean | undefined;
  /** Symbolic links that lead out of the root: `beneath` (they are not there) or `follow`. Default beneath. */
  links?: 'beneath' | 'follow' | undefined;
}

/** {@link FileOptions} after their defaults. */
export interface ResolvedFileOptions {
  readonly acceptRanges: boolean;
  /** The value of Cache-Control; undefined for none. */
  readonly cacheControl: string | undefined;
  readonly dotfiles: 'allow' | 'deny' | 'ignore';
  readonly etag: boolean;
  readonly extensions: readonly string[];
  readonly index: readonly string[];
  readonly lastModified: boolean;
  readonly root: string | undefined;
  readonly start: number;
  readonly end: number | undefined;
  readonly multipart: boolean;
  readonly sendfile: boolean;
  readonly followLinks: boolean;
}

/** @throws TypeError for a value that an option cannot have. */
export function resolveFileOptions(options: FileOptions | null | undefined): ResolvedFileOptions {
  const given = options ?? {};
  const dotfiles = given.dotfiles ?? 'ignore';
  if (dotfiles !== 'ignore' && dotfiles !== 'allow' && dotfiles !== 'deny') {
    throw coded('CLEARWAY_OPTION', new TypeError('dotfiles option must be "allow", "deny", or "ignore"'));
  }
  const links = given.links ?? 'beneath';
  if (links !== 'beneath' && links !== 'follow')
    throw coded('CLEARWAY_OPTION', new TypeError('links option must be "beneath" or "follow"'));
  return {
    acceptRanges: given.acceptRanges === undefined || Boolean(given.acceptRanges),
    cacheControl: cacheControl(given),
    dotfiles,
    etag: given.etag === undefined || Boolean(given.etag),
    extensions: given.extensions === undefined ? [] : textList(given.extensions, 'extensions'),
    index: given.index === undefined ? ['index.html'] : textList(given.index, 'index'),
    lastModified: given.lastModified === undefined || Boolean(given.lastModified),
    root: given.root ? resolve(given.root) : undefined,
    start: offsetOf('start', given.start) ?? 0,
    end: offsetOf('end', given.end),
    multipart: given.multipart === true,
    sendfile: given.sendfile !== false,
    followLinks: links === 'follow',
  };
}

/** A length is made of it, which a client holds the answer to. */
function offsetOf(name: string, value: unknown): number | undefined {
  if (value === undefined || value === null || value === Number.POSITIVE_INFINITY) return undefined;
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw coded('CLEARWAY_OPTION', new TypeError(`${name} option must be a whole number from 0 on, not ${shown(value)}`));
}

function cacheControl(given: FileOptions): string | undefined {
  if (given.cacheControl !== undefined && !given.cacheControl) return undefined;
  const seconds = parseMaxAge(given.maxAge || given.maxage);
  return `public, max-age=${seconds}${given.immutable ? ', immutable' : ''}`;
}

function textList(value: readonly string[] | string | false | null, name: string): readonly string[] {
  const list = Array.isArray(value) ? value : value ? [value] : [];
  if (list.some((each) => typeof each !== 'string')) {
    throw coded('CLEARWAY_OPTION', new TypeError(`${name} option must be array of strings or false`));
  }
  return list;
}
