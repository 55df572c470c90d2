// The application of a script: its calls on descriptors, made on the stack. A write takes all that it is given, as a large enough buffer of a socket would, and
// hands it over as the stack takes it. Not here: when a call is made, and the wire.

import { Setting } from '../../../src/core/control.js';
import type { TcpHost } from '../tcp-host.js';
import { Unsupported } from './peer.js';
import { type ScriptCall, splitWords } from './syntax.js';

const ERRORS: Readonly<Record<string, number>> = {
  EAGAIN: -11,
  EWOULDBLOCK: -11,
  EPIPE: -32,
  ECONNRESET: -104,
  ENOTCONN: -107,
  ETIMEDOUT: -110,
  ECONNREFUSED: -111,
  EHOSTUNREACH: -113,
  ENETUNREACH: -101,
  EINPROGRESS: -115,
  EINVAL: -22,
  EBADF: -9,
};
/** Settings of all sockets here; a script has one or two. */
const SETTINGS: Readonly<Record<string, { readonly name: keyof typeof Setting; readonly isSeconds: boolean }>> = {
  TCP_USER_TIMEOUT: { name: 'userTimeoutMs', isSeconds: false },
  TCP_KEEPIDLE: { name: 'keepIdleMs', isSeconds: true },
  TCP_KEEPINTVL: { name: 'keepIntervalMs', isSeconds: true },
  TCP_KEEPCNT: { name: 'keepProbes', isSeconds: false },
  TCP_LINGER2: { name: 'finWaitMs', isSeconds: true },
};
const EAGAIN = -11;
const EPIPE = -32;
const ENOTCONN = -107;
const NO_DELAY = 1;
const KEEP_ALIVE = 2;
/** Of no consequence here: nothing is bound twice, buffers are frames, and what the network is to do with packets. */
const IGNORED = /^(SO_REUSEADDR|SO_SNDBUF|SO_RCVBUF|SO_ZEROCOPY|SO_MARK|IP_TOS|IP_MTU_DISCOVER|IP_FREEBIND|TCP_INQ)$/;

interface Descriptor {
  /** The stack's number; -1: none yet. */
  socket: number;
  isListener: boolean;
  isNonBlocking: boolean;
  isCorked: boolean;
  /** Bytes that were written and are not handed over, and whether more are to come. */
  waiting: number;
  hasMore: boolean;
  /** How much was handed over, for what stands in it. */
  written: number;
  /** Bytes that were received and not read. */
  unread: number;
  hasEnd: boolean;
  isShutRead: boolean;
  error: number;
}

/** See the file's head. */
export class Application {
  readonly #host: TcpHost;
  readonly #remote: string;
  readonly #port: number;
  readonly #descriptors = new Map<number, Descriptor>();

  constructor(host: TcpHost, remote: string, port: number) {
    this.#host = host;
    this.#remote = remote;
    this.#port = port;
  }

