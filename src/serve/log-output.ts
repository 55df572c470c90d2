// The access log on the main thread: where it goes, what is said of it, and what becomes of a worker's part when that ended.
// The workers write it (access-log.ts); this is loaded only where there is one.

import { closeUnwaiting } from '../kernel/unwaiting-output.js';
import type { LogNews } from './access-log.js';
import { LogFile } from './log-file.js';
import { type LogTarget, openLogTarget, releaseTurn } from './log-sink.js';
import { LogTrouble } from './log-trouble.js';

/** See the file's head. */
export class LogOutput {
  /** What the workers are started with. */
  readonly target: LogTarget;
  readonly #file: LogFile | undefined;
  readonly #trouble: LogTrouble;
  readonly #say: (message: string) => void;

  /**
   * @param path of the log's file; without one it goes to `descriptor`, which stays the caller's.
   * @param say is told in words what goes wrong, and when that is over.
   * @throws Error one sentence, when the file cannot be opened.
   */
  constructor(path: string | undefined, descriptor: number, say: (message: string) => void) {
    this.#say = say;
    this.#trouble = new LogTrouble(say);
    this.#file = path === undefined ? undefined : new LogFile(path);
    this.target = openLogTarget(this.#file?.fd ?? descriptor);
  }

  /** A worker said something of its log. */
  hear(worker: number, news: LogNews): void {
    this.#trouble.hear(worker, news);
  }

  /** A worker ended; after its last news. */
  gone(worker: number): void {
    releaseTurn(this.target, worker);
    this.#trouble.gone(worker);
  }

  /** Opens the log's file again. Where that fails it is said, and what was open is written on. */
  reopen(): void {
    try {
      this.#file?.reopen();
    } catch (error) {
      this.#say(`${(error as Error).message}; what was open is written on`);
    }
  }

  /** Closes what was opened here, when no worker writes any more. */
  close(): void {
    closeUnwaiting(this.target);
    this.#file?.close();
  }
}
