// What is said of the access log when it cannot be written or its reader does not keep up: once when that begins and once
// when it ends, with how many records were lost, for all workers together. Not here: when it is so (access-log.ts).

import { errnoName } from '../kernel/errno.js';
import type { LogNews } from './access-log.js';

/** Makes sentences of what the workers say. */
export class LogTrouble {
  readonly #say: (message: string) => void;
  /** The workers that are in trouble. */
  readonly #workers = new Set<number>();
  #lost = 0;
  #sinceMs = 0;
  #isLossSaid = false;

  constructor(say: (message: string) => void) {
    this.#say = say;
  }

  /** A worker said something of its log. */
  hear(worker: number, news: LogNews): void {
    if (news.state === 'well' || news.state === 'ended') {
      this.#lost += news.lost;
      this.#end(worker, news.state === 'ended');
      return;
    }
    const isFirst = this.#workers.size === 0;
    this.#workers.add(worker);
    if (isFirst) {
      this.#lost = 0;
      this.#sinceMs = Date.now();
      this.#isLossSaid = false;
    }
    if (news.state === 'failing') {
      if (!isFirst) return;
      const why = errnoName(news.errno);
      this.#say(`the access log cannot be written (${why}): records wait, up to 8 MiB a worker; requests are served`);
    } else if (!this.#isLossSaid) {
      this.#isLossSaid = true;
      this.#say('the access log loses records: what it goes to does not take them fast enough; requests are served');
    }
  }

  /** A worker ended without a word. */
  gone(worker: number): void {
    if (this.#workers.has(worker)) this.#end(worker, false);
  }

  #end(worker: number, isOver: boolean): void {
    const wasIn = this.#workers.delete(worker);
    if (this.#workers.size > 0) return;
    const records = this.#lost === 1 ? '1 record was' : `${this.#lost} records were`;
    if (isOver) {
      if (this.#lost > 0) this.#say(`the access log ends: ${records} lost, which nothing took`);
    } else if (wasIn) {
      const seconds = ((Date.now() - this.#sinceMs) / 1000).toFixed(1);
      this.#say(`the access log is written again: ${records} lost in ${seconds} s`);
    }
    this.#lost = 0;
  }
}
