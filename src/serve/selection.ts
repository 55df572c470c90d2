// Selection: the file that a path leads to, in the coding that a request prefers, as objects. Not here: choosing on bytes
// (quick-answers.ts), and what is answered with it (responder.ts).

import { emptyFileStatus } from '../kernel/file.js';
import { chooseCoding } from '../wire/http/negotiate.js';
import { codingNames } from './codings.js';
import type { Representation } from './representation.js';
import type { Site } from './site.js';
import type { Found, SitePath } from './site-types.js';

/** A file that a path leads to, in the coding that the request prefers. */
export interface Selected {
  readonly kind: 'file';
  readonly chosen: Representation;
  /** Another coding might have been chosen. */
  readonly varies: boolean;
}

/** The file is there in codings alone, and the request takes none of them. */
export interface Unacceptable {
  readonly kind: 'unacceptable';
}

/** What a path leads to for one request. */
export type Selection = Selected | Unacceptable | Exclude<Found, { kind: 'file' | 'coded' }>;

/**
 * What a request without Accept-Encoding gets of a file that is there in codings alone: any is acceptable then (RFC 9110 section
 * 12.5.3), and this is what most programs can decode. As nginx does with `gzip_static always`.
 */
const mostUnderstood = 'gzip, zstd;q=0.9, br;q=0.8';

/** Selects for one site. */
export class Selector {
  readonly #site: Site;
  readonly #status = emptyFileStatus();

  constructor(site: Site) {
    this.#site = site;
  }

  /** Whether a file is still what its representation was made from. */
  isUnchanged(representation: Representation): boolean {
    return representation.file.status(this.#status) === 0 && representation.matches(this.#status);
  }

  /**
   * Finds a file and chooses its coding. A cached size is never trusted over the descriptor's: what is promised is what
   * the file has now, so one that changed unseen is found anew, once.
   */
  select(target: SitePath, acceptEncoding: string | undefined): Selection {
    for (let attempt = 0; ; attempt++) {
      const found = this.#site.find(target);
      if (found.kind === 'beneath' && !this.isUnchanged(found.source) && attempt === 0) {
        this.#site.forget(found.source);
        continue;
      }
      if (found.kind !== 'file' && found.kind !== 'coded') return found;
      const isCoded = found.kind === 'coded';
      const itself = isCoded ? undefined : found.representation;
      const entry = isCoded ? found.entry : found.representation.entry;
      const available = this.#site.siblings.of(entry);
      const chosen = this.#coded(entry, available, acceptEncoding ?? (isCoded ? mostUnderstood : undefined)) ?? itself;
      if (chosen === undefined) return available === 0 ? { kind: 'nothing', status: 404 } : { kind: 'unacceptable' };
      if (chosen.valid && (this.isUnchanged(chosen) || attempt > 0)) {
        return { kind: 'file', chosen, varies: available !== 0 };
      }
      if (attempt > 2) return { kind: 'nothing', status: 503 };
      this.#site.forget(chosen);
      if (itself !== undefined) this.#site.forget(itself);
    }
  }

  /** The sibling that a request prefers; undefined where that is the file itself. */
  #coded(entry: number, available: number, acceptEncoding: string | undefined): Representation | undefined {
    const names = codingNames.filter((_, index) => (available & (1 << (index + 1))) !== 0);
    const coding = codingNames.indexOf((chooseCoding(acceptEncoding, names) ?? 'identity') as 'br') + 1;
    const sibling = coding === 0 ? -1 : this.#site.siblings.get(entry, coding);
    return sibling < 0 ? undefined : this.#site.view(sibling);
  }
}
