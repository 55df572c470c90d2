// BypassServer: listens at addresses of a network of our own TCP/IP, with the shape of Node's net.Server. Not here: the network (node-net.ts), connections (stack-stream.ts).

import { EventEmitter } from 'node:events';
import { Errno } from '../kernel/errno.js';
import { Acceptor, type AcceptorOwner } from '../transport/acceptor.js';
import type { Loop } from '../transport/loop.js';
import type { BypassEngine } from './bypass-engine.js';
import { misuse, NetworkError, portOf } from './node-errors.js';
import { StackStream, type StackStreamOptions } from './stack-stream.js';

/** Connections that wait to be accepted. */
const defaultBacklog = 511;
const mostBacklog = 65_535;
/** Ports from which a free one is taken, and how many are tried. */
const anyPort = { least: 32_768, most: 60_999, tries: 64 } as const;

/** How a server's connections behave; `signal` closes the server. */
export type BypassServerOptions = Omit<StackStreamOptions, 'timeout'>;

/** Where a server listens. */
export interface BypassListenOptions {
  /** 0, the default: any free one. */
  readonly port?: number | string;
  /** An address of the network. Default: all of them. */
  readonly host?: string;
  /** Connections that wait to be accepted. Default 511. */
  readonly backlog?: number;
  /** Closes the server when it is aborted. */
  readonly signal?: AbortSignal;
}

/** Events of a {@link BypassServer}. */
export interface BypassServerEvents {
  connection: [stream: StackStream];
  listening: [];
  /** It listens no more, and its last connection has ended. */
  close: [];
  error: [error: Error];
  /** A connection was refused, since there were `maxConnections`. */
  drop: [data: { readonly remoteAddress: string; readonly remotePort: number }];
}

/** What the network does for its servers. */
export interface ServerHome {
  readonly loop: Loop;
  readonly engine: BypassEngine;
  /** The network's own addresses. */
  readonly addresses: readonly string[];
  /** Takes a port of an address; gives it back some time after it is not used any more. @throws SystemError EADDRINUSE */
  take(host: string, port: number): void;
  leave(host: string, port: number): void;
  /** A connection that ends with the network. */
  keep(stream: StackStream): void;
}

/** See the file's head. Made by the network's `createServer`. */
export class BypassServer extends EventEmitter<BypassServerEvents> implements AcceptorOwner {
  readonly loop: Loop;
  /** More connections at once are refused; undefined: there is no bound but the stack's. */
  maxConnections: number | undefined;
  readonly #home: ServerHome;
  readonly #options: BypassServerOptions;
  readonly #acceptors = new Map<Acceptor, string>();
  #addresses: readonly { readonly host: string; readonly port: number }[] = [];
  #connections = 0;
  #isListening = false;

  constructor(home: ServerHome, options: BypassServerOptions = {}) {
    super();
    this.loop = home.loop;
    this.#home = home;
    this.#options = options;
    if (options.signal !== undefined) this.#closeOn(options.signal);
  }

  #closeOn(signal: AbortSignal): void {
    const close = (): void => void (this.#isListening && this.close());
    if (signal.aborted) process.nextTick(close);
    else signal.addEventListener('abort', close, { once: true });
  }

  /** Whether it listens. */
  get listening(): boolean {
    return this.#isListening;
  }

  /**
   * Listens, at an address of the network or at all; `listening` says that it does, `error` why not: EADDRINUSE, EADDRNOTAVAIL.
   * @throws RangeError ERR_SOCKET_BAD_PORT; Error ERR_SERVER_ALREADY_LISTEN
   */
  listen(options: BypassListenOptions, done?: () => void): this;
  listen(port?: number | string, done?: () => void): this;
  listen(port: number | string, host?: string, done?: () => void): this;
  listen(port: number | string, host?: string, backlog?: number, done?: () => void): this;
  /** Each of the forms above. */
  listen(first: BypassListenOptions | number | string = 0, ...rest: readonly unknown[]): this {
    if (this.#isListening)
      throw misuse(Error, 'ERR_SERVER_ALREADY_LISTEN', 'the server listens already: close it first');
    const named = typeof first === 'object' && first !== null ? first : { port: first };
    const done = rest.find((each) => typeof each === 'function') as (() => void) | undefined;
    const host = named.host ?? (rest.find((each) => typeof each === 'string') as string | undefined);
    const backlog = named.backlog ?? (rest.find((each) => typeof each === 'number') as number | undefined);
    const port = portOf(named.port ?? 0, 0);
    if (done !== undefined) this.once('listening', done);
    if (named.signal !== undefined) this.#closeOn(named.signal);
    this.#isListening = true;
    try {
      this.#open(port, host, Math.min(Math.max(1, Math.trunc(backlog ?? defaultBacklog) || 1), mostBacklog));
      process.nextTick(() => this.#isListening && this.emit('listening'));
    } catch (error) {
      this.#isListening = false;
      if (done !== undefined) this.off('listening', done);
      process.nextTick(() => this.emit('error', error as Error));
    }
    return this;
  }

  #open(port: number, host: string | undefined, backlog: number): void {
    const hosts = host === undefined || host === '::' || host === '0.0.0.0' ? this.#home.addresses : [host];
    if (port !== 0) {
      this.#openAll(hosts, port, backlog);
      return;
    }
    const span = anyPort.most - anyPort.least + 1;
    for (let tries = 1; ; tries++) {
      try {
        this.#openAll(hosts, anyPort.least + Math.floor(Math.random() * span), backlog);
        return;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || tries === anyPort.tries) throw error;
      }
    }
  }

