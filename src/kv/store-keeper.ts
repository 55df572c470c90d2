// StoreKeeper: what is done for a store outside of the core: its snapshot is restored at the start, written when somebody asks for it, and at the end. Not here: the
// file (snapshot-file.ts), who serves (kv-service.ts, bypass-service.ts).

import type { StoreOptions } from './kv-options.js';
import { restoreSnapshot, writeSnapshot } from './snapshot-file.js';
import type { Store, StoreRequests } from './store.js';

/** See the file's head. */
export class StoreKeeper {
  /** Keys that a snapshot gave back; undefined: there was none. */
  readonly restoredKeys: number | undefined;
  readonly #store: Store;
  readonly #path: string | undefined;
  readonly #say: (sentence: string) => void;
  readonly #end: () => void;
  #isSavedAtEnd = true;

  /** Restores. @param end ends the service, in a later turn @throws Error where the snapshot is damaged */
  constructor(store: Store, { snapshot }: StoreOptions, say: (sentence: string) => void, end: () => void) {
    this.#store = store;
    this.#path = snapshot;
    this.#say = say;
    this.#end = end;
    this.restoredKeys = snapshot !== undefined && restoreSnapshot(store, snapshot) ? store.keys : undefined;
  }

  /** A client asked for a snapshot, or for the end. */
  answer({ save, shutdown, isSaved }: StoreRequests): void {
    if (save) this.save();
    if (!shutdown) return;
    this.#isSavedAtEnd = isSaved;
    this.#end();
  }

  /** Writes the snapshot, where there is to be one. */
  save(): void {
    writeSnapshot(this.#store, this.#path, this.#say);
  }

  /** Writes it once more, unless who ended the service said otherwise. */
  saveAtEnd(): void {
    if (this.#isSavedAtEnd) this.save();
  }
}
