// What a body is made of, which path it took and how it ended: the words between those who send bodies and those who ask for
// them. Types only; body.ts chooses the path.

import type { ReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
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
