// Finds and sends the file for one request of the Fastify plugin: roots in turn, codings that lie beside it, directories,
// listings. Not here: routes and decorators (fastify.ts).

import { dirname, isAbsolute, posix, resolve } from 'node:path';
import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { mediaType } from '../wire/http/media-type.js';
import { chooseCoding } from '../wire/http/negotiate.js';
import { isListingName, type ListOptions, makeListing } from './fastify-listing.js';
import type { FastifySendOptions, FastifyStaticOptions } from './fastify-options.js';
import { climbs, withTrailingSlash } from './fastify-paths.js';
import { type FileOptions, type ResolvedFileOptions, resolveFileOptions } from './file-options.js';
import { FilePayload } from './file-payload.js';
import { HttpError, httpError } from './http-error.js';
import { locate } from './locate.js';
import { isGone } from './node-socket.js';
import { type FileAnswer, planAnswer } from './respond.js';
import type { StaticFile } from './tree.js';

/** Codings that are looked for beside a file, in the server's order, and the extension of each. */
const codings: ReadonlyMap<string, string> = new Map([
  ['br', '.br'],
  ['gzip', '.gz'],
  ['deflate', '.deflate'],
]);

type Search =
  | { readonly kind: 'file'; readonly file: StaticFile; readonly coding?: string; readonly path: string }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'nothing'; readonly status: number; readonly cause: (() => Error | undefined) | undefined };

/** A request on its way to its file. */
interface Errand {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly path: string;
  readonly options: FileOptions & { readonly contentType?: boolean };
}

/** See the file's head. One per registration. */
export class FileSender {
  readonly #roots: readonly string[];
  readonly #prefix: string;
  readonly #options: FastifyStaticOptions;

  constructor(roots: readonly string[], prefix: string, options: FastifyStaticOptions) {
    this.#roots = roots;
    this.#prefix = prefix;
    this.#options = options;
  }

  /** Answers a request with the file of a path, beneath the first of the roots that has it. */
  start(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    roots: readonly string[] = this.#roots,
    given?: Partial<FastifySendOptions>,
  ): void {
    const { root: _root, ...own } = given ?? {};
    const { root: _own, ...options } = { dotfiles: 'allow' as const, ...this.#options, ...own };
    this.#send({ request, reply, path, options }, roots).catch((error) => reply.send(error));
  }

  async #send(errand: Errand, roots: readonly string[]): Promise<void> {
    const { reply, path } = errand;
    if (climbs.test(path)) {
      reply.send(new HttpError(403));
      return;
    }
    if (roots.length === 0 && !isAbsolute(path)) {
      reply.callNotFound();
      return;
    }
    for (const root of roots.length === 0 ? [undefined] : roots) {
      if (await this.#sendBeneath(errand, root, root === roots.at(-1) || roots.length === 0)) return;
    }
    reply.callNotFound();
  }

  /** True when the request was answered. */
  async #sendBeneath(errand: Errand, root: string | undefined, isLast: boolean): Promise<boolean> {
    const { request, reply, path, options } = errand;
    const { allowedPath } = this.#options;
    const plainPath = path.startsWith('/') ? posix.normalize(path) : path;
    if (allowedPath !== undefined && !allowedPath(plainPath, root!, request)) return false;
    const resolved = resolveFileOptions({ ...options, root });
    const found = await this.#search(errand, path, resolved);
    if (found.kind === 'file') {
      this.#answer(errand, found, resolved);
      return true;
    }
    if (found.kind === 'directory') return this.#directory(errand, root, found.path, resolved);
    const { list } = this.#options;
    if (list && found.status === 404 && isListingName(path, asListOptions(list))) {
      const listed = root === undefined ? undefined : listedDirectory(root, path);
      if (listed !== undefined && (await this.#list(errand, listed))) return true;
    }
    if (found.status === 404 || found.status === 503) return false;
    if (!isLast && found.status !== 403) return false;
    reply.send(httpError(found.status, found.status === 500 ? found.cause?.() : undefined));
    return true;
  }

  /** The file itself, or the coding beside it that the request prefers. */
  async #search(errand: Errand, path: string, options: ResolvedFileOptions): Promise<Search> {
    const identity = await find(path, options);
    const coding = this.#options.preCompressed === true ? errand.request.headers['accept-encoding'] : undefined;
    if (typeof coding !== 'string' || identity.kind === 'directory') return identity;
    const base = identity.kind === 'file' ? pathOfFile(path, identity.file) : path;
    const coded = base.endsWith('/') ? undefined : await this.#searchCoded(base, coding, options);
    if (coded === undefined) return identity;
    if (identity.kind === 'file') identity.file.release();
    return coded;
  }

  async #searchCoded(path: string, accepted: string, options: ResolvedFileOptions): Promise<Search | undefined> {
    // A client that takes anything at all has always been given gzip.
    const header = accepted.toLowerCase().replaceAll('*', 'gzip');
    let left = [...codings.keys()];
    while (left.length > 0) {
      const coding = chooseCoding(header, left);
      if (coding === undefined || !codings.has(coding)) return undefined;
      const found = await find(path + codings.get(coding)!, { ...options, extensions: [] });
      if (found.kind === 'file') return { ...found, coding, path };
      left = left.filter((each) => each !== coding);
    }
    return undefined;
  }

