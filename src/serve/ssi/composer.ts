// Composer: evaluates a document with includes into a list of segments and extents, at once and without waiting: the
// workers of serve block in the kernel, where no promise runs. Included files are the site's own, under the same path
// rules as any request; small ones come from their frame, large ones go by sendfile.
//
// Bounded: depth, number of includes, steps, work of regular expressions. A document that includes itself, over however many others, is refused.

import { readAt } from '../../kernel/file.js';
import { ListWriter } from '../../memory/list-writer.js';
import { Region } from '../../memory/region.js';
import { SgList } from '../../memory/sg-list.js';
import { writeFrames } from '../../memory/write-frames.js';
import { pathBytes } from '../../text/path-text.js';
import { canonicalPath, encodePath } from '../../wire/http/path.js';
import { evaluateCondition, substitute } from '../../wire/ssi/expression.js';
import { type MatchBudget, matchStepsPerPage } from '../../wire/ssi/pattern.js';
import type { SsiEncoding, SsiNode } from '../../wire/ssi/program.js';
import { demandResident, type Fetched } from '../cold.js';
import type { CachedResponse } from '../frame-cache.js';
import type { OpenFile } from '../open-files.js';
import type { Representation } from '../representation.js';
import type { Site } from '../site.js';
import type { SitePath } from '../site-types.js';
import { includeLanguage, type SsiDocument, SsiDocuments } from './documents.js';
import { defaultTimeFormat, requestVariable, type SsiRequest, type SsiScope } from './variables.js';

const maxDepth = 16;
const maxIncludes = 1000;
const maxSteps = 100_000;
/** Bytes of a result that `set` puts into a variable. */
const maxVariableBytes = 64 * 1024;
const defaultError = '[an error occurred while processing the directive]';

/** What a composer needs of the server around it. */
export interface ComposerHost {
  readonly site: Site;
  /** The response of a small file in a frame, with its body; undefined: send it from the file. */
  frameOf(representation: Representation): CachedResponse | undefined;
  /** Whether the whole file lies in a frame. */
  isHeld(representation: Representation): boolean;
  /** Whether a file still is what its representation says. */
  isUnchanged(representation: Representation): boolean;
}

/** An `esi:include` without `onerror="continue"` that failed: there is no page (ESI 1.0 section 3.1). */
export class IncludeError extends Error {
  override readonly name = 'IncludeError';
  readonly code = 'CLEARWAY_INCLUDE';
}

/** Composes for one worker. */
export class SsiComposer {
  readonly documents = new SsiDocuments();
  readonly #writer = new ListWriter<OpenFile>(writeFrames());
  readonly #host: ComposerHost;

  constructor(host: ComposerHost) {
    this.#host = host;
  }

  /**
   * Evaluates a document. The list's lenders are released by whoever sends it, or by its release().
   * @param fetched files that were fetched for this page.
   * @throws IncludeError when there can be no page, ColdRead when a file has to be fetched before there can be one.
   */
  compose(
    representation: Representation,
    request: SsiRequest,
    args: string | undefined,
    fetched: Fetched,
  ): SgList<OpenFile> {
    const writer = this.#writer;
    writer.list = new SgList<OpenFile>();
    try {
      const composition = new Composition(this.#host, this.documents, writer, request, fetched);
      try {
        if (!composition.document(representation, args)) {
          throw new IncludeError(`${representation.path} cannot be evaluated: it is too long, or it changed`);
        }
      } finally {
        composition.end();
      }
      return writer.list;
    } catch (error) {
      writer.list.release();
      throw error;
    } finally {
      writer.finish();
    }
  }
}

/** Adds a range of a document's bytes to the page. */
type AddText = (start: number, end: number) => void;

/** A block for `stub`, with the document that its ranges are of, which is held as long as the block may be used. */
interface Block {
  readonly nodes: readonly SsiNode[];
  readonly document: SsiDocument;
  readonly text: AddText;
}

/** One page being composed. Variables and blocks are the page's, the time format is each document's. */
class Composition {
  readonly #host: ComposerHost;
  readonly #documents: SsiDocuments;
  readonly #writer: ListWriter<OpenFile>;
  readonly #request: SsiRequest;
  readonly #fetched: Fetched;
  readonly #variables = new Map<string, string>();
  readonly #blocks = new Map<string, Block>();
  readonly #open: SsiDocument[] = [];
  #scope: SsiScope = { uri: '', args: undefined, modifiedSeconds: 0, timefmt: defaultTimeFormat };
  #errmsg = defaultError;
  readonly #matching: MatchBudget = { steps: matchStepsPerPage };
  #includes = 0;
  #steps = 0;

