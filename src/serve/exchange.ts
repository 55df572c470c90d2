// Exchange: a request as its answer has to know it once the bytes of its head are gone, and the connection it is answered on.
// Not here: the head itself (wire/http1/request.ts), which is valid only while it is looked at.

import type { Connection } from '../transport/connection.js';
import { Field, Method, type RequestHead } from '../wire/http1/request.js';
import type { HttpState } from './http-protocol.js';

/** A connection that speaks HTTP. */
export type HttpConnection = Connection<HttpState>;

/** See the file's head. */
export interface Exchange {
  readonly connection: HttpConnection;
  /** One of {@link Method}. */
  readonly method: number;
  /** The x of HTTP/1.x. */
  readonly versionMinor: number;
  /** The connection ends with the answer. */
  readonly close: boolean;
  readonly accept: string | undefined;
  readonly acceptEncoding: string | undefined;
}

/** Takes over what an answer has to know of a request. */
export function exchangeOf(connection: HttpConnection, head: RequestHead, close: boolean): Exchange {
  const { method, versionMinor } = head;
  const accept = head.fieldText(Field.accept);
  return { connection, method, versionMinor, close, accept, acceptEncoding: head.fieldText(Field.acceptEncoding) };
}

/** Of what could not be read as a request: its answer ends the connection. */
export function refusedExchange(connection: HttpConnection): Exchange {
  return { connection, method: Method.GET, versionMinor: 1, close: true, accept: undefined, acceptEncoding: undefined };
}
