// What the transfer needs to know of Node's sockets beyond their documented interface, in one place and guarded: each of
// these is looked for, and where it is missing the body goes as a stream.

import { OutgoingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** The parts of a libuv stream handle that are looked at: both have been there since Node 8. */
interface StreamHandle {
  readonly fd?: number;
  /** Bytes that libuv holds because the kernel did not take them yet. */
  readonly writeQueueSize?: number;
}

interface SocketInternals {
  readonly _handle?: StreamHandle | null;
  readonly encrypted?: boolean;
  /** The response that has the socket now; others wait behind it. */
  readonly _httpMessage?: ServerResponse | null;
  _unrefTimer?(): void;
}

/** The descriptor of a plain TCP or Unix socket that is open; -1 for anything else (TLS, a stand-in, a closed one). */
export function socketDescriptor(socket: unknown): number {
  if (!(socket instanceof Socket) || socket.destroyed) return -1;
  const { _handle: handle, encrypted } = socket as unknown as SocketInternals;
  if (encrypted === true || handle === undefined || handle === null) return -1;
  if (typeof handle.writeQueueSize !== 'number') return -1;
  return typeof handle.fd === 'number' ? handle.fd : -1;
}

/** The response that a socket belongs to now. */
export function responseOn(socket: Socket): ServerResponse | undefined {
  return (socket as unknown as SocketInternals)._httpMessage ?? undefined;
}

/** A body that is ours from here on would be kept back for ever by a cork that nobody takes out. */
export function uncorkAll(response: ServerResponse): void {
  for (let corks = response.writableCorked ?? 0; corks > 0; corks--) response.uncork();
}

/** Progress on a socket: puts its time-out (socket.setTimeout) off, as a write of Node's own does. */
export function noteProgress(socket: Socket): void {
  (socket as unknown as SocketInternals)._unrefTimer?.();
}

/**
 * Calls back when every byte that was written to a socket is in the kernel's hands, at once if that is so. Never when
 * the socket is destroyed meanwhile.
 */
export function whenWritten(socket: Socket, written: () => void): void {
  if (socket.destroyed) return;
  const queued = (socket as unknown as SocketInternals)._handle?.writeQueueSize ?? 0;
  if (socket.writableLength === 0 && queued === 0) written();
  // Nothing, behind everything: its turn comes when what is before it was taken. Node's own method: one that somebody put in
  // its place need not call back.
  else Socket.prototype.write.call(socket, '', 'latin1', () => whenWritten(socket, written));
}

/**
 * True when what is sent on the socket is what a reader of `response.write` would see: a response of node:http over a
 * plain socket whose methods nobody replaced. (A compressing middleware replaces them: it must see the bytes.)
 */
export function isPlainResponse(response: ServerResponse): boolean {
  if (!(response instanceof ServerResponse) || !keepsBytes(response)) return false;
  // No body belongs to this status or method: Node drops what is written, and so must what goes past it.
  if ((response as unknown as { _hasBody?: boolean })._hasBody === false) return false;
  return socketDescriptor(response.socket ?? response.req?.socket) >= 0;
}

/**
 * True when what is written to a response is what its client gets: nobody replaced its methods, as middleware does that
 * compresses, and that need not call back.
 */
export function keepsBytes(response: ServerResponse): boolean {
  if (!(response instanceof ServerResponse))
    return !Object.hasOwn(response, 'write') && !Object.hasOwn(response, 'end');
  const { write, end } = OutgoingMessage.prototype;
  return response.write === write && response.end === end;
}

/**
 * True when nothing that is sent can arrive any more: the response was closed or destroyed, or its connection was. Its
 * `close` may have been told already, and will not be told again.
 */
export function isGone(response: ServerResponse): boolean {
  if (response.closed || response.destroyed) return true;
  // HTTP/2: the stream is the response's own, the socket is everybody's.
  const { stream } = response as unknown as { readonly stream?: { readonly destroyed?: boolean } };
  if (stream !== undefined) return stream.destroyed === true;
  return (response.socket ?? response.req?.socket)?.destroyed === true;
}

const closings = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls back when a socket closed; gives the way to take that back. One listener a socket, however many responses
 * wait on it. A socket that is closed already calls back in a later turn.
 */
export function onSocketClose(socket: Socket, closed: () => void): () => void {
  if (socket.closed) {
    const soon = setImmediate(closed);
    return () => clearImmediate(soon);
  }
  let waiting = closings.get(socket);
  if (waiting === undefined) {
    const fresh = new Set<() => void>();
    waiting = fresh;
    closings.set(socket, fresh);
    socket.once('close', () => {
      for (const each of [...fresh]) each();
    });
  }
  waiting.add(closed);
  return () => waiting.delete(closed);
}
