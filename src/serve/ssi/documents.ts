// Documents with includes: read once into memory of their own, compiled, and kept until the file changes. Their static
// ranges are sent from there and never touched again. Not here: what comes of them (composer.ts).

import { readAt } from '../../kernel/file.js';
import { CopyReason, countCopy } from '../../memory/copy.js';
import { Region } from '../../memory/region.js';
import type { Lender } from '../../memory/segment.js';
import { parseEsi } from '../../wire/ssi/parse-esi.js';
import { parseSsi } from '../../wire/ssi/parse-ssi.js';
import type { SsiNode } from '../../wire/ssi/program.js';
import { demandResident, type Fetched } from '../cold.js';
import type { Representation } from '../representation.js';
import type { SitePath } from '../site-types.js';

/** Which language a file's name says that it is written in; undefined: none. */
export function includeLanguage(path: string): 'ssi' | 'esi' | undefined {
  if (path.endsWith('.shtml')) return 'ssi';
  return path.endsWith('.esi') ? 'esi' : undefined;
}

/** A longer document is not evaluated: it is read and compiled in one go, and other connections wait for that. */
const maxDocumentBytes = 4 * 1024 * 1024;
const maxDocuments = 256;

/** One compiled document. Its memory goes back when it was dropped and nobody sends from it. */
export class SsiDocument implements Lender {
  readonly representation: Representation;
  readonly region: Region;
  readonly nodes: readonly SsiNode[];
  /** Paths of its includes, canonical; undefined for one that names nothing. */
  readonly paths = new Map<string, SitePath | undefined>();
  #lent = 0;
  #dropped = false;

  constructor(representation: Representation, region: Region, nodes: readonly SsiNode[]) {
    this.representation = representation;
    this.region = region;
    this.nodes = nodes;
  }

  /** Lends the memory once more. */
  lend(): this {
    this.#lent++;
    return this;
  }

  release(_cookie = 0): void {
    this.#lent--;
    if (this.#dropped && this.#lent === 0) this.region.unmap();
  }

  /** It is no longer current. */
  drop(): void {
    if (this.#dropped) return;
    this.#dropped = true;
    if (this.#lent === 0) this.region.unmap();
  }
}

/** The compiled documents of one worker, the ones used last. */
export class SsiDocuments {
  readonly #byPath = new Map<string, SsiDocument>();

  /** Documents kept. */
  get size(): number {
    return this.#byPath.size;
  }

  /**
   * The compiled document of a representation; undefined when its file cannot be read as it says it is.
   * @throws ColdRead when it has to come from the disk first.
   */
  get(representation: Representation, fetched: Fetched): SsiDocument | undefined {
    const { path } = representation;
    const known = this.#byPath.get(path);
    if (known !== undefined) {
      this.#byPath.delete(path);
      if (known.representation === representation && representation.valid) {
        this.#byPath.set(path, known);
        return known;
      }
      known.drop();
    }
    const fresh = compile(representation, fetched);
    if (fresh === undefined) return undefined;
    this.#byPath.set(path, fresh);
    if (this.#byPath.size > maxDocuments) {
      const [oldest] = this.#byPath.keys();
      this.#byPath.get(oldest!)!.drop();
      this.#byPath.delete(oldest!);
    }
    return fresh;
  }

  /** Lets go of what changed since it was compiled. */
  sweep(): void {
    for (const [path, document] of this.#byPath) {
      if (document.representation.valid) continue;
      document.drop();
      this.#byPath.delete(path);
    }
  }

  /** Lets go of everything. */
  close(): void {
    for (const document of this.#byPath.values()) document.drop();
    this.#byPath.clear();
  }
}

function compile(representation: Representation, fetched: Fetched): SsiDocument | undefined {
  const { size, path, file } = representation;
  if (size > maxDocumentBytes) return undefined;
  demandResident(file, size, fetched);
  const region = new Region(Math.max(size, 1));
  if (readAt(file.fd, region.address, size, 0) !== size) {
    region.unmap();
    return undefined;
  }
  countCopy(CopyReason.frameFill, size);
  const text = Buffer.from(region.buffer, 0, size).toString('latin1');
  const nodes = includeLanguage(path) === 'esi' ? parseEsi(text) : parseSsi(text);
  return new SsiDocument(representation, region, nodes);
}
