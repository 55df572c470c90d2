// Views: the representations that are in use, one for each entry as long as what is known of it holds and its file is open.

import { mediaType } from '../wire/http/media-type.js';
import { Fact, type FileTable } from './file-table.js';
import type { OpenFile } from './open-files.js';
import { Representation } from './representation.js';

/** See the file's head. */
export class Views {
  readonly #table: FileTable;
  readonly #types: ReadonlyMap<string, string> | undefined;
  readonly #byEntry = new Map<number, Representation>();

  /** @param types media types of the operator, by extension. */
  constructor(table: FileTable, types: ReadonlyMap<string, string> | undefined) {
    this.#table = table;
    this.#types = types;
  }

  /** The representation of an entry. @param open gives its file; undefined when it cannot be opened now. */
  get(entry: number, open: (entry: number) => OpenFile | undefined): Representation | undefined {
    const table = this.#table;
    const known = this.#byEntry.get(entry);
    if (known !== undefined) {
      table.facts.set(entry, table.facts.get(entry) | Fact.used);
      return known;
    }
    const file = open(entry);
    if (file === undefined) return undefined;
    const path = table.pathOf(entry);
    const view = new Representation(table, entry, path, file.retain(), mediaType(path, this.#types));
    this.#byEntry.set(entry, view);
    return view;
  }

  /** Ends the representation of an entry, if there is one. */
  end(entry: number): void {
    const view = this.#byEntry.get(entry);
    if (view === undefined) return;
    this.#byEntry.delete(entry);
    view.invalidate();
  }
}
