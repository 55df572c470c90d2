// VhostServer: a Unix socket on which front ends come for one device, one at a time: who comes meanwhile waits in the socket's queue, and disturbs
// nobody. Not here: what is said over the socket (channel.ts).

import { setNonBlocking } from '../kernel/socket.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import { SocketFile } from '../transport/socket-file.js';
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

/** See the file's head. */
export class VhostServer extends Endpoint {
  readonly #loop: Loop;
  readonly #device: KickedDevice;
  readonly #options: VhostServerOptions;
  readonly #socket: SocketFile;
  #channel: Channel | undefined;
  /** When the last one went. */
  #goneMs = Number.NaN;
  #isClosed = false;
  #whenEnded: (() => void) | undefined;

  /** Listens. @throws SystemError, Error where somebody listens there already, or something else lies there */
  constructor(loop: Loop, device: KickedDevice, options: VhostServerOptions) {
    super();
    this.#loop = loop;
    this.#device = device;
    this.#options = options;
    this.#socket = new SocketFile(options.path, options.mode);
    // It is asked whether somebody waits, and never waited at.
    setNonBlocking(this.#socket.fd, true);
    loop.register(this);
    loop.engine.watch(this.token, this.#socket.fd);
  }

  override readable(result: number, more: boolean): void {
    if (this.#isClosed) return;
    if (!more) this.#loop.engine.watch(this.token, this.#socket.fd);
    if (result >= 0) this.#accept();
  }

  #accept(): void {
    if (this.#channel !== undefined || this.#isClosed) return;
    const fd = this.#loop.engine.acceptNow(this.#socket.fd);
    if (fd < 0) return;
    const { say, memory } = this.#options;
    const sinceMs = this.#loop.nowMs - this.#goneMs;
    say(`a front end connected${Number.isNaN(sinceMs) ? '' : ` again, after ${(sinceMs / 1000).toFixed(1)} s`}`);
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
    this.#goneMs = this.#loop.nowMs;
    this.#options.say(why === undefined ? 'the front end has gone' : `the front end is let go of: ${why}`);
    this.#whenEnded?.();
    // Somebody may have waited.
    this.#loop.nextTurn(() => this.#accept());
  }

  /** Ends it, and takes the socket away. @param done when nothing is under way any more */
  close(done: () => void): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.remove();
    const end = (): void => {
      this.#loop.engine.cancel(this.token, this.#socket.fd, true);
      this.#loop.engine.flush();
      this.#socket.close();
      done();
    };
    if (this.#channel === undefined) {
      end();
      return;
    }
    this.#whenEnded = end;
    this.#channel.end('the device ends');
  }
}
