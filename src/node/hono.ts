// Middleware for Hono on @hono/node-server. That adapter hands Node's own response to the handlers (`c.env.outgoing`): the
// file goes into it past the web-standard Response, whose body would have to be read and written chunk by chunk.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { resolve } from 'node:path';
import { type FileOptions, resolveFileOptions } from './file-options.js';
import { locate } from './locate.js';
import { answerWithFile, setFileFields } from './respond.js';
import type { StaticFile } from './tree.js';

/** What is used of Hono's context. */
export interface HonoContext {
  readonly env: unknown;
  readonly req: { readonly method: string; readonly path: string };
  readonly res: Response;
}

/** Options: those of a file, and those of @hono/node-server's serve-static that change the path. */
export interface HonoStaticOptions extends Omit<FileOptions, 'start' | 'end'> {
  /** Always this file, whatever the path. */
  path?: string;
  /** Changes the path before the file is looked for. */
  rewriteRequestPath?: (path: string) => string;
}

/** What the adapter takes for "the response has been sent past me". */
const alreadySent = 'x-hono-already-sent';

/**
 * Middleware that answers GET and HEAD with files beneath `root` (the working directory by default); what is no file goes to
 * the next handler, and so does everything on an adapter without Node's response. Fields set before it are sent; what a
 * middleware adds to `c.res` afterwards is too late.
 * @throws TypeError for a value that an option cannot have.
 */
export function serveStatic(options: HonoStaticOptions = {}) {
  const resolved = resolveFileOptions({ ...options, root: resolve(options.root ?? '.') });
  return async (context: HonoContext, next: () => Promise<void>): Promise<Response | undefined> => {
    const { incoming, outgoing } = (context.env ?? {}) as { incoming?: IncomingMessage; outgoing?: ServerResponse };
    const { method } = context.req;
    if (incoming === undefined || outgoing === undefined || (method !== 'GET' && method !== 'HEAD')) {
      await next();
      return undefined;
    }
    // The very path that routes and guards before this one were matched with: two readings of one address are a way past them.
    const asked = options.path ?? context.req.path;
    const file = await find(options.rewriteRequestPath?.(asked) ?? asked, resolved);
    if (file === undefined) {
      await next();
      return undefined;
    }
    try {
      for (const [name, value] of context.res.headers) outgoing.appendHeader(name, value);
      setFileFields(outgoing, file, resolved);
      answerWithFile(incoming, outgoing, file, resolved, {
        fail: (status) => fail(outgoing, status),
        ended: undefined,
        streamed: undefined,
      });
    } finally {
      file.release();
    }
    return sentPastTheAdapter();
  };
}

/**
 * The adapter puts a Response of its own in the global one's place, which is written out from what it was made of, without
 * a look at its fields. Asked for its body it becomes a real one, whose fields are looked at.
 */
function sentPastTheAdapter(): Response {
  const response = new Response(null, { headers: { [alreadySent]: 'true' } });
  void response.body;
  return response;
}

function find(path: string, options: ReturnType<typeof resolveFileOptions>): Promise<StaticFile | undefined> {
  return new Promise((found) => {
    const nothing = (): void => found(undefined);
    // A directory's name without a slash is answered with its index, as Hono's own middleware does.
    const directory = (): void => {
      if (path.endsWith('/') || options.index.length === 0) nothing();
      else locate(`${path}/`, options, { found, directory: nothing, nothing });
    };
    locate(path, options, { found, directory, nothing });
  });
}

/** A range outside the file, a failed precondition, or a file that could not be read. */
function fail(outgoing: ServerResponse, status: number): void {
  outgoing.statusCode = status;
  outgoing.removeHeader('Content-Type');
  outgoing.removeHeader('Content-Encoding');
  outgoing.setHeader('Content-Length', 0);
  outgoing.end();
}
