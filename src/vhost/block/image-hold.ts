// ImageHold: whether a disk's image is this process's to use. It is from the start, unless the guest is to come from another host (--incoming): then
// the process there has it until the guest has moved. What was written is on the disk when it is let go of, and what is in this host's page cache is
// forgotten when it is taken: it may be older than what the other host wrote. Not here: locks (block-file.ts), queues.

import { errnoWords } from '../../kernel/errno.js';
import { dropCached, fileEnd } from '../../kernel/file.js';
import type { Loop } from '../../transport/loop.js';
import { FileRequest, type RequestedFile } from './file-request.js';

/** Bytes of the page cache that are forgotten in one turn. */
const droppedATurn = 64 * 1024 * 1024;

/** Has the disk hold all that was written. */
class Settling extends FileRequest {
  #done: (errno: number) => void = () => {};

  run(done: (errno: number) => void): void {
    this.#done = done;
    this.flush();
  }

  protected override ended(errno: number): void {
    this.#done(errno);
  }
}

/** See the file's head. */
export class ImageHold {
  /** Requests may be made on it. */
  isOurs: boolean;
  readonly #loop: Loop;
  readonly #file: RequestedFile;
  readonly #taken: () => void;
  readonly #say: (sentence: string) => void;
  #settling: Settling | undefined;
  #stopTrying: (() => void) | undefined;

  /** @param taken called when it is this process's again, or at last */
  constructor(loop: Loop, file: RequestedFile, taken: () => void, say: (sentence: string) => void) {
    this.#loop = loop;
    this.#file = file;
    this.#taken = taken;
    this.#say = say;
    this.isOurs = file.isLocked;
  }

  /** Takes it, as soon as whoever has it lets go of it. */
  take(): void {
    if (this.isOurs || this.#file.isLocked || this.#stopTrying !== undefined || this.#try()) return;
    this.#say('its image is in use by another process: the guest waits until that one lets go of it');
    this.#stopTrying = this.#loop.everyTick(() => this.#try());
  }

  #try(): boolean {
    if (!this.#file.lock()) return false;
    this.#stopTrying?.();
    this.#stopTrying = undefined;
    this.#forget(0);
    return true;
  }

  /** Forgets what is in the page cache, a part in each turn. */
  #forget(offset: number): void {
    // It may have been let go of meanwhile.
    if (!this.#file.isLocked) return;
    if (offset < fileEnd(this.#file.fd)) {
      dropCached(this.#file.fd, offset, droppedATurn);
      this.#loop.nextTurn(() => this.#forget(offset + droppedATurn));
      return;
    }
    this.isOurs = true;
    this.#taken();
  }

  /** No guest waits for it any more. */
  rest(): void {
    this.#stopTrying?.();
    this.#stopTrying = undefined;
    if (!this.isOurs) this.#file.unlock();
  }

  /** Has the disk hold all that was written. @param done called later, perhaps: 0 or an errno */
  settle(done: (errno: number) => void): void {
    if (this.#file.isReadOnly || !this.isOurs) {
      done(0);
      return;
    }
    this.#settling ??= new Settling(this.#loop, this.#file);
    this.#settling.run(done);
  }

  /** Lets go of it: nothing is under way on it, and it is {@link settle}d. */
  leave(): void {
    this.isOurs = false;
    this.#file.unlock();
  }

  /** Gives its memory back. */
  close(): void {
    this.rest();
    this.#settling?.close(this.#loop);
  }
}

/** Why it cannot be settled, as the end of a sentence. */
export function settlingTrouble(errno: number): string | undefined {
  if (errno === 0) return undefined;
  return `not all that the guest wrote is on the disk (${errnoWords(errno)}): it must not go on elsewhere`;
}
