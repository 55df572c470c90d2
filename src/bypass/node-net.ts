// Our own TCP/IP with the shape of Node's net, on Node's own loop: a network is opened on a device, servers listen at its addresses, and connections are streams. Not here:
// serving files, which needs no streams (serve/).

import { EventEmitter } from 'node:events';
import { Errno } from '../kernel/errno.js';
import { SystemError } from '../kernel/system-error.js';
import { Acceptor, type AcceptorOwner } from '../transport/acceptor.js';
import { Loop } from '../transport/loop.js';
import { type EngineChoice, openEngine } from '../transport/open-engine.js';
import { BypassDevice } from './bypass-device.js';
import type { BypassEngine } from './bypass-engine.js';
import { type BypassOptions, planBypass } from './bypass-plan.js';
import { bypassFigureNames } from './figures.js';
import { BypassSocket, type DatagramSender } from './node-datagrams.js';
import { openQueue } from './open.js';
import { StackStream } from './stack-stream.js';

/** Connections that wait to be accepted. */
const backlog = 511;

/** How a network is opened. */
export interface BypassNetworkOptions extends BypassOptions {
  /** What drives files and timers beneath it. Default `auto`. */
  readonly engine?: EngineChoice;
}

/** Events of a {@link BypassServer}. */
export interface BypassServerEvents {
  connection: [stream: StackStream];
  listening: [];
  close: [];
  error: [error: Error];
}

/** A server at addresses of a network; made by {@link BypassNetwork.createServer}. */
export class BypassServer extends EventEmitter<BypassServerEvents> implements AcceptorOwner {
  readonly loop: Loop;
  readonly #engine: BypassEngine;
  readonly #hosts: readonly string[];
  readonly #acceptors = new Set<Acceptor>();

  /** @param hosts the network's own addresses */
  constructor(loop: Loop, engine: BypassEngine, hosts: readonly string[]) {
    super();
    this.loop = loop;
    this.#engine = engine;
    this.#hosts = hosts;
  }

  /** Listens at an address of the network, or at all. @throws SystemError EADDRINUSE, EADDRNOTAVAIL */
  listen(port: number, host?: string): this {
    for (const each of host === undefined ? this.#hosts : [host]) {
      const fd = this.#engine.listen(each, port, backlog);
      if (fd < 0) throw new SystemError(-fd, 'listen', `on ${each}, port ${port}`);
      const acceptor = new Acceptor(this, { fd });
      this.#acceptors.add(acceptor);
      acceptor.begin();
    }
    setImmediate(() => this.emit('listening'));
    return this;
  }

  /** For {@link Acceptor}. */
  acceptedOn(acceptor: Acceptor, result: number): void {
    if (result >= 0) {
      const peer = this.#engine.peerAddress(result);
      this.emit('connection', new StackStream(this.loop, this.#engine, result, peer, false));
    } else if (result !== -Errno.ECANCELED)
      this.emit('error', new SystemError(-result, 'accept', 'through our TCP/IP'));
    if (!acceptor.accepting) this.#ended(acceptor);
  }

  #ended(acceptor: Acceptor): void {
    this.#engine.stopListening(acceptor.fd);
    this.loop.unregister(acceptor);
    this.#acceptors.delete(acceptor);
    if (this.#acceptors.size === 0) this.emit('close');
  }

  /** Ends listening; connections go on. */
  close(): void {
    for (const acceptor of this.#acceptors) acceptor.cancel();
  }
}

/** Our own TCP/IP on a device with one queue, on Node's loop; made by {@link openBypass}. */
export class BypassNetwork {
  readonly addresses: readonly string[];
  readonly #device: BypassDevice;
  readonly #engine: BypassEngine;
  readonly #loop: Loop;

  /** @throws BypassRefusal, XdpError, each with the mend */
  constructor(options: BypassNetworkOptions) {
    const plan = planBypass(options);
    if (plan.queues > 1)
      throw new Error(
        `${plan.device} receives on ${plan.queues} queues, and one thread works one: \`ethtool -L ${plan.device} combined 1\``,
      );
    this.addresses = plan.addresses.map(({ host }) => host);
    const { engine, link } = openQueue(plan, 0, openEngine(options.engine ?? 'auto'));
    this.#engine = engine;
    this.#device = new BypassDevice(plan);
    try {
      this.#device.bring([{ queue: 0, fd: link.descriptor }]);
    } catch (error) {
      engine.close();
      throw error;
    }
    this.#loop = new Loop(engine);
    this.#loop.attach();
  }

  /** A server; its listener is told of each connection. */
  createServer(listener?: (stream: StackStream) => void): BypassServer {
    const server = new BypassServer(this.#loop, this.#engine, this.addresses);
    if (listener !== undefined) server.on('connection', listener);
    return server;
  }

  /** Begins a connection: the stream says `connect`, or ends with an error. @throws SystemError for an address that cannot be */
  connect(port: number, host: string): StackStream {
    const from = this.addresses.find((each) => each.includes(':') === host.includes(':'));
    if (from === undefined) throw new SystemError(Errno.EAFNOSUPPORT, 'connect', `to ${host}`);
    const fd = this.#engine.connect(from, host, port);
    if (fd < 0) throw new SystemError(-fd, 'connect', `to ${host}, port ${port}`);
    return new StackStream(this.#loop, this.#engine, fd, { host, port }, true);
  }

  /** A socket of UDP; its listener gets each datagram. */
  createSocket(listener?: (bytes: Buffer, sender: DatagramSender) => void): BypassSocket {
    const socket = new BypassSocket(this.#engine);
    if (listener !== undefined) socket.on('message', listener);
    return socket;
  }

  /** What was counted, by name. */
  figures(): Record<string, number> {
    const values = new Float64Array(bypassFigureNames.length);
    this.#engine.stack.readFigures(values);
    return Object.fromEntries(bypassFigureNames.map((name, index) => [name, values[index]!]));
  }

  /** Ends it; connections that are left end with it. The device is as it was. */
  close(): void {
    this.#loop.close();
    this.#device.close();
  }
}

/** Opens our own TCP/IP on a network device. @throws an error with the mend, where the host refuses */
export function openBypass(options: BypassNetworkOptions): BypassNetwork {
  return new BypassNetwork(options);
}
