// Answers for folders: where one is whose slash is missing, and what is in it. Not here: what a listing says (listing.ts).

import { prefersJson } from '../wire/http/negotiate.js';
import { encodePath } from '../wire/http/path.js';
import type { RequestHead } from '../wire/http1/request.js';
import type { Exchange } from './exchange.js';
import type { FieldWriter } from './head.js';
import { type ListedPages, Listings } from './listing.js';
import type { Replies } from './replies.js';
import type { Site } from './site.js';

/** What the answers need of the server around them. */
export interface FoldersHost {
  readonly site: Site;
  readonly replies: Replies;
  readonly fields: FieldWriter;
  /** Beneath which the site is, without a slash at its end. */
  readonly base: string;
  /** Files that have pages of their own. */
  readonly pages: ListedPages | undefined;
}

/** See the file's head. */
export class Folders {
  readonly #host: FoldersHost;
  readonly #listings: Listings;

  constructor(host: FoldersHost) {
    this.#host = host;
    this.#listings = new Listings(host.site, undefined, host.pages);
  }

  /** Leads to a folder's own path, with the query. */
  redirect(exchange: Exchange, head: RequestHead, path: string): void {
    const { base, replies } = this.#host;
    const query = head.queryStart < 0 ? '' : `?${head.text(head.queryStart, head.queryEnd)}`;
    const folder = path === '' ? '' : `${encodePath(path)}/`;
    replies.message(exchange, 301, `Location: ${base}/${folder}${query}\r\n`);
  }

  /** Lists a folder, for people or for programs. @returns 0, or the status of what is to be answered: nothing was queued. */
  list(exchange: Exchange, path: string): number {
    const { replies, fields } = this.#host;
    const json = prefersJson(exchange.accept);
    const body = this.#listings.get(path, json);
    if (typeof body === 'number') return body;
    const type = json ? 'application/json' : 'text/html; charset=utf-8';
    replies.text(exchange, 200, body, type, `Vary: Accept\r\nCache-Control: no-cache\r\n${fields.common}`);
    return 0;
  }
}
