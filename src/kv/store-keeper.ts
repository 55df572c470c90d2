// StoreKeeper: what is done for a store outside of the core: its snapshot is restored at the start, written when somebody asks for it, and at the end. Not here: the
// file (snapshot-file.ts), who serves (kv-service.ts, bypass-service.ts).

import { coded } from '../text/coded.js';
import { fileTrouble } from '../text/file-trouble.js';
import type { StoreOptions } from './kv-options.js';
import { restoreSnapshot, saveSnapshot, whyNotWritable } from './snapshot-file.js';
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

  /** Restores. @param end ends the service, in a later turn @throws Error where the snapshot is damaged, or there is none and none can be written */
  constructor(store: Store, { snapshot }: StoreOptions, say: (sentence: string) => void, end: () => void) {
    this.#store = store;
    this.#path = snapshot;
    this.#say = say;
    this.#end = end;
    if (snapshot === undefined) return;
    const trouble = whyNotWritable(snapshot);
    if (restoreSnapshot(store, snapshot)) this.restoredKeys = store.keys;
    if (trouble === undefined) return;
    if (this.restoredKeys === undefined)
      throw coded('CLEARWAY_KV', new Error(`the snapshot ${snapshot} could not be written: ${trouble}`));
    say(`the snapshot ${snapshot} was read and cannot be written: ${trouble}; what changes from now on is not kept`);
    this.#isSavedAtEnd = false;
  }

  /** A client asked for a snapshot, or for the end. */
  answer({ save, shutdown, isSaved }: StoreRequests): void {
    if (save) this.save();
    if (!shutdown) return;
    if (!isSaved) this.#isSavedAtEnd = false;
    this.#end();
  }

  /** Writes the snapshot, where there is to be one; what went wrong is said. */
  save(): void {
    try {
      this.#store.noteSaved(this.#write());
    } catch (error) {
      this.#store.noteSaved(false);
      this.#say((error as Error).message);
    }
  }

  /** Writes it once more, unless who ended the service said otherwise. @throws Error where that fails: who started the service is to know */
  saveAtEnd(): void {
    if (this.#isSavedAtEnd) this.#write();
  }

  /** @returns whether there is one to be written @throws Error that says what went wrong */
  #write(): boolean {
    if (this.#path === undefined) return false;
    try {
      saveSnapshot(this.#store, this.#path);
      return true;
    } catch (error) {
      throw coded('CLEARWAY_KV', new Error(`the snapshot was not written: ${fileTrouble(error)}`));
    }
  }
}
