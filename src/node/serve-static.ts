// serveStatic(root, options): middleware for connect and for Express 4 and 5, with the options of serve-static.

import type { Stats } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import { coded } from '../text/coded.js';
import { sendRedirect, singleLeadingSlash } from './documents.js';
import { type FileOptions, type ResolvedFileOptions, resolveFileOptions } from './file-options.js';
import { httpError } from './http-error.js';
import { locate, type SearchEnd } from './locate.js';
import { shareShapes } from './object-shape.js';
import { type Answering, answerWithFile, setFileFields } from './respond.js';
import type { StaticFile } from './tree.js';

/** Options of {@link serveStatic}: those of a file, and what becomes of requests that no file answers. */
export interface ServeStaticOptions extends Omit<FileOptions, 'root' | 'start' | 'end'> {
  /** Pass on what no file answers; false: answer with an error. Default true. */
  fallthrough?: boolean | undefined;
  /** Redirect a directory's name to the one with a slash. Default true. */
  redirect?: boolean | undefined;
  /** Called before the head leaves; it may set fields. */
  setHeaders?: ((response: ServerResponse, path: string, stats: Stats) => void) | undefined;
}

/** What connect and Express call. */
export type Middleware = (
  request: IncomingMessage & { originalUrl?: string },
  response: ServerResponse,
  next: (error?: unknown) => void,
) => void;

/**
 * Middleware that answers GET and HEAD with the files beneath a directory.
 * @throws TypeError for a missing root or a value that an option cannot have.
 */
export function serveStatic(root: string, options?: ServeStaticOptions | null): Middleware {
  if (!root) throw coded('CLEARWAY_OPTION', new TypeError('root path required'));
  if (typeof root !== 'string') throw coded('CLEARWAY_OPTION', new TypeError('root path must be a string'));
  const { setHeaders } = options ?? {};
  if (setHeaders && typeof setHeaders !== 'function')
    throw coded('CLEARWAY_OPTION', new TypeError('option setHeaders must be function'));
  const directory: StaticDirectory = {
    options: resolveFileOptions({ ...options, root: resolve(root) }),
    fallthrough: options?.fallthrough !== false,
    redirect: options?.redirect !== false,
    setHeaders: setHeaders ?? undefined,
  };
  return function serveStatic(request, response, next) {
    if (request.method === 'GET' || request.method === 'HEAD') {
      new StaticRequest(directory, request, response, next).answer();
    } else if (directory.fallthrough) {
      next();
    } else {
      refuseMethod(response);
    }
  };
}

interface StaticDirectory {
  readonly options: ResolvedFileOptions;
  readonly fallthrough: boolean;
  readonly redirect: boolean;
  readonly setHeaders: ServeStaticOptions['setHeaders'];
}

/** One request on its way: the end of its search, and whom its answer is told to. */
class StaticRequest implements SearchEnd, Answering {
  readonly ended = undefined;
  readonly streamed = undefined;
  readonly fail: Answering['fail'];
  readonly #directory: StaticDirectory;
  readonly #request: Parameters<Middleware>[0];
  readonly #response: ServerResponse;
  readonly #next: (error?: unknown) => void;
  #path = '';

  constructor(
    directory: StaticDirectory,
    request: Parameters<Middleware>[0],
    response: ServerResponse,
    next: (error?: unknown) => void,
  ) {
    this.#directory = directory;
    this.#request = request;
    this.#response = response;
    this.#next = next;
    this.fail = (status, cause, headers) => next(httpError(status, cause, headers));
  }

  answer(): void {
    const { url = '/', originalUrl = url } = this.#request;
    this.#path = pathOf(url);
    // At the mount point itself, without a slash: it is the directory's name that is asked for.
    if (this.#path === '/' && originalUrl !== url && !pathOf(originalUrl).endsWith('/')) this.#path = '';
    locate(this.#path, this.#directory.options, this);
  }

  found(file: StaticFile): void {
    const { setHeaders, options } = this.#directory;
    const response = this.#response;
    shareShapes(this.#request, response);
    try {
      if (response.headersSent) {
        this.fail(500, coded('ERR_HTTP_HEADERS_SENT', new Error("Can't set headers after they are sent.")));
        return;
      }
      if (setHeaders !== undefined) setHeaders(response, file.path, file.stats());
      setFileFields(response, file, options);
      answerWithFile(this.#request, response, file, options, this);
    } catch (error) {
      // The application's own function threw: also where the search took a turn it has to hear of it.
      this.#next(error);
    } finally {
      file.release();
    }
  }

  directory(): void {
    if (!this.#directory.redirect || this.#path.endsWith('/')) {
      this.nothing(404);
      return;
    }
    const { url = '/', originalUrl = url } = this.#request;
    sendRedirect(this.#response, singleLeadingSlash(`${pathOf(originalUrl)}/`) + queryOf(originalUrl));
  }

  /** Once there is a file its errors are for the application; that there is none is for whoever comes next. */
  nothing(status: number, cause?: () => Error | undefined): void {
    if (this.#directory.fallthrough && status < 500) this.#next();
    else this.fail(status, cause?.());
  }
}

function refuseMethod(response: ServerResponse): void {
  response.statusCode = 405;
  response.setHeader('Allow', 'GET, HEAD');
  response.setHeader('Content-Length', '0');
  response.end();
}

const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** The path of a request target in origin or absolute form (RFC 9112 section 3.2). */
function pathOf(target: string): string {
  const local = target.startsWith('/') ? target : target.replace(authority, '');
  const end = local.search(/[?#]/);
  return end < 0 ? local : local.substring(0, end);
}

function queryOf(target: string): string {
  return /\?[^#]*/.exec(target)?.[0] ?? '';
}
