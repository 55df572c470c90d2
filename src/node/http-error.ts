// Errors that say which HTTP status they call for, in the shape that Express, connect and Fastify look at: `status`,
// `statusCode`, `expose`, `headers`, and a name made of the status. Not here: answering with them.

import { STATUS_CODES } from 'node:http';

/** An error with the HTTP status that it calls for. */
export class HttpError extends Error {
  readonly status: number;
  readonly statusCode: number;
  /** Whether the message may be shown to the client: true below 500. */
  readonly expose: boolean;
  /** Fields for the answer. */
  headers?: Readonly<Record<string, string>>;

  /** @param status 400 to 599. @param headers fields that belong to the answer. */
  constructor(status: number, headers?: Readonly<Record<string, string>>) {
    super(STATUS_CODES[status] ?? String(status));
    const words = this.message.replace(/[^A-Za-z]/g, '');
    this.name = words.endsWith('Error') ? words : `${words}Error`;
    this.status = status;
    this.statusCode = status;
    this.expose = status < 500;
    if (headers !== undefined) this.headers = headers;
  }
}

/** The status marked on an error: what {@link httpError} gives. */
export type StatusError = Error & { status: number; statusCode: number; expose: boolean; code?: string };

/**
 * An error for a status. A cause (of the file system, say) is marked with the status and given back itself, so that its
 * `code` and its message stay.
 */
export function httpError(status: number, cause?: Error, headers?: Readonly<Record<string, string>>): StatusError {
  if (cause === undefined) return new HttpError(status, headers);
  return Object.assign(cause, { status, statusCode: status, expose: false });
}
