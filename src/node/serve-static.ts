// serveStatic(root, options): middleware for connect and for Express 4 and 5, with the options of serve-static.

import type { Stats } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import { sendRedirect, singleLeadingSlash } from './documents.js';
import { type FileOptions, resolveFileOptions } from './file-options.js';
import { httpError } from './http-error.js';
import { locate } from './locate.js';
import { answerWithFile, setFileFields } from './respond.js';
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
  if (!root) throw new TypeError('root path required');
  if (typeof root !== 'string') throw new TypeError('root path must be a string');
  const { setHeaders } = options ?? {};
  if (setHeaders && typeof setHeaders !== 'function') throw new TypeError('option setHeaders must be function');
  const resolved = resolveFileOptions({ ...options, root: resolve(root) });
  const fallthrough = options?.fallthrough !== false;
  const redirect = options?.redirect !== false;

  return function serveStatic(request, response, next) {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      if (fallthrough) next();
      else refuseMethod(response);
      return;
    }
    const original = pathOf(request.originalUrl ?? request.url ?? '/');
    let path = pathOf(request.url ?? '/').path;
    // At the mount point itself, without a slash: it is the directory's name that is asked for.
    if (path === '/' && !original.path.endsWith('/')) path = '';
    // Once there is a file its errors are for the application; that there is none is for whoever comes next.
    const fail = (status: number, cause?: Error, headers?: Readonly<Record<string, string>>): void =>
      next(httpError(status, cause, headers));
    const nothing = (status: number, cause?: () => Error | undefined): void => {
      if (fallthrough && status < 500) next();
      else fail(status, cause?.());
    };
    locate(path, resolved, {
      nothing,
      directory: () => {
        if (!redirect || path.endsWith('/')) nothing(404);
        else sendRedirect(response, singleLeadingSlash(`${original.path}/`) + original.query);
      },
      found: (file) => {
        if (setHeaders) setHeaders(response, file.path, file.stats());
        answer(request, response, file);
      },
    });

    function answer(request: IncomingMessage, response: ServerResponse, file: StaticFile): void {
      try {
        if (response.headersSent) {
          fail(500, new Error("Can't set headers after they are sent."));
          return;
        }
        setFileFields(response, file, resolved);
        answerWithFile(request, response, file, resolved, { fail, ended: undefined, streamed: undefined });
      } finally {
        file.release();
      }
    }
  };
}

function refuseMethod(response: ServerResponse): void {
  response.statusCode = 405;
  response.setHeader('Allow', 'GET, HEAD');
  response.setHeader('Content-Length', '0');
  response.end();
}

const authority = /^[a-z][a-z0-9+.-]*:\/\/[^/?#]*/i;

/** The path and the query of a request target in origin or absolute form (RFC 9112 section 3.2). */
function pathOf(target: string): { readonly path: string; readonly query: string } {
  const local = target.startsWith('/') ? target : target.replace(authority, '');
  const end = local.search(/[?#]/);
  if (end < 0) return { path: local, query: '' };
  return { path: local.substring(0, end), query: local.charAt(end) === '?' ? local.substring(end) : '' };
}