  /** Hands over what was written, and takes in what arrived, as far as possible. */
  work(): void {
    this.#host.events();
    for (const descriptor of this.#descriptors.values()) if (descriptor.socket >= 0) this.#flush(descriptor);
  }

  /** Makes a call. Its result, -errno for an error; undefined: it waits, and is to be made again. @throws Unsupported */
  call(call: ScriptCall): number | undefined {
    const [first = ''] = call.words;
    const fd = Number(first);
    const descriptor = this.#descriptors.get(fd);
    if (call.name === 'socket' && call.error !== undefined) throw new Unsupported('sockets of other kinds');
    if (call.name === 'socket') return this.#open(Number(call.result), -1);
    if (descriptor === undefined) throw new Unsupported(`${call.name} on a descriptor that is no socket`);
    switch (call.name) {
      case 'bind':
        return 0;
      case 'fcntl':
        if (call.words[1] === 'F_SETFL') descriptor.isNonBlocking = call.words[2]!.includes('O_NONBLOCK');
        return call.words[1] === 'F_SETFL' ? 0 : Number(call.result);
      case 'listen':
        return this.#listen(descriptor, Number(call.words[1]));
      case 'accept':
        return this.#accept(descriptor, Number(call.result));
      case 'connect':
        return this.#connect(descriptor);
      case 'setsockopt':
        return this.#setOption(descriptor, call.words);
      case 'getsockopt':
        return this.#getOption(descriptor, call);
      case 'shutdown':
        return this.#shutdown(descriptor, call.words[1]!);
      case 'close':
        return this.#close(fd, descriptor);
      default:
        return this.#transfer(descriptor, call);
    }
  }

  /** The number of an error's name. */
  static errorOf(name: string): number {
    const error = ERRORS[name];
    if (error === undefined) throw new Unsupported(name);
    return error;
  }

  #open(fd: number, socket: number): number {
    this.#descriptors.set(fd, {
      socket,
      isListener: false,
      isNonBlocking: false,
      isCorked: false,
      waiting: 0,
      hasMore: false,
      written: 0,
      unread: 0,
      hasEnd: false,
      isShutRead: false,
      error: 0,
    });
    return fd;
  }

  #listen(descriptor: Descriptor, backlog: number): number {
    // Linux takes one more than it is told.
    descriptor.socket = this.#host.listen(this.#port, backlog + 1);
    descriptor.isListener = true;
    return Math.min(descriptor.socket, 0);
  }

  #accept(descriptor: Descriptor, fd: number): number | undefined {
    const socket = this.#host.core.accept(descriptor.socket);
    if (socket >= 0) return this.#open(fd, socket);
    return socket === EAGAIN && !descriptor.isNonBlocking ? undefined : socket;
  }

  #connect(descriptor: Descriptor): number | undefined {
    if (descriptor.socket < 0) {
      descriptor.socket = this.#host.connect(this.#remote, this.#port);
      if (descriptor.socket < 0) return descriptor.socket;
      if (descriptor.isNonBlocking) return ERRORS.EINPROGRESS;
    }
    if (this.#host.core.sendRoom(descriptor.socket) > 0) return 0;
    const error = this.#host.core.receive(descriptor.socket);
    return error === ENOTCONN ? undefined : error;
  }

  #setOption(descriptor: Descriptor, words: readonly string[]): number {
    const [, , name = '', value = ''] = words;
    const isOn = !/^\[0\]$/.test(value);
    if (name === 'TCP_NODELAY') {
      if (isOn) this.#push(descriptor);
      return this.#host.core.setOption(descriptor.socket, NO_DELAY, isOn ? 1 : 0);
    }
    if (name === 'SO_KEEPALIVE') return this.#host.core.setOption(descriptor.socket, KEEP_ALIVE, isOn ? 1 : 0);
    if (name === 'TCP_CORK') {
      descriptor.isCorked = isOn;
      if (!isOn) this.#push(descriptor);
      return 0;
    }
    const setting = SETTINGS[name];
    if (setting !== undefined) {
      const number = Number(/\d+/.exec(value)![0]) * (setting.isSeconds ? 1000 : 1);
      this.#host.data.setUint32(this.#host.control + Setting[setting.name], number, true);
      return 0;
    }
    if (!IGNORED.test(name)) throw new Unsupported(`setsockopt ${name}`);
    return 0;
  }

  #getOption(descriptor: Descriptor, call: ScriptCall): number {
    if (call.words[2] !== 'SO_ERROR') return Number(call.result);
    const wanted = call.words[3]!.replace(/[[\]]/g, '');
    const error = this.#takeError(descriptor);
    const expected = wanted === '0' ? 0 : Application.errorOf(wanted);
    if (error !== expected) throw new Error(`SO_ERROR is ${error}`);
    return 0;
  }

  #shutdown(descriptor: Descriptor, how: string): number {
    if (how !== 'SHUT_WR') descriptor.isShutRead = true;
    if (how === 'SHUT_RD') return 0;
    this.#flush(descriptor);
    if (descriptor.waiting > 0) throw new Unsupported('an end behind what no frame was free for');
    return this.#host.core.shutdown(descriptor.socket);
  }

  #close(fd: number, descriptor: Descriptor): number {
    this.#descriptors.delete(fd);
    if (descriptor.socket < 0) return 0;
    this.#flush(descriptor);
    if (descriptor.unread > 0) return this.#host.core.abort(descriptor.socket);
    return this.#host.core.close(descriptor.socket);
  }

  #transfer(descriptor: Descriptor, call: ScriptCall): number | undefined {
    const flags = call.words.at(-1)!;
    if (/MSG_(FASTOPEN|ERRQUEUE|EOR|ZEROCOPY|OOB|PEEK)/.test(call.words.join(' '))) throw new Unsupported(flags);
    if (call.words[1] === 'NULL') throw new Unsupported('addresses that are none');
    switch (call.name) {
      case 'write':
        return this.#write(descriptor, Number(call.words[2]), false, call);
      case 'send':
      case 'sendto':
        return this.#write(descriptor, Number(call.words[2]), flags.includes('MSG_MORE'), call);
      case 'sendmsg':
        return this.#write(descriptor, vectorBytes(call.words[1]!), flags.includes('MSG_MORE'), call);
      case 'read':
      case 'recv':
      case 'recvfrom':
        return this.#read(descriptor, Number(call.words[2]));
      case 'recvmsg':
        if (call.words[1]!.includes('msg_control')) throw new Unsupported('control messages');
        return this.#read(descriptor, vectorBytes(call.words[1]!));
      case 'ioctl':
        return this.#inQueue(descriptor, call);
      default:
        throw new Unsupported(call.name);
    }
  }

  #write(descriptor: Descriptor, bytes: number, hasMore: boolean, call: ScriptCall): number {
    if (this.#host.core.sendRoom(descriptor.socket) < 0) {
      const error = this.#takeError(descriptor);
      return error !== 0 ? error : EPIPE;
    }
    // Where the script's kernel takes a part for want of a buffer, that part is what is written.
    const taken = call.error === undefined ? Math.min(bytes, Math.max(0, Number(call.result))) : bytes;
    descriptor.waiting += taken;
    descriptor.hasMore = hasMore;
    this.#flush(descriptor);
    return taken;
  }

  #flush(descriptor: Descriptor): void {
    while (descriptor.waiting > 0) {
      const most = this.#host.core.sendBytes(descriptor.socket);
      const isLast = descriptor.waiting <= most;
      const more = !isLast || descriptor.hasMore || descriptor.isCorked ? 1 : 0;
      const sent = this.#host.sendPiece(descriptor.socket, 0, descriptor.written, descriptor.waiting, more);
      if (sent <= 0) break;
      descriptor.waiting -= sent;
      descriptor.written += sent;
    }
  }

  #push(descriptor: Descriptor): void {
    descriptor.hasMore = false;
    this.#flush(descriptor);
    this.#host.core.pushSocket(descriptor.socket);
  }

  #drain(descriptor: Descriptor): void {
    const { core } = this.#host;
    for (;;) {
      const length = core.receive(descriptor.socket);
      if (length <= 0) {
        if (length === 0) descriptor.hasEnd = true;
        else if (length !== EAGAIN && length !== ENOTCONN) descriptor.error = length;
        return;
      }
      descriptor.unread += length;
      core.recycle(this.#host.place('pieceAddress'));
    }
  }

  #read(descriptor: Descriptor, most: number): number | undefined {
    this.#drain(descriptor);
    const bytes = Math.min(most, descriptor.unread);
    descriptor.unread -= bytes;
    if (bytes > 0) return bytes;
    if (descriptor.error !== 0) return this.#takeError(descriptor);
    if (descriptor.hasEnd || descriptor.isShutRead) return 0;
    return descriptor.isNonBlocking ? EAGAIN : undefined;
  }

  #inQueue(descriptor: Descriptor, call: ScriptCall): number {
    if (call.words[1] !== 'SIOCINQ') throw new Unsupported(call.words[1]!);
    this.#drain(descriptor);
    if (`[${descriptor.unread}]` !== call.words[2]) throw new Error(`${descriptor.unread} bytes wait`);
    return 0;
  }

  #takeError(descriptor: Descriptor): number {
    this.#drain(descriptor);
    const { error } = descriptor;
    descriptor.error = 0;
    return error;
  }
}

/** Bytes of `{msg_name(...)=..., msg_iov(2)=[{..., 100}, {..., 200}], msg_flags=0}`. */
function vectorBytes(text: string): number {
  const vector = /msg_iov\(\d+\)=\[([^\]]*)\]/.exec(text)?.[1] ?? '';
  return splitWords(vector).reduce((sum, item) => sum + Number(/(\d+)\s*\}/.exec(item)?.[1] ?? 0), 0);
}
