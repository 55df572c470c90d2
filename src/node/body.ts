// A body on its way into a response: what it is made of, how it ended. Which way it takes is decided here; the ways
// themselves are direct-body.ts (sendfile) and stream-body.ts (everywhere else).

import type { ReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { DirectBody } from './direct-body.js';
import { isGone, isPlainResponse } from './node-socket.js';
import { nodeRuntime } from './runtime.js';
import { streamBody } from './stream-body.js';
import type { StaticFile } from './tree.js';

/**
 * How a body left: `sendfile` by reference, `inline` from memory (small files), `stream` through fs streams, `none`
 * when the answer has no body.
 */
export type Way = 'sendfile' | 'inline' | 'stream' | 'none';

/**
 * How a body ended: `sent` whole; `aborted`, because the client went away or the response was destroyed; `truncated`,
 * because the file became shorter than was promised: then the socket is destroyed.
 */
export type Outcome = 'sent' | 'aborted' | 'truncated';

/** Bytes of the file from `start`, `length` of them; or text between them. */
export type Part = { readonly start: number; readonly length: number } | string;

/** What to send, and whom to tell. */
export interface Body {
  readonly response: ServerResponse;
  readonly file: StaticFile;
  readonly parts: readonly Part[];
  /** Bytes of all parts: the Content-Length, which is set already. */
  readonly length: number;
  /** Called once. */
  readonly ended: ((way: Way, outcome: Outcome) => void) | undefined;
  /** Wants to see the body as a stream: then it is one. */
  readonly streamed: ((stream: ReadStream) => void) | undefined;
  /** The file could not be read and nothing has been sent: the caller may still answer. */
  readonly failed: (error: Error) => void;
}

/**
 * Sends a body after the head, which is complete but not flushed, and ends the response. The file is kept open until
 * then. @param direct false to keep to streams.
 */
export function sendBody(body: Body, direct: boolean): void {
  const { response, file, parts, ended, streamed } = body;
  // The client left before there was an answer, while the application waited for something: nobody would say so again.
  if (isGone(response)) {
    ended?.('none', 'aborted');
    return;
  }
  if (streamed !== undefined) {
    streamBody(body);
    return;
  }
  const only = parts.length === 1 ? parts[0]! : undefined;
  if (typeof only === 'object') {
    const content = file.content();
    if (content !== undefined) {
      if (ended !== undefined) watchEnd(response, ended);
      const whole = only.length === content.length;
      response.end(whole ? content : content.subarray(only.start, only.start + only.length));
      return;
    }
  }
  const { shared } = nodeRuntime();
  if (direct && shared !== undefined && file.source !== undefined && isPlainResponse(response)) {
    new DirectBody(shared, body, file.source).begin();
  } else {
    streamBody(body);
  }
}

function watchEnd(response: ServerResponse, ended: (way: Way, outcome: Outcome) => void): void {
  let done = false;
  const end = (outcome: Outcome): void => {
    if (done) return;
    done = true;
    ended('inline', outcome);
  };
  response.once('finish', () => end('sent'));
  response.once('close', () => end(response.writableFinished ? 'sent' : 'aborted'));
}
