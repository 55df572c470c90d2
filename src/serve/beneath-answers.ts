// Asks an extension's handler what is beneath a file, or in its place, and queues what it says: a resource, a refusal in a sentence, the
// file as it is. While it cannot say, the request waits. Not here: the handler (beneath.ts), sending (send-resource.ts).

import { WriteMemoryError } from '../memory/write-frames.js';
import type { RequestHead } from '../wire/http1/request.js';
import type { BeneathHandler, RefusalAnswer, ResourceAnswer } from './beneath.js';
import type { Exchange } from './exchange.js';
import { Maker } from './file-table.js';
import type { Moment } from './generated.js';
import type { FieldWriter } from './head.js';
import type { Missing } from './missing.js';
import { requestFields } from './plan.js';
import type { QuickAnswers } from './quick-answers.js';
import { RecentTags } from './recent-tags.js';
import type { Replies } from './replies.js';
import type { Representation } from './representation.js';
import type { Selected, Selection, Selector } from './selection.js';
import type { ResourceSender, Sending } from './send-resource.js';
import type { Site } from './site.js';
import type { SiteTexts } from './site-texts.js';
import type { Beneath, SitePath } from './site-types.js';
import { answerWhenReady, type Until } from './waiting.js';

/** How often one request may wait: more than the parts of any answer are, so whatever goes on is let go of and read again without end. */
const mostWaits = 256;
const noMemory: RefusalAnswer = {
  ...{ kind: 'refusal', status: 503 },
  sentence: 'More answers are under way than there is memory for: ask again in a moment',
};
const neverReady: RefusalAnswer = {
  ...{ kind: 'refusal', status: 503 },
  sentence: 'This is made of more than fits into memory at once: ask again in a moment',
};

/** What the answers need of the server around them. */
export interface BeneathAnswersHost {
  readonly site: Site;
  readonly selector: Selector;
  readonly sender: ResourceSender;
  readonly replies: Replies;
  readonly missing: Missing;
  readonly fields: FieldWriter;
  readonly texts: SiteTexts;
  readonly quick: QuickAnswers;
  /** Generated resources up to this size are kept in a frame, where they may be. */
  readonly inlineBytes: number;
  /** What is sent of a file. */
  readonly sendingOf: (selected: Selected) => Sending;
  /** An answer that waited could not be made. */
  readonly failed: (exchange: Exchange) => void;
}

/** See the file's head. */
export class BeneathAnswers {
  readonly #handler: BeneathHandler;
  readonly #host: BeneathAnswersHost;
  readonly #recent = new RecentTags();

  constructor(handler: BeneathHandler, host: BeneathAnswersHost) {
    this.#handler = handler;
    this.#host = host;
  }

  /** Whether the handler is asked about a file itself. */
  isAsked({ entry, coding }: Representation, head: RequestHead): boolean {
    const maker = this.#host.site.table.maker.get(entry);
    if (coding !== undefined) return false;
    return maker === Maker.extension || (maker === Maker.extensionOfQueries && head.queryStart >= 0);
  }

