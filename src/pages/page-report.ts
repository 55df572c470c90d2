// What became of a page, for whoever counts or logs pages: told by both doors (page-answer.ts, node-response.ts).

import type { ListAccount } from '../memory/list-writer.js';

/** What became of a page, told when its last byte is queued or nothing more of it will be. */
export interface PageReport {
  readonly url: string;
  readonly status: number;
  readonly outcome: 'sent' | 'failed' | 'left';
  /** Whether it left in chunks, before all of it was there. */
  readonly streamed: boolean;
  readonly account: ListAccount;
}
