// What a site is told and what it tells: its options, who holds its files, what a path leads to.

import type { FileTable } from './file-table.js';
import type { Nothing } from './file-trouble.js';
import type { PinnedFiles } from './pins/pinned-files.js';
import type { Representation } from './representation.js';

/** How a path that begins with a dot is answered: as if it were not there, with 403, or like any other. */
export type DotfilePolicy = 'ignore' | 'allow' | 'deny';

/** What a {@link Site} needs to know. */
export interface SiteOptions {
  readonly root: string;
  readonly index: readonly string[];
  readonly dotfiles: DotfilePolicy;
  /** `/about` is the file about.html where there is no file about; it wins over a folder. Default false. */
  readonly cleanUrls?: boolean;
  /** A file that is there in codings alone (app.js.gz, and no app.js) is found. Default false. */
  readonly codedAlone?: boolean;
  /** Whether an extension answers for a file of this path, and for what is beneath it. Default: there is none. */
  readonly claims?: (path: string) => boolean;
  /** Media types of the operator, by extension. */
  readonly types?: ReadonlyMap<string, string>;
  /** Descriptors of files and their encoded siblings kept open; the ones that responses still send come on top. */
  readonly maxFiles: number;
  /** Files whose bytes are pinned in memory. Default: none. */
  readonly pins?: PinnedFiles;
  /** Told of a file that is not known to be missing and could not be opened or looked at: an errno, and its path. */
  readonly trouble?: (errno: number, path: string) => void;
}

/** What the holder of a site's files makes of them. */
export interface SiteHolder {
  /** Writes what else is to be known of a file into its entry: texts of its head, whether it has includes. */
  describe(table: FileTable, entry: number, path: string): void;
  /** Whether a response of an entry is kept: then it is answered without its file. */
  holds(entry: number): boolean;
  /** What was known of an entry has ended: what was made of it goes too. */
  ended(entry: number): void;
  /** A sibling is older than its file, and is not offered. */
  staleSibling(path: string): void;
}

/** A request's path after canonicalisation. */
export interface SitePath {
  /** Segments joined by '/', without one at either end; empty for the root. */
  readonly path: string;
  readonly trailingSlash: boolean;
  readonly dotfile: boolean;
}

/** What a path leads to. `directory` has no index; `status` says why there is nothing. */
export type Found =
  | { readonly kind: 'file'; readonly representation: Representation }
  /** There are encoded siblings of a file that is not there: the site's entry of it. */
  | { readonly kind: 'coded'; readonly entry: number }
  | { readonly kind: 'redirect' }
  | { readonly kind: 'directory'; readonly path: string }
  | Beneath
  | Nothing;

/** A path goes on behind a file that an extension answers for. */
export interface Beneath {
  readonly kind: 'beneath';
  readonly source: Representation;
  /** The path beneath the file, with the slash at its end if there is one; empty for a slash alone. */
  readonly rest: string;
}
