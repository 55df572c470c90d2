// What a server says of a site's files beside what the site knows: the texts of their heads, which of them are documents
// with includes, and siblings that are too old to be offered. Not here: finding files (site.ts).

import { contentCoding, mediaType } from '../wire/http/media-type.js';
import { codings } from './codings.js';
import { Fact, type FileTable, Maker } from './file-table.js';
import type { FieldWriter } from './head.js';
import type { QuickAnswers } from './quick-answers.js';
import type { Resource } from './resource.js';
import type { SiteHolder } from './site-types.js';
import { includeLanguage } from './ssi/documents.js';

/** Stale siblings that are said, each once. */
const mostStale = 100;

/** See the file's head. */
export class SiteTexts implements SiteHolder {
  /** Who keeps responses of the files; set before the first file is found. */
  answers: QuickAnswers | undefined;
  readonly #fields: FieldWriter;
  readonly #types: ReadonlyMap<string, string> | undefined;
  readonly #evaluates: boolean;
  readonly #claims: ((path: string) => boolean) | undefined;
  readonly #warn: (message: string) => void;
  readonly #stale = new Set<string>();

  /**
   * @param evaluates whether documents with includes are evaluated. @param claims which files an extension answers for.
   * @param warn is told what the operator should know.
   */
  constructor(
    fields: FieldWriter,
    types: ReadonlyMap<string, string> | undefined,
    evaluates: boolean,
    claims: ((path: string) => boolean) | undefined,
    warn: (message: string) => void,
  ) {
    this.#fields = fields;
    this.#types = types;
    this.#evaluates = evaluates;
    this.#claims = claims;
    this.#warn = warn;
  }

  /** What the heads of a file say, beside its size and its validators. */
  describe(table: FileTable, entry: number, path: string): void {
    const writer = this.answers!.writer;
    const coding = codings[table.coding.get(entry) - 1]?.name ?? contentCoding(path);
    const contentType = mediaType(path, this.#types);
    table.content.set(entry, writer.number(this.#fields.content({ contentType, coding })));
    table.policy.set(entry, writer.number(this.#fields.policy(path)));
    const maker = this.#makerOf(path);
    table.maker.set(entry, maker);
    // What is evaluated has no codings. What others are made of keeps its first tag, which theirs are derived from.
    const fact = maker === Maker.includes ? Fact.encoded : maker === Maker.extension ? Fact.tagged : 0;
    table.facts.set(entry, table.facts.get(entry) | fact);
  }

  /** What the heads of a generated resource say, beside its size and its validators. */
  describeResource(table: FileTable, entry: number, resource: Resource): void {
    const { writer } = this.answers!;
    table.content.set(entry, writer.number(this.#fields.content(resource)));
    table.policy.set(entry, writer.number(this.#fields.policyOf(resource)));
  }

  #makerOf(path: string): number {
    if (this.#evaluates && includeLanguage(path) !== undefined) return Maker.includes;
    return this.#claims?.(path) === true ? Maker.extension : Maker.none;
  }

  /** Whether a response of a file is kept. */
  holds(entry: number): boolean {
    return this.answers!.frames.of(entry) !== undefined;
  }

  /** What was known of a file has ended. */
  ended(entry: number): void {
    this.answers!.frames.end(entry);
  }

  /** A sibling is older than its file: said once, for so many files at most. */
  staleSibling(path: string): void {
    if (this.#stale.has(path) || this.#stale.size >= mostStale) return;
    this.#stale.add(path);
    this.#warn(`${path} is older than the file that it encodes, and is not offered: compress it again, or remove it`);
  }
}