  constructor(
    host: ComposerHost,
    documents: SsiDocuments,
    writer: ListWriter<OpenFile>,
    request: SsiRequest,
    fetched: Fetched,
  ) {
    this.#host = host;
    this.#documents = documents;
    this.#writer = writer;
    this.#request = request;
    this.#fetched = fetched;
  }

  readonly #resolve = (name: string): string | undefined => {
    const key = name.toLowerCase();
    return this.#variables.get(key) ?? requestVariable(key, this.#request, this.#scope);
  };

  /** Evaluates a document in a scope of its own. False when it cannot be read, is open already, or lies too deep. */
  document(representation: Representation, args: string | undefined): boolean {
    if (this.#open.length === maxDepth || this.#open.some((each) => each.representation.path === representation.path))
      return false;
    const document = this.#documents.get(representation, this.#fetched);
    if (document === undefined) return false;
    const scope = this.#scope;
    const errmsg = this.#errmsg;
    const { buffer, byteOffset, length } = pathBytes(`/${representation.path}`);
    const uri = Buffer.from(buffer, byteOffset, length).toString('latin1');
    this.#scope = { uri, args, modifiedSeconds: representation.mtimeSeconds, timefmt: defaultTimeFormat };
    this.#errmsg = defaultError;
    this.#open.push(document);
    // Held while it is evaluated: an include may make the cache drop it.
    document.lend();
    try {
      const { region } = document;
      this.#run(document.nodes, (start, end) => {
        this.#writer.segment(region, start, end - start, document.lend(), 0);
      });
    } finally {
      document.release();
      this.#open.pop();
      this.#scope = scope;
      this.#errmsg = errmsg;
    }
    return true;
  }

  /** Lets go of what blocks held. */
  end(): void {
    for (const { document } of this.#blocks.values()) document.release();
  }

  #run(nodes: readonly SsiNode[], text: AddText): void {
    for (const node of nodes) {
      if (++this.#steps > maxSteps) throw new IncludeError('the page takes too many steps');
      if (node.kind === 'text') text(node.start, node.end);
      else this.#step(node, text);
    }
  }

  #step(node: Exclude<SsiNode, { kind: 'text' }>, text: AddText): void {
    switch (node.kind) {
      case 'echo': {
        this.#writer.latin1(encodeValue(this.#resolve(node.name) ?? node.fallback, node.encoding));
        return;
      }
      case 'set': {
        const value = substitute(node.value, this.#resolve);
        if (value === undefined) this.#error();
        else this.#variables.set(node.name.toLowerCase(), value.slice(0, maxVariableBytes));
        return;
      }
      case 'config':
        if (node.errmsg !== undefined) this.#errmsg = node.errmsg;
        if (node.timefmt !== undefined) this.#scope.timefmt = node.timefmt;
        return;
      case 'block':
        // The first of a name stays, also one of an including document: so a page overrides its parts.
        if (!this.#blocks.has(node.name)) {
          const document = this.#open.at(-1)!.lend();
          this.#blocks.set(node.name, { nodes: node.nodes, document, text });
        }
        return;
      case 'if':
        this.#choose(node, text);
        return;
      case 'include':
        this.#include(node);
        return;
      case 'esi':
        this.#esi(node);
        return;
      case 'error':
        this.#error();
    }
  }

  #error(): void {
    this.#writer.latin1(this.#errmsg);
  }

  #choose(node: Extract<SsiNode, { kind: 'if' }>, text: AddText): void {
    for (const { condition, nodes } of node.branches) {
      if (condition !== undefined) {
        const verdict = evaluateCondition(condition, this.#resolve, this.#matching);
        if (verdict === undefined) {
          this.#error();
          return;
        }
        for (const [name, value] of verdict.captures ?? []) this.#variables.set(name, value);
        if (!verdict.holds) continue;
      }
      this.#run(nodes, text);
      return;
    }
  }

  #include(node: Extract<SsiNode, { kind: 'include' }>): void {
    const target = substitute(node.target, this.#resolve);
    const stub = node.stub === undefined ? undefined : this.#blocks.get(node.stub);
    if (target === undefined || (node.stub !== undefined && stub === undefined)) {
      this.#error();
      return;
    }
    const result = this.#aside(() => this.#target(target));
    if (stub !== undefined && (result === undefined || result.byteLength === 0)) {
      result?.release();
      this.#run(stub.nodes, stub.text);
    } else if (node.set !== undefined) {
      const value = result === undefined ? '' : this.#textOf(result);
      if (value === undefined) this.#error();
      else this.#variables.set(node.set.toLowerCase(), value);
    } else if (result === undefined) {
      this.#error();
    } else {
      this.#writer.list.append(result);
    }
  }

  /** A list's bytes as text; it is released. Undefined when they are too many for a variable, or cannot be read. */
  #textOf(list: SgList<OpenFile>): string | undefined {
    try {
      return listText(list, this.#fetched);
    } finally {
      list.release();
    }
  }

  #esi({ src, alt, continues }: Extract<SsiNode, { kind: 'esi' }>): void {
    let result = this.#aside(() => this.#target(src));
    if (result === undefined && alt !== undefined) result = this.#aside(() => this.#target(alt));
    if (result !== undefined) this.#writer.list.append(result);
    else if (!continues)
      throw new IncludeError(`esi:include of ${src} failed, and its document does not go on without it`);
  }

  /** Writes into a list of its own. Undefined when nothing could be written; what was is released. */
  #aside(write: () => boolean): SgList<OpenFile> | undefined {
    const before = this.#writer.list;
    const aside = new SgList<OpenFile>();
    this.#writer.list = aside;
    let written = false;
    try {
      written = write();
    } finally {
      this.#writer.list = before;
      if (!written) aside.release();
    }
    return written ? aside : undefined;
  }

  /** Adds what a path leads to: a document is evaluated, anything else goes in as it is. */
  #target(target: string): boolean {
    if (++this.#includes > maxIncludes) return false;
    const [beforeHash] = target.split('#', 1);
    const question = beforeHash!.indexOf('?');
    const path = question < 0 ? beforeHash! : beforeHash!.slice(0, question);
    const args = question < 0 ? undefined : beforeHash!.slice(question + 1) || undefined;
    const representation = this.#find(path);
    if (representation === undefined) return false;
    if (includeLanguage(representation.path) !== undefined) return this.document(representation, args);
    this.#addFile(representation);
    return true;
  }

  /** The file at a path. The same rules hold as for a request. */
  #find(path: string): Representation | undefined {
    const where = this.#canonical(path);
    if (where === undefined) return undefined;
    for (let attempt = 0; attempt < 2; attempt++) {
      const found = this.#host.site.find(where);
      if (found.kind !== 'file') return undefined;
      // What lies in a frame is whole; of a file that leaves by sendfile its descriptor must still say the same.
      const { representation } = found;
      if (this.#host.isHeld(representation) || this.#host.isUnchanged(representation)) return representation;
      this.#host.site.forget(representation);
    }
    return undefined;
  }

  /** A path's only form: of an absolute one, or one relative to the document's folder. Kept with the document. */
  #canonical(path: string): SitePath | undefined {
    const document = this.#open.at(-1)!;
    const known = document.paths.get(path);
    if (known !== undefined || document.paths.has(path)) return known;
    const folder = document.representation.path.replace(/[^/]*$/, '');
    const bytes = Buffer.from(path.startsWith('/') ? path : `/${encodePath(folder)}${path}`, 'latin1');
    const canonical = canonicalPath(bytes, 0, bytes.length);
    const where = canonical?.wellKnown === true ? { ...canonical, dotfile: false } : canonical;
    // Paths may be made of variables: then there is no end of them.
    if (document.paths.size < maxIncludes) document.paths.set(path, where);
    return where;
  }

  #addFile(representation: Representation): void {
    const { size } = representation;
    const cached = size === 0 ? undefined : this.#host.frameOf(representation);
    if (cached === undefined) this.#writer.extent(representation.file.retain(), 0, size);
    else this.#writer.segment(cached.region, cached.bodyOffset, size, cached.lendAsIs(), 0);
  }
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function encodeValue(value: string, encoding: SsiEncoding): string {
  switch (encoding) {
    case 'none':
      return value;
    case 'url':
      // What nginx leaves as it is.
      return value.replace(/[^A-Za-z0-9\-._~!$()*+,;=:@/?&[\]]/g, (byte) => {
        return `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
      });
    case 'entity':
      return value.replace(/[&<>"']/g, (byte) => entities[byte]!);
  }
}

/**
 * A list's bytes as text; undefined when they are too many for a variable, or cannot be read.
 * @throws ColdRead when a file of it is not in memory.
 */
function listText(list: SgList<OpenFile>, fetched: Fetched): string | undefined {
  if (list.byteLength > maxVariableBytes) return undefined;
  let text = '';
  for (let index = 0; index < list.length; index++) {
    const region = list.regions[index];
    const offset = list.offsets[index]!;
    const length = list.lengths[index]!;
    if (region !== undefined) {
      const { buffer, byteOffset } = region.bytes;
      text += Buffer.from(buffer, byteOffset + offset, length).toString('latin1');
      continue;
    }
    demandResident(list.files[index]!, offset + length, fetched);
    const memory = new Region(length);
    try {
      if (readAt(list.files[index]!.fd, memory.address, length, offset) !== length) return undefined;
      text += Buffer.from(memory.buffer, 0, length).toString('latin1');
    } finally {
      memory.unmap();
    }
  }
  return text;
}
