// sendFile(request, response, path, options): one file on any response of Node's, and what became of it.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { coded, wrongArgument } from '../text/coded.js';
import { shown } from '../text/shown.js';
import { type FileOptions, resolveFileOptions } from './file-options.js';
import { httpError } from './http-error.js';
import { locate } from './locate.js';
import { shareShapes } from './object-shape.js';
import type { Outcome, Way } from './outcome.js';
import { answerWithFile, setFileFields } from './respond.js';
import type { StaticFile } from './tree.js';

/** What became of a file that was sent. */
export interface SendResult {
  /** Status of the answer: 200, 206, 304, 412 or 416, or what the application had set. */
  readonly status: number;
  /** How the body left. */
  readonly way: Way;
  /** Whether it arrived in the kernel whole. */
  readonly outcome: Outcome;
  /** The length that was planned: bytes of the body when the outcome is `sent`. */
  readonly bytes: number;
}

/**
 * Sends a file: validators, conditionals and ranges as {@link FileOptions} say, the body by the cheapest way that the
 * response allows. The path is one as it stands in a URL; beneath a root a query behind it is left out. Several ranges are answered with all of them
 * unless `multipart` is false.
 *
 * Resolves when the body is in the kernel's hands, or its client has left; never rejects once the head is out.
 * @throws an error with `status` (400, 403, 404, 500, 503) when there is no file to send, TypeError for what is no path or option: the
 * response is untouched.
 */
export async function sendFile(
  request: IncomingMessage,
  response: ServerResponse,
  path: string,
  options?: FileOptions,
): Promise<SendResult> {
  const resolved = resolveFileOptions({ multipart: true, ...options });
  if (typeof path !== 'string') throw wrongArgument(`a path is a text, not ${shown(path)}`, TypeError);
  const asked = resolved.root === undefined ? path : path.split('?', 1)[0]!;
  const { promise, resolve, reject } = withResolvers<SendResult>();
  const refuse = (status: number, cause?: Error): void => reject(httpError(status, cause));
  locate(asked, resolved, {
    nothing: (status, cause) => refuse(status, cause?.()),
    directory: () => refuse(404),
    found: (file) => {
      try {
        if (response.headersSent)
          refuse(500, coded('ERR_HTTP_HEADERS_SENT', new Error('the head of this response has been sent already')));
        else answer(file);
      } catch (error) {
        reject(error);
      } finally {
        file.release();
      }
    },
  });
  return promise;

  function answer(file: StaticFile): void {
    shareShapes(request, response);
    setFileFields(response, file, resolved);
    const ended = (way: Way, outcome: Outcome, length: number): void => {
      resolve({ status: response.statusCode, way, outcome, bytes: way === 'none' ? 0 : length });
    };
    const fail = (status: number, cause?: Error): void => {
      if (status === 500) {
        reject(httpError(500, cause));
        return;
      }
      response.statusCode = status;
      response.removeHeader('Content-Type');
      response.removeHeader('Content-Encoding');
      response.setHeader('Content-Length', 0);
      response.end();
      ended('none', 'sent', 0);
    };
    answerWithFile(request, response, file, resolved, { fail, ended, streamed: undefined });
  }
}

/** Promise.withResolvers, which Node 20 does not have. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((resolved, rejected) => {
    resolve = resolved;
    reject = rejected;
  });
  return { promise, resolve, reject };
}
