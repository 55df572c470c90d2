// send(request, path, options).pipe(response): the interface of npm send 1.x, its events and the methods that
// applications replace or call included, over the same parts as sendFile and serveStatic.

import type { Stats } from 'node:fs';
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import { Stream } from 'node:stream';
import { coded } from '../text/coded.js';
import { sendErrorPage, sendRedirect, singleLeadingSlash } from './documents.js';
import { type FileOptions, type ResolvedFileOptions, resolveFileOptions } from './file-options.js';
import { httpError } from './http-error.js';
import { locate } from './locate.js';
import { shareShapes } from './object-shape.js';
import { answerWithFile, setFileFields } from './respond.js';
import type { StaticFile } from './tree.js';

/**
 * A file on its way to a response. Events: `file` (path, stats), `headers` (response, path, stats), `directory`
 * (response, path), `stream` (a ReadStream; whoever listens gets the body by stream), `error`, `end`.
 */
export class SendStream extends Stream {
  readonly options: FileOptions;
  readonly path: string;
  readonly req: IncomingMessage;
  res!: ServerResponse;
  readonly #resolved: ResolvedFileOptions;
  #file: StaticFile | undefined;

  /** @throws TypeError for a value that an option cannot have. */
  constructor(request: IncomingMessage, path: string, options?: FileOptions | null) {
    super();
    this.options = options ?? {};
    this.path = path;
    this.req = request;
    this.#resolved = resolveFileOptions(options);
  }

  /** Answers with an error: the event's listeners do, or a short page. */
  error(status: number, cause?: Error | { readonly headers?: Readonly<Record<string, string>> }): void {
    const headers = (cause as { headers?: Readonly<Record<string, string>> } | undefined)?.headers;
    if (this.listenerCount('error') > 0) {
      this.emit('error', httpError(status, cause instanceof Error ? cause : undefined, headers));
      return;
    }
    const { res } = this;
    if (res.headersSent) {
      res.destroy();
      return;
    }
    for (const name of res.getHeaderNames()) res.removeHeader(name);
    for (const [name, value] of Object.entries(headers ?? {})) res.setHeader(name, value);
    sendErrorPage(res, status, STATUS_CODES[status] ?? String(status));
  }

  /** True when the path, as it was given, ends in a slash. */
  hasTrailingSlash(): boolean {
    return this.path.endsWith('/');
  }

  /** Answers for a directory: the event's listeners do, or a redirect to its name with a slash. */
  redirect(path: string): void {
    if (this.listenerCount('directory') > 0) this.emit('directory', this.res, path);
    else if (this.hasTrailingSlash()) this.error(403);
    else sendRedirect(this.res, singleLeadingSlash(`${this.path}/`));
  }

  /** Finds the file and sends it to a response, which is given back. */
  override pipe<T extends NodeJS.WritableStream>(response: T): T {
    this.res = response as unknown as ServerResponse;
    locate(this.path, this.#resolved, {
      found: (file) => {
        this.#file = file;
        try {
          if (this.listenerCount('file') > 0) this.emit('file', file.path, file.stats());
          this.send(file.path, undefined);
        } finally {
          this.#file = undefined;
          file.release();
        }
      },
      directory: (path) => this.redirect(path),
      nothing: (status, cause) => this.error(status, this.listenerCount('error') > 0 ? cause?.() : undefined),
    });
    return response;
  }

  /**
   * Sends a file by its name in the file system. The one that was found is not looked for again; another name (of a
   * caller who replaced this method) is. `_stats` is what npm send took, and is not needed.
   */
  send(path: string, _stats?: Stats): void {
    const file = this.#file;
    if (file !== undefined && file.path === path) {
      this.#answer(file);
      return;
    }
    locate(
      encodeURIComponent(path),
      { ...this.#resolved, root: undefined, dotfiles: 'allow', extensions: [] },
      {
        found: (other) => {
          this.#answer(other);
          other.release();
        },
        directory: () => this.error(404),
        nothing: (status, cause) => this.error(status, cause?.()),
      },
    );
  }

  #answer(file: StaticFile): void {
    const { req, res } = this;
    if (res.headersSent) {
      this.error(500, coded('ERR_HTTP_HEADERS_SENT', new Error("Can't set headers after they are sent.")));
      return;
    }
    shareShapes(req, res);
    if (this.listenerCount('headers') > 0) this.emit('headers', res, file.path, file.stats());
    setFileFields(res, file, this.#resolved);
    answerWithFile(req, res, file, this.#resolved, {
      fail: (status, cause, headers) => this.error(status, cause ?? { ...(headers && { headers }) }),
      ended: this.listenerCount('end') > 0 ? (_way, outcome) => outcome === 'sent' && this.emit('end') : undefined,
      streamed: this.listenerCount('stream') > 0 ? (stream) => this.emit('stream', stream) : undefined,
    });
  }
}

/**
 * A {@link SendStream} for a path as it stands in the request's URL: `send(req, path, { root }).pipe(res)`.
 * @throws TypeError for a value that an option cannot have.
 */
export function send(request: IncomingMessage, path: string, options?: FileOptions | null): SendStream {
  return new SendStream(request, path, options);
}