  /** Answers a request for what was found, which its path leads to. */
  answer(exchange: Exchange, head: RequestHead, target: SitePath, found: Selected | Beneath): void {
    const query = head.queryStart < 0 ? '' : head.text(head.queryStart, head.queryEnd);
    const facts = { exchange, target, query, ...requestFields(head) };
    const request = new BeneathRequest(this.#handler, this.#host, this.#recent, facts);
    let first: Selection | undefined = found;
    const attempt = (): Until | undefined => {
      // Whatever was waited for took time, and anything may be another by now.
      const now = first ?? this.#host.selector.select(target, exchange.acceptEncoding);
      first = undefined;
      return request.attempt(now);
    };
    answerWhenReady(exchange, attempt, this.#host.failed);
  }

  /** What the handler keeps. */
  get kept(): BeneathHandler['kept'] {
    return this.#handler.kept;
  }

  /** Lets go of what the handler keeps. */
  close(): void {
    this.#handler.close();
  }

  /** Gives the handler's memory back; only after the loop was closed. */
  unmap(): void {
    this.#handler.unmap();
  }
}

/** What of a request its answer has to know. */
interface BeneathFacts extends ReturnType<typeof requestFields> {
  readonly exchange: Exchange;
  readonly target: SitePath;
  readonly query: string;
}

/** One request. */
class BeneathRequest {
  readonly #handler: BeneathHandler;
  readonly #host: BeneathAnswersHost;
  readonly #recent: RecentTags;
  readonly #facts: BeneathFacts;
  #waits = 0;

  constructor(handler: BeneathHandler, host: BeneathAnswersHost, recent: RecentTags, facts: BeneathFacts) {
    this.#handler = handler;
    this.#host = host;
    this.#recent = recent;
    this.#facts = facts;
  }

  /** Queues the answer to what the path leads to now; or says what has to be waited for, and nothing is queued. */
  attempt(found: Selection): Until | undefined {
    if (found.kind !== 'file' && found.kind !== 'beneath') {
      this.#host.missing.answer(this.#facts.exchange, found.kind === 'nothing' ? found.status : 404);
      return undefined;
    }
    const source = found.kind === 'file' ? found.chosen : found.source;
    // Held while it is answered: what the handler looks up may make the site let go of the file.
    const file = source.file.retain();
    try {
      return this.#ask(found, source);
    } catch (error) {
      if (!(error instanceof WriteMemoryError) || this.#facts.exchange.connection.sending) throw error;
      this.#refuse(noMemory);
      return undefined;
    } finally {
      file.release();
    }
  }

  #ask(found: Selected | Beneath, source: Representation): Until | undefined {
    const { exchange, target, query } = this.#facts;
    const { accept, acceptEncoding } = exchange;
    const { site, sender, missing } = this.#host;
    const rest = found.kind === 'beneath' ? found.rest : undefined;
    // As it is before anything is looked at: what changes from now on is another moment.
    const moment = site.generated.momentOf(source);
    const answer = this.#handler.answer({ path: target.path, source, rest, query, accept, acceptEncoding });
    switch (answer.kind) {
      case 'wait':
        if (++this.#waits <= mostWaits) return answer.until;
        this.#refuse(neverReady);
        return undefined;
      case 'resource': {
        const { resource, varies = false } = answer;
        const held = this.#held(answer, source, moment);
        sender.answer(exchange, { resource, varies, held }, this.#facts);
        return undefined;
      }
      case 'refusal':
        this.#refuse(answer);
        return undefined;
      case 'file':
        if (found.kind === 'beneath') missing.answer(exchange, 404);
        else this.#asItIs(found, query);
        return undefined;
    }
  }

  #asItIs(found: Selected, query: string): void {
    const { chosen } = found;
    if (query === '' && chosen.valid) this.#host.site.table.maker.set(chosen.entry, Maker.extensionOfQueries);
    this.#host.sender.answer(this.#facts.exchange, this.#host.sendingOf(found), this.#facts);
  }

  #refuse({ status, sentence, retryAfterSeconds = 1 }: RefusalAnswer): void {
    const { missing, replies, fields } = this.#host;
    const { exchange } = this.#facts;
    if (status === 404) missing.answer(exchange, 404, sentence);
    else {
      const retry = status === 503 ? `Retry-After: ${retryAfterSeconds}\r\n` : '';
      replies.message(exchange, status, retry + fields.missing, '', sentence);
    }
  }

  /** The frame that a resource is kept in, from now on if it was not; undefined where it is not to be kept. */
  #held(
    { resource, varies, members, isOneOfMany }: ResourceAnswer,
    source: Representation,
    moment: Moment,
  ): Sending['held'] {
    const { site, texts, quick, replies, inlineBytes } = this.#host;
    const { target, query } = this.#facts;
    if (members === undefined || varies === true || query !== '' || resource.coding !== undefined) return undefined;
    if (resource.size === 0) return undefined;
    if (isOneOfMany === true ? !this.#recent.isAgain(resource.etag) : resource.size > inlineBytes) return undefined;
    const entry = site.generated.keep(target, resource, [source, ...members], moment);
    if (entry < 0) return undefined;
    const kept = quick.frames.of(entry);
    if (kept !== undefined) return kept;
    texts.describeResource(site.table, entry, resource);
    return quick.keep(entry, resource, source.entry, resource.list(0, resource.size), replies.seconds);
  }
}
