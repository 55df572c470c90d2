// VhostServer: a Unix socket on which front ends come for one device, one at a time: who comes meanwhile waits in the socket's queue, and disturbs
// nobody. Not here: what is said over the socket (channel.ts).

import { chmodSync, unlinkSync } from 'node:fs';
import { Errno } from '../kernel/errno.js';
import { closeDescriptor, setNonBlocking } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { listenUnix, probeUnix } from '../kernel/unix-socket.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import { Channel } from './channel.js';
import type { MemoryTable } from './memory-table.js';
import type { MemoryPolicy, VhostDevice } from './session.js';
import type { Vring } from './vring.js';

/** A device that is told of kicks. */
export interface KickedDevice extends VhostDevice {
  kicked(vring: Vring, memory: MemoryTable): void;
}

/** How a device is offered. */
export interface VhostServerOptions {
  /** Path of the socket. */
  readonly path: string;
  /** Permissions of its file. */
  readonly mode: number;
  readonly memory: MemoryPolicy;
  /** Says something to the operator, in a sentence. */
  readonly say: (sentence: string) => void;
}

/** How long a front end has to go at the end. */
const closeTurns = 64;

/** See the file's head. */
export class VhostServer extends Endpoint {
  readonly #loop: Loop;
  readonly #device: KickedDevice;
  readonly #options: VhostServerOptions;
  readonly #fd: number;
  #channel: Channel | undefined;
  #isClosed = false;
  #whenEnded: (() => void) | undefined;

  /** Listens. @throws SystemError EADDRINUSE where somebody listens there already; EACCES and its kin */
  constructor(loop: Loop, device: KickedDevice, options: VhostServerOptions) {
    super();
    this.#loop = loop;
    this.#device = device;
    this.#options = options;
    this.#fd = listenAt(options.path, options.mode);
    // It is asked whether somebody waits, and never waited at.
    setNonBlocking(this.#fd, true);
    loop.register(this);
    loop.engine.watch(this.token, this.#fd);
  }

  override readable(result: number, more: boolean): void {
    if (this.#isClosed) return;
    if (!more) this.#loop.engine.watch(this.token, this.#fd);
    if (result >= 0) this.#accept();
  }

  #accept(): void {
    if (this.#channel !== undefined || this.#isClosed) return;
    const fd = this.#loop.engine.acceptNow(this.#fd);
    if (fd < 0) return;
    const { say, memory } = this.#options;
    say('a front end connected');
    const channel = new Channel(
      this.#loop,
      fd,
      this.#device,
      {
        say,
        kicked: (vring) => this.#device.kicked(vring, channel.session.memory),
        ended: (why) => this.#ended(why),
      },
      memory,
    );
    this.#channel = channel;
  }

  #ended(why: string | undefined): void {
    this.#channel = undefined;
    this.#options.say(why === undefined ? 'the front end has gone' : `the front end is let go of: ${why}`);
    this.#whenEnded?.();
    // Somebody may have waited.
    this.#loop.nextTurn(() => this.#accept());
  }

  /** Ends it, and takes the socket away. @param done when nothing is under way any more */
  close(done: () => void): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    try {
      unlinkSync(this.#options.path);
    } catch {
      // Somebody took it away already.
    }
    const end = (): void => {
      this.#loop.engine.cancel(this.token, this.#fd, true);
      this.#loop.engine.flush();
      closeDescriptor(this.#fd);
      done();
    };
    if (this.#channel === undefined) {
      end();
      return;
    }
    this.#whenEnded = end;
    this.#channel.end('the device ends');
    // A front end never keeps the end.
    let turns = 0;
    const patience = (): void => {
      if (this.#channel !== undefined && turns++ < closeTurns) this.#loop.nextTurn(patience);
    };
    patience();
  }
}

/** Listens at a path; a socket that nobody listens at any more makes room. @throws SystemError */
function listenAt(path: string, mode: number): number {
  // Nobody but us may connect before the mode is set.
  const before = process.umask(0o177);
  try {
    let fd = listenUnix(path, 16);
    if (fd === -Errno.EADDRINUSE && probeUnix(path) === -Errno.ECONNREFUSED) {
      unlinkSync(path);
      fd = listenUnix(path, 16);
    }
    if (fd < 0) throw new SystemError(-fd, 'listen', path);
    chmodSync(path, mode);
    return fd;
  } finally {
    process.umask(before);
  }
}
