// Our own TCP/IP with the shape of Node's net and dgram, on Node's own loop: a network is opened on a device, servers listen at its addresses, connections are streams, and
// there are sockets for datagrams. Not here: serving files, which needs no streams (serve/).

import { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import { Errno } from '../kernel/errno.js';
import { Loop } from '../transport/loop.js';
import { type EngineChoice, openEngine } from '../transport/open-engine.js';
import { BypassDevice, type PortProtocol } from './bypass-device.js';
import type { BypassEngine } from './bypass-engine.js';
import { type BypassOptions, planBypass } from './bypass-plan.js';
import { refuse } from './bypass-refusal.js';
import { BypassServer, type BypassServerOptions, type ServerHome } from './bypass-server.js';
import { Caretaker } from './caretaker.js';
import { bypassFigureNames } from './figures.js';
import { NetworkError, portOf } from './node-errors.js';
import { openQueue } from './open.js';
import { StackStream, type StackStreamOptions } from './stack-stream.js';
import { type BypassUdpOptions, BypassUdpSocket, type RemoteInfo } from './udp-socket.js';
import type { XdpLink } from './xdp-link.js';

/** How a network is opened. */
export interface BypassNetworkOptions extends BypassOptions {
  /** What drives files and timers beneath it. Default `auto`. */
  readonly engine?: EngineChoice;
}

/** To whom a connection is made. */
export interface BypassConnectOptions extends StackStreamOptions {
  readonly port: number | string;
  /** An address, not a name. */
  readonly host: string;
}

/** Events of a {@link BypassNetwork}. */
export interface BypassNetworkEvents {
  /** Something to know of: a gateway that does not answer, a device that is down or up again. */
  warning: [message: string];
  /** The device has gone: connections and sockets end with it. */
  error: [error: Error];
  close: [];
}

/** What ends with the network. */
interface Lost {
  lost(error?: Error): void;
}

/** A port of ours is not used for another connection, and not given back to the kernel, while late packets may come for the one before it. */
const restMs = 65_000;
/** Ports of shared addresses that are tried for a connection: the kernel may have one. */
const portTries = 16;

/** Our own TCP/IP on a device with one queue, on Node's loop; made by {@link openBypass}. */
export class BypassNetwork extends EventEmitter<BypassNetworkEvents> {
  readonly addresses: readonly string[];
  readonly #device: BypassDevice;
  readonly #engine: BypassEngine;
  readonly #link: XdpLink;
  readonly #loop: Loop;
  readonly #caretaker: Caretaker;
  readonly #open = new Set<Lost>();
  readonly #home: ServerHome;
  #isClosed = false;

  /** @throws BypassRefusal, XdpError, each with the fix */
  constructor(options: BypassNetworkOptions) {
    super();
    const plan = planBypass(options);
    if (plan.queues > 1)
      refuse(
        `${plan.device} receives on ${plan.queues} queues, and one thread works one: \`ethtool -L ${plan.device} combined 1\``,
      );
    this.addresses = plan.addresses.map(({ host }) => host);
    const { engine, link } = openQueue(plan, 0, openEngine(options.engine ?? 'auto'));
    this.#engine = engine;
    this.#link = link;
    this.#device = new BypassDevice(plan);
    try {
      this.#device.bring([{ queue: 0, fd: link.descriptor }]);
      this.#loop = new Loop(engine);
      this.#loop.attach();
    } catch (error) {
      this.#device.close();
      engine.close();
      throw error;
    }
    this.#caretaker = new Caretaker(this.#loop, engine.stack, plan, {
      warn: (message) => this.emit('warning', message),
      gone: (message) => this.#gone(message),
    });
    this.#home = {
      ...{ loop: this.#loop, engine, addresses: this.addresses },
      take: (host, port) => this.#device.take('tcp', host, port),
      leave: (host, port) => this.#leave('tcp', host, port),
      keep: (stream) => this.#keep(stream),
    };
  }

  /** Where packets are copied: by the kernel, or nowhere, since the card works in our memory. */
  get isZeroCopy(): boolean {
    return this.#link.socket.isZeroCopy;
  }

  /** Late packets of a connection come to us, and are answered by us. */
  #leave(protocol: PortProtocol, host: string, port: number): void {
    setTimeout(() => this.#device.leave(protocol, host, port), restMs).unref();
  }

  #keep(one: StackStream): void {
    this.#open.add(one);
    one.once('close', () => this.#open.delete(one));
  }

  #gone(message: string): void {
    const error = Object.assign(new NetworkError(Errno.ENETDOWN, 'read'), { message });
    this.#end(error);
    if (this.listenerCount('error') > 0) this.emit('error', error);
    else process.emitWarning(message);
  }

  /** A server; its listener is told of each connection. */
  createServer(listener?: (stream: StackStream) => void): BypassServer;
  createServer(options: BypassServerOptions, listener?: (stream: StackStream) => void): BypassServer;
  /** Each of the forms above. */
  createServer(
    first?: BypassServerOptions | ((stream: StackStream) => void),
    second?: (stream: StackStream) => void,
  ): BypassServer {
    const [options, listener] = typeof first === 'function' ? [{}, first] : [first ?? {}, second];
    const server = new BypassServer(this.#home, options);
    if (listener !== undefined) server.on('connection', listener);
    server.on('listening', () => this.#open.add(server));
    server.on('close', () => this.#open.delete(server));
    return server;
  }

  /** Begins a connection: the stream says `connect`, or ends with an error of Node's kind: ECONNREFUSED, ETIMEDOUT. @throws RangeError ERR_SOCKET_BAD_PORT */
  connect(options: BypassConnectOptions, connected?: () => void): StackStream;
  connect(port: number | string, host: string, connected?: () => void): StackStream;
  /** Each of the forms above. */
  connect(
    first: BypassConnectOptions | number | string,
    second?: string | (() => void),
    third?: () => void,
  ): StackStream {
    const options = typeof first === 'object' && first !== null ? first : { port: first, host: second as string };
    const connected = typeof second === 'function' ? second : third;
    const { port: given, host, ...rest } = options;
    const port = portOf(given, 1);
    const remote = { host: `${host}`, port };
    const begun = this.#begin(remote);
    const { fd, failure } = typeof begun === 'number' ? { fd: begun, failure: undefined } : { fd: -1, failure: begun };
    const stream = new StackStream({
      ...{ ...rest, loop: this.#loop, engine: this.#engine, fd, remote, isConnecting: true },
      ...(failure !== undefined && { failure }),
    });
    if (connected !== undefined) stream.once('connect', connected);
    const { localAddress, localPort } = stream;
    if (fd >= 0) this.#keep(stream);
    if (localAddress !== undefined && localPort !== undefined && this.#device.isShared(localAddress))
      stream.once('close', () => this.#leave('tcp', localAddress, localPort));
    return stream;
  }

  /** The engine's number, or why there is none. */
  #begin(remote: { readonly host: string; readonly port: number }): number | Error {
    const { host } = remote;
    if (this.#isClosed) return new NetworkError(Errno.ENETDOWN, 'connect', remote);
    const from = this.addresses.find((each) => each.includes(':') === host.includes(':'));
    if (isIP(host) === 0 || host.includes('%'))
      return new NetworkError(Errno.EINVAL, 'connect', remote, 'a host is an address here');
    if (from === undefined) return new NetworkError(Errno.EAFNOSUPPORT, 'connect', remote);
    if (this.#engine.stack.isWayKnown(host) === undefined)
      return new NetworkError(Errno.ENETUNREACH, 'connect', remote);
    for (let tries = 0; tries < portTries; tries++) {
      const fd = this.#engine.connect(from, host, remote.port);
      if (fd < 0) return new NetworkError(-fd, 'connect', remote);
      try {
        this.#device.take('tcp', from, this.#engine.ownAddress(fd)!.port);
        return fd;
      } catch {
        // A program of the host has the port: another one, then.
        this.#engine.resetSocket(fd);
      }
    }
    return new NetworkError(Errno.EADDRNOTAVAIL, 'connect', remote);
  }

  /** A socket for datagrams, as dgram's: `udp4` or `udp6`. Its listener is told of each message. */
  createSocket(
    type: 'udp4' | 'udp6' | BypassUdpOptions,
    listener?: (message: Buffer, from: RemoteInfo) => void,
  ): BypassUdpSocket {
    const socket = new BypassUdpSocket(
      {
        ...{ datagrams: this.#engine.datagrams, stack: this.#engine.stack, addresses: this.addresses },
        take: (host, port) => this.#device.take('udp', host, port),
        leave: (host, port) => this.#device.leave('udp', host, port),
        isOver: () => this.#isClosed,
      },
      typeof type === 'string' ? { type } : type,
    );
    if (listener !== undefined) socket.on('message', listener);
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  }

  /** While referenced, the default, an open network keeps the process alive. */
  ref(): this {
    this.#loop.keepAlive(true);
    return this;
  }

  /** It does not keep the process alive. */
  unref(): this {
    this.#loop.keepAlive(false);
    return this;
  }

  /** What was counted, by name: by the stack, and by the kernel of the socket. */
  figures(): Record<string, number> {
    const values = new Float64Array(bypassFigureNames.length);
    this.#link.readFigures(values);
    return Object.fromEntries(bypassFigureNames.map((name, index) => [name, values[index]!]));
  }

  #end(error?: Error): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#caretaker.close();
    for (const one of [...this.#open]) one.lost(error);
    this.#loop.close();
    this.#device.close();
    setImmediate(() => this.emit('close'));
  }

  /** Ends it; connections and sockets that are left end with it. The device is as it was. A second call does nothing. */
  close(): void {
    this.#end();
  }
}

/** Opens our own TCP/IP on a network device. @throws an error with the fix, where the host refuses */
export function openBypass(options: BypassNetworkOptions): BypassNetwork {
  return new BypassNetwork(options);
}
