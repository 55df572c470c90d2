// A client that ends its sending side while its answer is under way (half-close) still reads. Node's server answers the end of
// input with socket.end(), which shuts the sending side behind what Node itself has queued: bytes that go past Node, or that a
// stream has still to read, would be cut off. While a body holds the socket, that end waits. Not here: sending.

import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import { types } from 'node:util';
import { responseOn } from './node-socket.js';

type EndArguments = Parameters<Socket['end']>;

/** A socket whose end waits for bodies. */
interface Held {
  /** Bodies that hold it now. */
  count: number;
  /** What end() was called with meanwhile. */
  asked: EndArguments | undefined;
}

/** Sockets whose `end` is ours; it stays so, since taking a property away again makes an object slow. */
const sockets = new WeakMap<Socket, Held>();

function heldSocket(socket: Socket): Held {
  let held = sockets.get(socket);
  if (held === undefined) {
    const fresh: Held = { count: 0, asked: undefined };
    held = fresh;
    sockets.set(socket, fresh);
    const { end } = socket;
    socket.end = function endWhenFree(this: Socket, ...given: unknown[]): Socket {
      if (fresh.count === 0) return end.apply(this, given as EndArguments);
      fresh.asked = given as EndArguments;
      return this;
    } as Socket['end'];
  }
  return held;
}

/**
 * Keeps the sending side of a response's socket open though its client ended the other one, from when the socket is the
 * response's own: one that waits behind another answer must not keep that from ending the connection.
 * @returns what gives that up again: to be called once the body is out or will not be; an end that waited comes then.
 */
export function holdEnd(response: ServerResponse): () => void {
  let held: Socket | undefined;
  let isOver = false;
  const hold = (socket: Socket | null | undefined): void => {
    if (isOver || !isOwnSocket(socket)) return;
    held = socket;
    heldSocket(socket).count++;
  };
  if (response.socket === null) response.once('socket', hold);
  else hold(response.socket);
  return () => {
    if (isOver) return;
    isOver = true;
    if (held !== undefined) release(held);
  };
}

function release(socket: Socket): void {
  const held = heldSocket(socket);
  held.count--;
  if (held.count === 0 && held.asked !== undefined) endBehindAnswers(socket, held);
}

/** HTTP/2 gives a proxy, which is no place for methods. */
function isOwnSocket(socket: Socket | null | undefined): socket is Socket {
  return socket instanceof Socket && !types.isProxy(socket);
}

/** The answer that was sent may still have to be ended, and others may wait behind it: the socket ends when none has it. */
function endBehindAnswers(socket: Socket, held: Held): void {
  if (held.count > 0 || held.asked === undefined || socket.destroyed) return;
  const current = responseOn(socket);
  if (current !== undefined && !current.writableFinished) {
    current.once('finish', () => endBehindAnswers(socket, held));
    return;
  }
  const { asked } = held;
  held.asked = undefined;
  socket.end(...asked);
}
