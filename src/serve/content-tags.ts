// Entity tags of small files, which are of their content: equal on every host and in every worker, and the only one that a version is ever answered
// with. Until the content was read there is no tag to answer with. Files that an extension answers for (films) count as tagged: theirs is that of
// their identity (site-texts.ts). Not here: how a tag is made (identity.ts), who reads (quick-answers.ts,
// file-answers.ts).

import { readAt } from '../kernel/file.js';
import { CopyReason, countCopy } from '../memory/copy.js';
import { Region } from '../memory/region.js';
import { Fact, type FileTable } from './file-table.js';
import { tagOfContent, words } from './identity.js';
import type { Representation } from './representation.js';

/** See the file's head. */
export class ContentTags {
  readonly #table: FileTable;
  readonly #smallBytes: number;

  /** @param smallBytes files up to this size are tagged by their content */
  constructor(table: FileTable, smallBytes: number) {
    this.#table = table;
    this.#smallBytes = smallBytes;
  }

  /** Whether the tag that is known of an entry is the one that it keeps. */
  has(entry: number): boolean {
    return (this.#table.facts.get(entry) & Fact.tagged) !== 0 || this.#table.size.get(entry) > this.#smallBytes;
  }

  /** Whether a file's tag is the one that it keeps. */
  isOf({ entry, size, valid }: Representation): boolean {
    return size > this.#smallBytes || (valid && this.has(entry));
  }

  /** Tags an entry by its content, which leaves it in `words`. */
  set(entry: number, bytes: Uint8Array, at: number, length: number): void {
    const table = this.#table;
    tagOfContent(bytes, at, length, table.coding.get(entry));
    table.tagHigh.set(entry, words.high);
    table.tagLow.set(entry, words.low);
    table.facts.set(entry, table.facts.get(entry) | Fact.tagged);
  }

  /**
   * Tags an entry by a look at its file, where there is no frame to read it into. It waits for the disk where a part of the file is not in memory.
   * @returns how many bytes it has, or -errno; there is a tag only where these are all that is known to be there
   */
  read(entry: number, fd: number): number {
    const size = this.#table.size.get(entry);
    const content = new Region(Math.max(1, size));
    try {
      const read = size === 0 ? 0 : readAt(fd, content.address, size, 0);
      if (read === size) this.set(entry, content.bytes, 0, size);
      if (read > 0) countCopy(CopyReason.frameFill, read);
      return read;
    } finally {
      content.unmap();
    }
  }
}
