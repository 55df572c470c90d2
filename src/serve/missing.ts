// What is not there: the single page for pages, the site's own 404.html, or a short message; and what cannot be had now.
// Not here: why nothing is there (site.ts).

import { wantsPage } from '../wire/http/negotiate.js';
import type { CanonicalPath } from '../wire/http/path.js';
import type { Exchange } from './exchange.js';
import type { FieldWriter } from './head.js';
import type { Replies } from './replies.js';
import type { Selected, Selector } from './selection.js';
import type { ResourceSender, Sending } from './send-resource.js';

/** What stands for something that is missing. */
export interface MissingHost {
  readonly selector: Selector;
  readonly sender: ResourceSender;
  readonly replies: Replies;
  readonly fields: FieldWriter;
  /** Answer unknown pages with the root's index. */
  readonly spa: boolean;
  /** What is sent of a file. */
  sendingOf(selected: Selected): Sending;
}

/** See the file's head. */
export class Missing {
  readonly #host: MissingHost;

  constructor(host: MissingHost) {
    this.#host = host;
  }

  /** The root's index, where it stands for an unknown page. */
  pageInstead(exchange: Exchange, path: CanonicalPath): Selected | undefined {
    if (!this.#host.spa || path.dotfile || !wantsPage(path.path, exchange.accept)) return undefined;
    const target = { path: '', trailingSlash: true, dotfile: false };
    const page = this.#host.selector.select(target, exchange.acceptEncoding);
    return page.kind === 'file' ? page : undefined;
  }

  /** Answers with 404 and its kin. @param sentence says why, in the place of the status in words. */
  answer(exchange: Exchange, status: number, sentence?: string): void {
    const { selector, sender, replies, fields } = this.#host;
    if (status !== 404) {
      replies.message(exchange, status, status === 503 ? 'Retry-After: 1\r\n' : '', fields.common, sentence);
      return;
    }
    const target = { path: '404.html', trailingSlash: false, dotfile: false };
    const page = selector.select(target, exchange.acceptEncoding);
    if (page.kind !== 'file') {
      replies.message(exchange, 404, fields.missing, '', sentence);
      return;
    }
    const sending = this.#host.sendingOf(page);
    const vary = page.varies ? 'Vary: Accept-Encoding\r\n' : '';
    sender.whole(exchange, sending, 404, vary + fields.missing);
  }
}
