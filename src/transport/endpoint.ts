// Endpoint: something that begins operations on the loop and is told of their events. Connections, listeners and
// watched descriptors are endpoints; each overrides only the events of the operations it begins.

import { Errno } from '../kernel/errno.js';

/**
 * Whether a stream that ended receiving in this way is as good as before: frames were short, it was stopped, or it was
 * begun just before direct calls (see Engine.directCalls).
 */
export function mayReceiveAgain(result: number): boolean {
  return (
    result === -Errno.ENOBUFS || result === -Errno.ECANCELED || result === -Errno.EAGAIN || result === -Errno.EINTR
  );
}

/** The receiver of one token's events; see EngineEvents for their meaning. */
export abstract class Endpoint {
  /** Given by the loop; -1 while the endpoint is not registered. */
  token = -1;

  /** A connection was accepted, or accepting failed. */
  accepted(_result: number, _more: boolean): void {}
  /** Bytes came, or the stream ended or failed. */
  received(_result: number, _frame: number, _more: boolean): void {}
  /** A send ended. */
  sent(_result: number): void {}
  /** The socket takes bytes again. */
  writable(_result: number): void {}
  /** A range of a file is in the page cache. */
  fetched(_result: number): void {}
  /** An operation on a file ended. */
  moved(_result: number): void {}
  /** A watched descriptor has input. */
  readable(_result: number, _more: boolean): void {}
}
