// Door: how front ends come to a device, one at a time: on a socket that is made for them, on one that somebody handed over, which listens or is
// connected already, or by a connection to where a front end listens. Not here: what is said over the socket (channel.ts).

import { Errno, errnoWords } from '../kernel/errno.js';
import { closeDescriptor, setNonBlocking } from '../kernel/socket.js';
import { connectUnix, examineSocket, hasUnixPeer } from '../kernel/unix-socket.js';
import { coded } from '../text/coded.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import { SocketFile } from '../transport/socket-file.js';

/** Where front ends come from. */
export type Place =
  /** A socket that is made, with its permissions. */
  | { readonly kind: 'socket'; readonly path: string; readonly mode: number }
  /** A descriptor that somebody handed over. */
  | { readonly kind: 'fd'; readonly fd: number }
  /** A socket at which a front end listens. */
  | { readonly kind: 'connect'; readonly path: string };

/** Who lets front ends in. */
export interface DoorHost {
  /** A front end came; its socket is the host's. */
  came(fd: number): void;
  /** No other will come. */
  over(): void;
  /** Says something to the operator, in a sentence. */
  say(sentence: string): void;
}

/** See the file's head. It lets one in each time that it is asked to. */
export interface Door {
  /** Lets the next one in, when it comes. */
  next(): void;
  /** Lets nobody in any more; a socket that was made goes. */
  close(): void;
}

/** Opens a door. @throws SystemError, Error with the reason, in words */
export function openDoor(loop: Loop, place: Place, host: DoorHost): Door {
  if (place.kind === 'connect') return new ConnectingDoor(loop, place.path, host);
  if (place.kind === 'socket') {
    const socket = new SocketFile(place.path, place.mode);
    return new ListeningDoor(loop, socket.fd, host, () => {
      socket.remove();
      socket.close();
    });
  }
  const { fd } = place;
  if (examineSocket(fd) === 'unix') return new ListeningDoor(loop, fd, host, () => closeDescriptor(fd));
  if (!hasUnixPeer(fd))
    throw coded(
      'CLEARWAY_LISTEN',
      new Error(`descriptor ${fd} is no Unix stream socket that listens or is connected: check --fd`),
    );
  return new ConnectedDoor(fd, host);
}

/** A socket that listens. */
class ListeningDoor extends Endpoint implements Door {
  readonly #loop: Loop;
  readonly #fd: number;
  readonly #host: DoorHost;
  readonly #close: () => void;
  #isWanted = false;
  #isClosed = false;
  /** It could not accept, for want of something, and tries again. */
  #stopTrying: (() => void) | undefined;

  constructor(loop: Loop, fd: number, host: DoorHost, close: () => void) {
    super();
    this.#loop = loop;
    this.#fd = fd;
    this.#host = host;
    this.#close = close;
    // It is asked whether somebody waits, and never waited at.
    setNonBlocking(fd, true);
    loop.register(this);
    loop.engine.watch(this.token, fd);
  }

  override readable(result: number, more: boolean): void {
    if (this.#isClosed) return;
    if (!more) this.#loop.engine.watch(this.token, this.#fd);
    if (result >= 0) this.#accept();
  }

  next(): void {
    this.#isWanted = true;
    this.#accept();
  }

  readonly #accept = (): void => {
    if (!this.#isWanted || this.#isClosed) return;
    const fd = this.#loop.engine.acceptNow(this.#fd);
    const isLacking = fd < 0 && fd !== -Errno.EAGAIN && fd !== -Errno.ECONNABORTED;
    if (isLacking && this.#stopTrying === undefined) {
      this.#host.say(`a front end cannot be let in (${errnoWords(-fd)}): it is tried again`);
      this.#stopTrying = this.#loop.everyTick(this.#accept);
    } else if (!isLacking) {
      this.#stopTrying?.();
      this.#stopTrying = undefined;
    }
    if (fd < 0) return;
    this.#isWanted = false;
    this.#host.came(fd);
  };

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopTrying?.();
    this.#loop.engine.cancel(this.token, this.#fd, true);
    this.#loop.engine.flush();
    this.#close();
  }
}

/** A socket that is connected: one front end, and no other. */
class ConnectedDoor implements Door {
  readonly #host: DoorHost;
  #fd: number;

  constructor(fd: number, host: DoorHost) {
    this.#fd = fd;
    this.#host = host;
    setNonBlocking(fd, true);
  }

  next(): void {
    const fd = this.#fd;
    this.#fd = -1;
    if (fd < 0) this.#host.over();
    else this.#host.came(fd);
  }

  close(): void {
    if (this.#fd >= 0) closeDescriptor(this.#fd);
    this.#fd = -1;
  }
}

/** Connects to where a front end listens, and tries again for ever: four times a second, said once. */
class ConnectingDoor implements Door {
  readonly #loop: Loop;
  readonly #path: string;
  readonly #host: DoorHost;
  #stopTrying: (() => void) | undefined;
  #isTold = false;

  constructor(loop: Loop, path: string, host: DoorHost) {
    this.#loop = loop;
    this.#path = path;
    this.#host = host;
  }

  next(): void {
    // Not at once: one that hangs up at once would be connected to without end.
    this.#stopTrying ??= this.#loop.everyTick(this.#try);
  }

  readonly #try = (): void => {
    const fd = connectUnix(this.#path);
    if (fd < 0) {
      if (!this.#isTold)
        this.#host.say(`no front end listens at ${this.#path} (${errnoWords(-fd)}): it is tried until one does`);
      this.#isTold = true;
      return;
    }
    this.#isTold = false;
    this.close();
    this.#host.came(fd);
  };

  close(): void {
    this.#stopTrying?.();
    this.#stopTrying = undefined;
  }
}
