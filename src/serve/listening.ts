// The sockets that a server listens on: every address of every host that was named, a Unix socket, and sockets that were handed
// over. Each worker has TCP sockets of its own on the same ports (SO_REUSEPORT); the others are shared by all.
// Not here: accepting (transport/listener.ts), how addresses are written (addresses.ts).

import { IPPROTO, TCP } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { deviceState } from '../kernel/network-device.js';
import { closeDescriptor, listenTcp, localAddress, setSocketOption } from '../kernel/socket.js';
import { SystemError } from '../kernel/system-error.js';
import { examineSocket, unixName } from '../kernel/unix-socket.js';
import { coded } from '../text/coded.js';
import type { ListenSocket } from '../transport/acceptor.js';
import { SocketFile } from '../transport/socket-file.js';
import { addressesOf, type ListenAddress } from './addresses.js';

/** What to listen on. */
export interface ListenOptions {
  /** Addresses and names; none: no TCP but for what is handed over. */
  readonly hosts: readonly string[];
  /** 0 takes a port that is free on every address. */
  readonly port: number;
  /** The path of a Unix socket, `@` in front: an abstract one. */
  readonly socket: string | undefined;
  /** Its file's permissions. */
  readonly socketMode: number;
  /** Descriptors of sockets that listen already, and stay whose they are. */
  readonly listenFds: readonly number[];
}

interface TcpAddress {
  readonly host: string;
  readonly port: number;
  /** IPv6 alone, because IPv4 is listened on beside it. */
  readonly v6Only: boolean;
}

/** How often another free port is tried that is free on every address. */
const portTries = 20;
/** Errnos of an address that a name leads to and this host does not have. */
const notOurs: ReadonlySet<number> = new Set([Errno.EADDRNOTAVAIL, Errno.EAFNOSUPPORT]);

/** What a server listens with. */
export interface ServerSockets {
  readonly addresses: readonly ListenAddress[];
  /** The sockets of one worker; those that are missing are opened. @throws SystemError */
  sockets(worker: number): readonly ListenSocket[];
  /** Gives up a worker's own sockets. */
  release(worker: number): void;
  /** Who comes from now on is told that nobody is there, as far as that can be said before the workers end. */
  withdraw(): void;
  /** Closes all but what was handed over. */
  close(): void;
}

/** See the file's head. */
export class Listening implements ServerSockets {
  readonly addresses: readonly ListenAddress[];
  readonly #tcp: readonly TcpAddress[];
  /** Sockets on {@link #tcp} that tell whether others listen there; a lone worker serves on them. */
  #probes: number[];
  readonly #shared: readonly ListenSocket[];
  readonly #own = new Map<number, number[]>();
  readonly #isAlone: boolean;
  readonly #file: SocketFile | undefined;

  private constructor(tcp: OpenTcp, handed: Handed, file: SocketFile | undefined, isAlone: boolean) {
    this.#tcp = tcp.addresses;
    this.#probes = tcp.fds;
    this.#file = file;
    this.#isAlone = isAlone;
    this.#shared = [...handed.sockets, ...(file === undefined ? [] : [{ fd: file.fd }])];
    const unix = file === undefined ? [] : [{ path: file.path }];
    this.addresses = [...handed.addresses, ...tcp.addresses.map(({ host, port }) => ({ host, port })), ...unix];
  }

  /**
   * Opens them.
   * @param warn is told of an address that is left out. @throws SystemError EADDRINUSE and its kin, Error, each with what to do
   */
  static async open(options: ListenOptions, workers: number, warn: (message: string) => void): Promise<Listening> {
    const handed = handedOver(options.listenFds);
    const tcp = await openAll(options, handed, warn);
    let file: SocketFile | undefined;
    try {
      if (options.socket !== undefined) file = new SocketFile(options.socket, options.socketMode);
    } catch (error) {
      tcp.fds.forEach(closeDescriptor);
      throw error;
    }
    return new Listening(tcp, handed, file, workers === 1);
  }