  /** At all of them, or at none. */
  #openAll(hosts: readonly string[], port: number, backlog: number): void {
    const { engine } = this.#home;
    const opened: { readonly host: string; readonly fd: number }[] = [];
    const taken: string[] = [];
    try {
      for (const host of hosts) {
        if (!this.#home.addresses.includes(host)) throw new NetworkError(Errno.EADDRNOTAVAIL, 'listen', { host, port });
        const fd = engine.listen(host, port, backlog);
        if (fd < 0) throw new NetworkError(-fd, 'listen', { host, port });
        opened.push({ host, fd });
        this.#home.take(host, port);
        taken.push(host);
      }
    } catch (error) {
      for (const { fd } of opened) engine.stopListening(fd);
      for (const host of taken) this.#home.leave(host, port);
      throw error;
    }
    this.#addresses = hosts.map((host) => ({ host, port }));
    for (const { host, fd } of opened) {
      const acceptor = new Acceptor(this, { fd });
      this.#acceptors.set(acceptor, host);
      acceptor.begin();
    }
  }

  /** Where it listens, as of net.Server: the first of its addresses; null: it does not. */
  address(): { address: string; family: string; port: number } | null {
    const [first] = this.#addresses;
    if (first === undefined) return null;
    return { address: first.host, family: first.host.includes(':') ? 'IPv6' : 'IPv4', port: first.port };
  }

  /** For {@link Acceptor}. */
  acceptedOn(acceptor: Acceptor, result: number): void {
    if (result >= 0) this.#accepted(result);
    else if (result !== -Errno.ECANCELED) this.emit('error', new NetworkError(-result, 'accept'));
    if (acceptor.accepting) return;
    this.#home.engine.stopListening(acceptor.fd);
    this.loop.unregister(acceptor);
    this.#acceptors.delete(acceptor);
    this.#closeWhenDone();
  }

  #accepted(fd: number): void {
    const { engine, loop } = this.#home;
    const remote = engine.peerAddress(fd);
    if (this.maxConnections !== undefined && this.#connections >= this.maxConnections) {
      engine.resetSocket(fd);
      this.emit('drop', { remoteAddress: remote.host, remotePort: remote.port });
      return;
    }
    const { signal: _, ...options } = this.#options;
    const stream = new StackStream({ ...options, loop, engine, fd, remote, isConnecting: false });
    this.#connections++;
    stream.once('close', () => {
      this.#connections--;
      this.#closeWhenDone();
    });
    this.#home.keep(stream);
    this.emit('connection', stream);
  }

  #closeWhenDone(): void {
    if (this.#isListening || this.#acceptors.size > 0 || this.#connections > 0) return;
    if (this.#addresses.length === 0) return;
    for (const { host, port } of this.#addresses) this.#home.leave(host, port);
    this.#addresses = [];
    this.emit('close');
  }

  /** How many connections there are. */
  getConnections(done: (error: Error | null, count: number) => void): this {
    process.nextTick(done, null, this.#connections);
    return this;
  }

  /** Ends listening; connections go on, and `close` comes when the last has ended. */
  close(done?: (error?: Error) => void): this {
    if (!this.#isListening) {
      if (done !== undefined)
        process.nextTick(done, misuse(Error, 'ERR_SERVER_NOT_RUNNING', 'the server does not listen'));
      return this;
    }
    if (done !== undefined) this.once('close', () => done());
    this.#isListening = false;
    for (const acceptor of this.#acceptors.keys()) acceptor.cancel();
    return this;
  }

  /** The network has ended. */
  lost(): void {
    for (const acceptor of this.#acceptors.keys()) {
      this.#home.engine.stopListening(acceptor.fd);
      this.loop.unregister(acceptor);
    }
    this.#acceptors.clear();
    this.#isListening = false;
    setImmediate(() => this.#closeWhenDone());
  }
}