  #answer(errand: Errand, found: Search & { kind: 'file' }, options: ResolvedFileOptions): void {
    const { request, reply } = errand;
    const { file, coding } = found;
    try {
      const etag = coding === undefined ? file.etag : file.etag.replace(/"$/, `-${coding}"`);
      const contentType = coding === undefined ? file.contentType : mediaType(found.path);
      const view = {
        status: reply.statusCode,
        etag: options.etag ? etag : undefined,
        lastModified: options.lastModified ? file.lastModified : undefined,
        contentType,
        // Hooks (onSend of @fastify/compress) may put another payload in this one's place.
        keepsBytes: false,
        // That plugin compresses parts too, but nothing that is coded already; it is known by what it decorates replies with.
        isWrapped: (coding ?? file.coding) === undefined && 'compress' in reply,
      };
      const answer = planAnswer(request.raw, view, file, options);
      if (answer.status === 412 || answer.status === 416) {
        for (const [name, value] of answer.fields) reply.header(name, value);
        reply.send(new HttpError(answer.status));
        return;
      }
      this.#setFields(errand, found, options, view, answer);
      reply.send(this.#payload(errand, file, answer, options));
    } finally {
      file.release();
    }
  }

  #setFields(
    errand: Errand,
    { file, coding }: Search & { kind: 'file' },
    options: ResolvedFileOptions,
    view: {
      readonly etag: string | undefined;
      readonly lastModified: string | undefined;
      readonly contentType: string;
    },
    answer: FileAnswer,
  ): void {
    const { reply } = errand;
    const isNotModified = answer.status === 304;
    reply.code(answer.status);
    if (options.acceptRanges) reply.header('accept-ranges', 'bytes');
    if (options.cacheControl !== undefined) reply.header('cache-control', options.cacheControl);
    if (view.lastModified !== undefined) reply.header('last-modified', view.lastModified);
    if (view.etag !== undefined) reply.header('etag', view.etag);
    if (errand.options.contentType !== false && !isNotModified) reply.header('content-type', view.contentType);
    for (const [name, value] of answer.fields) reply.header(name, value);
    if (!isNotModified) reply.header('content-length', answer.length);
    this.#options.setHeaders?.(reply, file.path, file.stats());
    if (this.#options.preCompressed === true) varyByCoding(reply);
    const sent = coding ?? file.coding;
    if (sent === undefined) return;
    if (!isNotModified) {
      if (coding !== undefined) reply.header('content-type', view.contentType);
      reply.header('content-encoding', sent);
    }
  }

  #payload(errand: Errand, file: StaticFile, answer: FileAnswer, options: ResolvedFileOptions): Readable {
    const { raw } = errand.reply;
    const [part] = answer.parts;
    if (errand.request.method === 'HEAD' || typeof part !== 'object' || isGone(raw)) return Readable.from([]);
    const payload = new FilePayload(file, part, options.sendfile);
    // A hook may send something else in its place: then nobody else gives the file back.
    raw.once('close', () => payload.answerEnded());
    return payload;
  }

  /** A directory: its listing, the way to its name with a slash, or its index. True when that answers. */
  async #directory(
    errand: Errand,
    root: string | undefined,
    directory: string,
    options: ResolvedFileOptions,
  ): Promise<boolean> {
    const { request, reply, path } = errand;
    if (this.#options.list && (await this.#list(errand, directory))) return true;
    if (path.endsWith('/')) {
      reply.send(new HttpError(403));
      return true;
    }
    if (this.#options.redirect === true) {
      reply.redirect(withTrailingSlash(request.raw.url!), 301);
      return true;
    }
    if (options.index.length === 0) return false;
    const found = await this.#search(errand, `${path}/`, options);
    if (found.kind !== 'file') return false;
    this.#answer(errand, found, { ...options, root });
    return true;
  }

  async #list(errand: Errand, directory: string): Promise<boolean> {
    const { request, reply, path, options } = errand;
    const list = asListOptions(this.#options.list!);
    const asked = (request.query as { format?: unknown } | undefined)?.format;
    const format = typeof asked === 'string' && asked !== '' ? asked : list.format;
    const listing = await makeListing(directory, list, options.dotfiles === 'allow', format, path, this.#prefix);
    if (listing === undefined) reply.callNotFound();
    else if (listing.type === 'json') reply.send(listing.value);
    else reply.type('text/html').send(listing.value);
    return true;
  }
}

function asListOptions(list: boolean | ListOptions): ListOptions {
  return typeof list === 'object' ? list : {};
}

/** Looks for a path that is text, not part of an address. */
function find(path: string, options: ResolvedFileOptions): Promise<Search> {
  return new Promise((resolve) => {
    locate(encodeURI(path.toWellFormed()), options, {
      found: (file) => resolve({ kind: 'file', file, path }),
      directory: (directory) => resolve({ kind: 'directory', path: directory }),
      nothing: (status, cause) => resolve({ kind: 'nothing', status, cause }),
    });
  });
}

/** The path that was asked for, with the name of the index or the extension that was found for it. */
function pathOfFile(path: string, file: StaticFile): string {
  const name = posix.basename(file.path);
  if (path.endsWith('/')) return path + name;
  return path === '' ? path : posix.join(posix.dirname(path), name);
}

/** The answer was chosen by Accept-Encoding, also where the file itself was (RFC 9110 section 12.5.5). */
function varyByCoding(reply: FastifyReply): void {
  const current = reply.getHeader('vary');
  const text = current === undefined ? '' : [current].flat().join(', ');
  const names = text.split(',').map((name) => name.trim().toLowerCase());
  if (names.includes('accept-encoding') || names.includes('*')) return;
  reply.header('vary', text === '' ? 'accept-encoding' : `${text}, accept-encoding`);
}

/** Where a listing's directory is: the path's own, or the one that holds the name. Undefined when it is outside. */
function listedDirectory(root: string, path: string): string | undefined {
  const top = resolve(root);
  const directory = dirname(resolve(top, path.endsWith('/') ? `.${path}none` : `.${path}`));
  return directory === top || directory.startsWith(top.endsWith('/') ? top : `${top}/`) ? directory : undefined;
}
