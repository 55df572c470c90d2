// Answers with a file on the general path. A small file's entity tag is that of its content, in every worker and on every host, so one that is
// not in memory is fetched before its first answer, and the connection waits. Not here: documents (ssi/), common answers as bytes
// (quick-answers.ts), what is sent (send-resource.ts).

import type { Loop } from '../transport/loop.js';
import { isResident } from '../transport/page-cache.js';
import { fetchCold } from './cold.js';
import type { Exchange } from './exchange.js';
import type { OpenFile } from './open-files.js';
import type { RequestFields } from './plan.js';
import type { QuickAnswers } from './quick-answers.js';
import type { Representation } from './representation.js';
import type { Selected, Selection } from './selection.js';
import type { ResourceSender, Sending } from './send-resource.js';
import type { Site } from './site.js';
import { answerWhenReady, type Until } from './waiting.js';

/** What the answers need of the server around them. */
interface FileAnswersHost {
  readonly loop: Loop;
  readonly site: Site;
  readonly quick: QuickAnswers;
  readonly sender: ResourceSender;
  readonly missing: { answer(exchange: Exchange, status: number): void };
  /** What is sent of a file: a small one out of its frame. */
  readonly sendingOf: (selected: Selected) => Sending;
  /** An answer that waited could not be made. */
  readonly failed: (exchange: Exchange) => void;
}

/** How often a path is looked up for one answer: more often it is another file each time. */
const mostLooks = 4;

/** See the file's head. */
export class FileAnswers {
  readonly #host: FileAnswersHost;

  constructor(host: FileAnswersHost) {
    this.#host = host;
  }

  /** Answers with a file. @param again finds what stands there by now, where its bytes had to be waited for. */
  answer(exchange: Exchange, fields: RequestFields, found: Selected, again: () => Selection): void {
    const request = new FileRequest(this.#host, exchange, fields, again);
    answerWhenReady(exchange, () => request.attempt(found), this.#host.failed);
  }
}

/** One request. */
class FileRequest {
  readonly #host: FileAnswersHost;
  readonly #exchange: Exchange;
  readonly #fields: RequestFields;
  readonly #again: () => Selection;
  #looks = 0;
  #waited = false;

  constructor(host: FileAnswersHost, exchange: Exchange, fields: RequestFields, again: () => Selection) {
    this.#host = host;
    this.#exchange = exchange;
    this.#fields = fields;
    this.#again = again;
  }

  /** Queues the answer; or says what has to be waited for, and nothing is queued. */
  attempt(found: Selected): Until | undefined {
    while (++this.#looks <= mostLooks) {
      const selection = this.#looks === 1 ? found : this.#again();
      if (selection.kind !== 'file') return this.#missing(selection.kind === 'nothing' ? selection.status : 503);
      // Held while it is answered: filling its frame may find that the path is another's by now.
      const file = selection.chosen.file.retain();
      try {
        const outcome = this.#with(selection, file);
        if (outcome !== 'another') return outcome;
      } finally {
        file.release();
      }
    }
    return this.#missing(503);
  }

  #with(selected: Selected, file: OpenFile): Until | undefined | 'another' {
    const { quick, sender, loop } = this.#host;
    const { chosen } = selected;
    const sending = this.#host.sendingOf(selected);
    if (!quick.tags.isOf(chosen)) {
      if (!chosen.valid) return 'another';
      if (!this.#waited && chosen.size > 0 && !isResident(file.fd, 0, chosen.size)) {
        this.#waited = true;
        this.#exchange.connection.counts.coldFetches++;
        return (done) => fetchCold(loop, { file: chosen.file, length: chosen.size }, done);
      }
      // There is no frame for it, or memory is short.
      const read = quick.tags.read(chosen.entry, file.fd);
      if (read < 0) return this.#unreadable(-read, chosen);
      if (read !== chosen.size) {
        this.#host.site.forget(chosen);
        return 'another';
      }
    }
    sender.answer(this.#exchange, sending, this.#fields);
    // Of more files than there is room for, those stay that are asked for most: this one is freed when it is sent.
    if (this.#waited && sending.held !== undefined) quick.settle(sending.held);
    return undefined;
  }

  #unreadable(errno: number, { path }: Representation): undefined {
    return this.#missing(this.#host.site.failure(errno, path).status);
  }

  #missing(status: number): undefined {
    this.#host.missing.answer(this.#exchange, status);
    return undefined;
  }
}