  /** The sockets of one worker; those that are missing are opened. @throws SystemError */
  sockets(worker: number): readonly ListenSocket[] {
    let own = this.#own.get(worker);
    if (own === undefined) {
      own = this.#isAlone ? this.#probes : this.#open();
      this.#own.set(worker, own);
    }
    return [...own.map((fd) => ({ fd })), ...this.#shared];
  }

  #open(): number[] {
    // The probes give way to the first worker's.
    this.#probes.forEach(closeDescriptor);
    this.#probes = [];
    const fds: number[] = [];
    try {
      for (const address of this.#tcp)
        fds.push(listenTcp({ ...address, host: withZoneNumber(address.host), reusePort: true }));
      return fds;
    } catch (error) {
      fds.forEach(closeDescriptor);
      throw error;
    }
  }

  /** Gives up a worker's own sockets: the kernel hands its connections to the others'. */
  release(worker: number): void {
    if (this.#isAlone) return;
    this.#own.get(worker)?.forEach(closeDescriptor);
    this.#own.delete(worker);
  }

  /** The name of the Unix socket goes first: who comes now is told that nobody is there. */
  withdraw(): void {
    this.#file?.remove();
  }

  /** Closes all but what was handed over. */
  close(): void {
    this.withdraw();
    this.#file?.close();
    for (const fds of this.#own.values()) if (fds !== this.#probes) fds.forEach(closeDescriptor);
    this.#own.clear();
    this.#probes.forEach(closeDescriptor);
    this.#probes = [];
  }
}

interface OpenTcp {
  readonly addresses: readonly TcpAddress[];
  readonly fds: number[];
}

/** Listens on every address of every host, on one port. */
async function openAll(options: ListenOptions, handed: Handed, warn: (message: string) => void): Promise<OpenTcp> {
  const wanted = new Map<string, string>();
  for (const name of options.hosts) {
    for (const host of await addressesOf(name)) {
      if (!wanted.has(host) && !handed.covers(host, options.port)) wanted.set(host, name);
    }
  }
  for (let attempt = 1; ; attempt++) {
    try {
      return openOn(wanted, options.port, warn);
    } catch (error) {
      const isTaken = error instanceof SystemError && error.errno === Errno.EADDRINUSE;
      if (!isTaken || options.port !== 0 || attempt === portTries) throw error;
    }
  }
}

/** @param wanted addresses, with the name that led to each. */
function openOn(wanted: ReadonlyMap<string, string>, wantedPort: number, warn: (message: string) => void): OpenTcp {
  const fds: number[] = [];
  const addresses: TcpAddress[] = [];
  const leftOut: SystemError[] = [];
  let port = wantedPort;
  try {
    for (const [host, name] of wanted) {
      const address = { host, port, v6Only: wanted.has('0.0.0.0') };
      try {
        const fd = listenTcp({ ...address, host: withZoneNumber(host) });
        fds.push(fd);
        port = localAddress(fd).port;
        addresses.push({ ...address, port });
      } catch (error) {
        // A name may lead to more than this host has (`::1` where IPv6 is off); an address was meant.
        if (name === host || !(error instanceof SystemError) || !notOurs.has(error.errno)) throw error;
        leftOut.push(error);
      }
    }
    if (fds.length === 0 && leftOut[0] !== undefined) throw leftOut[0];
  } catch (error) {
    fds.forEach(closeDescriptor);
    throw error;
  }
  for (const error of leftOut) warn(`an address is left out: ${error.message}`);
  return { addresses, fds };
}

/** A link-local address with its interface's number: not every interface (loopback) can be found by its addresses. */
function withZoneNumber(host: string): string {
  const [address, zone] = host.split('%');
  if (zone === undefined || /^\d+$/.test(zone) || zone.includes('/')) return host;
  const index = deviceState(zone)?.index;
  return index === undefined ? host : `${address}%${index}`;
}

interface Handed {
  readonly sockets: readonly ListenSocket[];
  readonly addresses: readonly ListenAddress[];
  /** Whether one of them listens there already. */
  covers(host: string, port: number): boolean;
}

/** Sockets that were handed over, each looked at. @throws Error one that is none, in a sentence */
function handedOver(fds: readonly number[]): Handed {
  const addresses = fds.map((fd): ListenAddress => {
    const kind = examineSocket(fd);
    if (typeof kind === 'object') {
      throw coded(
        'CLEARWAY_LISTEN',
        new Error(`descriptor ${fd}, handed over to listen on, ${kind.problem}: hand over stream sockets that listen`),
      );
    }
    if (kind === 'unix') return { path: unixName(fd) };
    // Accepted sockets inherit it: answers are whole when they are sent.
    setSocketOption(fd, IPPROTO.TCP, TCP.NODELAY, 1);
    return localAddress(fd);
  });
  return {
    sockets: fds.map((fd) => ({ fd, isBorrowed: true })),
    addresses,
    covers: (host, port) =>
      addresses.some(
        (each) =>
          'port' in each &&
          each.port === port &&
          (each.host === host || each.host === '::' || (each.host === '0.0.0.0' && !host.includes(':'))),
      ),
  };
}
