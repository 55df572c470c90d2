// A representation: one file as HTTP sees it, with its validators and the text of its fields: what the general path, pages
// and the doors into Node work with. It is made of what the site knows of a file (file-table.ts) when somebody asks for it.
// An encoded sibling (.br, .zst, .gz) is a representation of its own, with its own entity tag.

import type { FileStatus } from '../kernel/file.js';
import { SgList } from '../memory/sg-list.js';
import { formatHttpDate } from '../wire/http/date.js';
import { contentCoding } from '../wire/http/media-type.js';
import { codings } from './codings.js';
import { Fact, type FileTable } from './file-table.js';
import { formatTag, identityOf, words } from './identity.js';
import type { OpenFile } from './open-files.js';
import type { Resource } from './resource.js';

/** A file as HTTP sees it. Valid until its file changes: then ask again. */
export class Representation implements Resource {
  /** The site's number of it, while it is valid. */
  readonly entry: number;
  /** Path beneath the root; of a directory's index, the index file's. */
  readonly path: string;
  /** Of an encoded sibling the path of the file itself, which says what both are; else as {@link path}. */
  readonly sourcePath: string;
  readonly file: OpenFile;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** The modification time, but not later than now: a date ahead of the response's is not one (RFC 9110 section 8.8.2.1). */
  readonly lastModifiedSeconds: number;
  readonly contentType: string;
  /** Content coding of an encoded sibling, or of what is encoded by its nature (.svgz); undefined for nearly all others. */
  readonly coding: string | undefined;
  /** False when the file may have changed since. */
  valid = true;
  readonly #identityHigh: number;
  readonly #identityLow: number;
  readonly #table: FileTable;
  #etag = '';

  /** @param file with a reference that this takes over. @param path of the file without the coding's extension. */
  constructor(table: FileTable, entry: number, path: string, file: OpenFile, contentType: string) {
    const coding = codings[table.coding.get(entry) - 1];
    this.#table = table;
    this.entry = entry;
    this.path = path + (coding?.extension ?? '');
    this.sourcePath = path;
    this.file = file;
    this.size = table.size.get(entry);
    this.mtimeSeconds = table.mtimeSeconds.get(entry);
    this.mtimeNanoseconds = table.mtimeNanoseconds.get(entry);
    this.lastModifiedSeconds = Math.min(table.modifiedSeconds.get(entry), Math.floor(Date.now() / 1000));
    this.contentType = contentType;
    this.coding = coding?.name ?? contentCoding(path);
    this.#identityHigh = table.identityHigh.get(entry);
    this.#identityLow = table.identityLow.get(entry);
  }

  /** The strong entity tag, with its quotes. */
  get etag(): string {
    // Until its content was read a small file has another tag, which is never sent: that waits for it (file-answers.ts). One that a handler makes
    // others of (a film with --media) keeps that of its identity.
    if (this.valid) this.#etag = formatTag(this.#table.tagHigh.get(this.entry), this.#table.tagLow.get(this.entry));
    return this.#etag;
  }

  /** As text, for Last-Modified. */
  get lastModified(): string {
    return formatHttpDate(this.lastModifiedSeconds);
  }

  /** Whether the date alone tells versions apart (RFC 9110 section 8.8.2.2). */
  get isDateStrong(): boolean {
    return (this.#table.facts.get(this.entry) & Fact.timeSet) === 0;
  }

  /** One extent of the file. */
  list(from: number, to: number): SgList<OpenFile> {
    const list = new SgList<OpenFile>();
    list.addExtent(this.file.retain(), from, to - from);
    return list;
  }

  /** True when the descriptor still says what this representation was made from. */
  matches(status: FileStatus): boolean {
    identityOf(status);
    return words.high === this.#identityHigh && words.low === this.#identityLow;
  }

  /** Ends it. Responses under way keep what they refer to until they are sent. */
  invalidate(): void {
    if (!this.valid) return;
    this.#etag = this.etag;
    this.valid = false;
    this.file.release();
  }
}
