// Generated resources that are kept: what is known of each is a record of the table, as of a file, so that common requests for it are
// answered as bytes. It is true as long as everything that it was made of is, and its folder is unchanged: another file there might
// have been a part of it. Not here: its bytes (frame-cache.ts), who makes it (beneath.ts).

import { pathBytes } from '../text/path-text.js';
import { Fact, type FileTable, Kind, Maker } from './file-table.js';
import { readTag, words } from './identity.js';
import type { Representation } from './representation.js';
import type { Resource } from './resource.js';
import type { SitePath } from './site-types.js';

/** A directory as it was at some moment: nothing changed in it as long as its generation is the same. */
export interface Moment {
  readonly directory: number;
  readonly generation: number;
}

/** What the records need of their site. */
export interface GeneratedHost {
  /** Whether what is known of a file is true now. */
  isCurrent(entry: number): boolean;
  /** Whether nothing changed in a directory since. */
  isUnchanged(directory: number, generation: number): boolean;
  /** Keeps a canonical path; negative when there is no room for it. */
  add(key: Uint8Array, moment: Moment): number;
}

/** Words of a member: its entry, and its identity in two. */
const memberWords = 3;

/** See the file's head. */
export class Generated {
  readonly #table: FileTable;
  readonly #host: GeneratedHost;
  /** What each was made of, by its entry. */
  readonly #members = new Map<number, Int32Array>();

  constructor(table: FileTable, host: GeneratedHost) {
    this.#table = table;
    this.#host = host;
  }

  /** Whether what is known of a generated resource is true now. */
  isCurrent(entry: number): boolean {
    const table = this.#table;
    if (!this.#host.isUnchanged(table.directory.get(entry), table.generation.get(entry))) return false;
    const members = this.#members.get(entry);
    if (members === undefined) return false;
    for (let at = 0; at < members.length; at += memberWords) {
      const member = members[at]!;
      if (table.kind.get(member) !== Kind.file || !this.#host.isCurrent(member)) return false;
      if (table.identityHigh.get(member) !== members[at + 1] || table.identityLow.get(member) !== members[at + 2])
        return false;
    }
    return true;
  }

  /** The folder of a file, as it was when the file was looked at last. */
  momentOf({ entry }: Representation): Moment {
    return { directory: this.#table.directory.get(entry), generation: this.#table.generation.get(entry) };
  }

  /** Whether nothing changed in a folder since then, as far as that can be seen. */
  isUnchanged({ directory, generation }: Moment): boolean {
    return this.#host.isUnchanged(directory, generation);
  }

  /**
   * Keeps what is known of a resource.
   * @param target that it is asked for by.
   * @param members everything that it was made of. @param moment their folder, before they were looked at.
   * @returns its entry; negative when it cannot be kept: a member is not current any more, changes of it go unseen, its tag is of another form.
   */
  keep(target: SitePath, resource: Resource, members: readonly Representation[], moment: Moment): number {
    if (!members.every((member) => member.valid) || !this.#host.isUnchanged(moment.directory, moment.generation))
      return -1;
    if (!readTag(resource.etag)) return -1;
    const { high, low } = words;
    const key = pathBytes(`/${target.path}${target.trailingSlash ? '/' : ''}`);
    const known = this.#table.find(key, 0, key.length, true);
    if (known >= 0 && this.#isSame(known, high, low)) return known;
    const entry = this.#host.add(key, moment);
    if (entry < 0) return -1;
    const table = this.#table;
    // With a query it may be another.
    table.maker.set(entry, Maker.extensionOfQueries);
    table.size.set(entry, resource.size);
    table.tagHigh.set(entry, high);
    table.tagLow.set(entry, low);
    table.modifiedSeconds.set(entry, resource.lastModifiedSeconds);
    table.coding.set(entry, 0);
    const dateFact = resource.isDateStrong ? 0 : Fact.timeSet;
    table.facts.set(entry, table.facts.get(entry) | Fact.tagged | Fact.encoded | dateFact);
    const identities = members.flatMap((member) => [
      member.entry,
      table.identityHigh.get(member.entry),
      table.identityLow.get(member.entry),
    ]);
    this.#members.set(entry, Int32Array.from(identities));
    return entry;
  }

  /** Whether an entry is kept already, with this tag, and true. */
  #isSame(entry: number, tagHigh: number, tagLow: number): boolean {
    const table = this.#table;
    if (table.kind.get(entry) !== Kind.generated || !this.isCurrent(entry)) return false;
    return table.tagHigh.get(entry) === tagHigh && table.tagLow.get(entry) === tagLow;
  }

  /** What was known of an entry has ended. */
  end(entry: number): void {
    this.#members.delete(entry);
  }
}
