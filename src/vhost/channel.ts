// Channel: the socket of one front end. It reads messages whole, each with the descriptors that came with it, hands them to the session one by
// one, and sends its answers. While answers wait nothing is read, so that a front end that does not read costs no memory. It also watches the
// kicks of the queues. Not here: what messages mean (session.ts), who listens (vhost-server.ts).

import { S } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { clearOther, isEventDescriptor } from '../kernel/event.js';
import { emptyFileStatus, fileStatus } from '../kernel/file.js';
import { closeAll, receiveWithDescriptors, sendWithDescriptors } from '../kernel/pass-descriptors.js';
import { closeDescriptor } from '../kernel/socket.js';
import { Region } from '../memory/region.js';
import { Endpoint } from '../transport/endpoint.js';
import type { Loop } from '../transport/loop.js';
import { BackChannel } from './back-channel.js';
import type { MemoryPolicy } from './memory-table.js';
import { Flag, headerBytes, mostPayload } from './protocol.js';
import { Session, type SessionHost, type VhostDevice } from './session.js';
import type { Vring } from './vring.js';

/** Messages that are handled in one turn of the loop. */
const messagesATurn = 64;
/** Bytes of answers that may wait. */
const mostWaiting = 64 * 1024;

/**
 * Whether a descriptor can be waited for as a kick: an eventfd, a pipe, a socket. A file, a device or a timer may be ready without end and without anybody's
 * doing, or not be one that engines can watch at all, and what cannot be read (only its path was opened, it watches others) would never be empty.
 */
function canKick(fd: number): boolean {
  const status = emptyFileStatus();
  if (fileStatus(fd, status) < 0) return false;
  const kind = status.mode & S.IFMT;
  const isKind = kind === S.IFIFO || kind === S.IFSOCK || (kind === 0 && isEventDescriptor(fd));
  // A kick that is taken away here is not lost: a queue is looked at when it starts, and when it gets its kick.
  const count = isKind ? clearOther(fd) : -Errno.EINVAL;
  return count >= 0 || count === -Errno.EAGAIN;
}

/** Watches one queue's kick. */
class Kick extends Endpoint {
  readonly fd: number;
  readonly #loop: Loop;
  readonly #kicked: () => void;
  #isOver = false;

  constructor(loop: Loop, fd: number, kicked: () => void) {
    super();
    this.#loop = loop;
    this.fd = fd;
    this.#kicked = kicked;
    loop.register(this);
    loop.engine.watch(this.token, fd);
  }

  override readable(result: number, more: boolean): void {
    if (!more) {
      this.#loop.unregister(this);
      if (this.#isOver || result < 0) return;
    }
    if (this.#isOver) return;
    const count = clearOther(this.fd);
    // Its writer has gone: it would be readable for ever.
    if (count === 0 || (count < 0 && count !== -Errno.EAGAIN)) {
      this.end();
      return;
    }
    if (!more) {
      this.#loop.register(this);
      this.#loop.engine.watch(this.token, this.fd);
    }
    this.#kicked();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.token < 0) return;
    this.#loop.engine.cancel(this.token, this.fd);
    // Before its number may be another's.
    this.#loop.engine.flush();
  }
}

/** Who runs a channel. */
export interface ChannelHost {
  say(sentence: string): void;
  /** The front end has gone, and nothing of it is left. @param why in words, where it did not go by itself */
  ended(why: string | undefined): void;
  /** A queue was kicked. */
  kicked(vring: Vring): void;
}

/** See the file's head. It owns its socket. */
export class Channel extends Endpoint implements SessionHost {
  readonly session: Session;
  readonly #loop: Loop;
  readonly #host: ChannelHost;
  readonly #fd: number;
  readonly #memory = new Region(headerBytes + mostPayload + mostWaiting);
  readonly #kicks = new Map<Vring, Kick>();
  /** The message that is being read: its bytes so far, and what came with them. */
  #have = 0;
  readonly #fds: number[] = [];
  #back: BackChannel | undefined;
  /** Answers that wait: from, to, in the memory behind the message. */
  #outFrom = 0;
  #outTo = 0;
  /** Descriptors that go with them. */
  readonly #outFds: number[] = [];
  #isWriting = false;
  #isEnding = false;

  constructor(loop: Loop, fd: number, device: VhostDevice, host: ChannelHost, policy: MemoryPolicy) {
    super();
    this.#loop = loop;
    this.#fd = fd;
    this.#host = host;
    this.session = new Session(device, this, policy);
    loop.register(this);
    loop.engine.watch(this.token, fd);
    loop.nextTurn(() => this.#read());
  }

  override readable(_result: number, more: boolean): void {
    if (!more && !this.#isEnding) this.#loop.engine.watch(this.token, this.#fd);
    this.#read();
  }

  /** Reads and handles messages, as many as have a turn. */
  readonly #read = (): void => {
    for (let count = 0; count < messagesATurn; count++) {
      if (this.#isEnding || !this.session.isReady || this.#outFrom < this.#outTo) return;
      if (!this.#readMessage()) return;
    }
    this.#loop.nextTurn(this.#read);
  };

  /** Reads a message whole and handles it. False: it is not there yet, or the channel ends. */
  #readMessage(): boolean {
    const { data } = this.#memory;
    if (!this.#fill(headerBytes)) return false;
    const [request, flags, size] = [0, 4, 8].map((at) => data.getUint32(at, true)) as [number, number, number];
    if ((flags & Flag.versionMask) !== Flag.version || size > mostPayload) {
      this.end(`the front end sent a message of version ${flags & Flag.versionMask} and ${size} bytes`);
      return false;
    }
    if (!this.#fill(headerBytes + size)) return false;
    this.#have = 0;
    // Of its own: what comes later must not overwrite what a message that waits still reads.
    const payload = new Uint8Array(size);
    for (let index = 0; index < size; index++) payload[index] = this.#memory.bytes[headerBytes + index]!;
    const why = this.session.handle(request, flags, new DataView(payload.buffer), this.#fds.splice(0), this.#read);
    if (why !== undefined) this.end(why);
    return why === undefined;
  }

  /** Reads until so many bytes of the message are there. */
  #fill(bytes: number): boolean {
    while (this.#have < bytes) {
      const address = this.#memory.address + this.#have;
      const result = receiveWithDescriptors(this.#fd, address, bytes - this.#have, this.#fds);
      if (result > 0) this.#have += result;
      else if (result === -Errno.EAGAIN) return false;
      else if (result !== -Errno.EINTR) {
        this.end(result === 0 || result === -Errno.ECONNRESET ? undefined : `the socket failed (errno ${-result})`);
        return false;
      }
      if (this.#fds.length > 64) {
        this.end('the front end sent more descriptors than any message has');
        return false;
      }
    }
    return true;
  }

  /** As of RingsHost. */
  answer(request: number, payload: Uint8Array, fd = -1): void {
    const { bytes, data } = this.#memory;
    // No message is handled while an answer waits: a descriptor goes with the first byte of what is sent.
    const start = headerBytes + mostPayload;
    if (this.#outFrom === this.#outTo) this.#outFrom = this.#outTo = start;
    const end = this.#outTo + headerBytes + payload.length;
    if (end > bytes.length) {
      if (fd >= 0) closeDescriptor(fd);
      this.end('the front end reads no answers');
      return;
    }
    data.setUint32(this.#outTo, request, true);
    data.setUint32(this.#outTo + 4, Flag.version | Flag.reply, true);
    data.setUint32(this.#outTo + 8, payload.length, true);
    for (let index = 0; index < payload.length; index++) bytes[this.#outTo + headerBytes + index] = payload[index]!;
    if (fd >= 0) this.#outFds.push(fd);
    this.#outTo = end;
    this.#write();
  }

  #write(): void {
    while (this.#outFrom < this.#outTo && !this.#isWriting && !this.#isEnding) {
      const { engine } = this.#loop;
      const [address, length] = [this.#memory.address + this.#outFrom, this.#outTo - this.#outFrom];
      const result =
        this.#outFds.length > 0
          ? sendWithDescriptors(this.#fd, address, length, this.#outFds)
          : engine.sendNow(this.#fd, address, length, 0);
      if (result > 0) {
        this.#outFrom += result;
        closeAll(this.#outFds);
      } else if (result === -Errno.EAGAIN) {
        this.#isWriting = true;
        engine.awaitWritable(this.token, this.#fd);
      } else if (result !== -Errno.EINTR) this.end(undefined);
    }
  }

  override writable(_result: number): void {
    this.#isWriting = false;
    this.#write();
    this.#read();
  }

  /** As of RingsHost. */
  watchKick(vring: Vring, on: boolean): boolean {
    if (!on) {
      this.#kicks.get(vring)?.end();
      this.#kicks.delete(vring);
      return true;
    }
    if (!canKick(vring.kick)) return false;
    this.#kicks.set(vring, new Kick(this.#loop, vring.kick, () => this.#host.kicked(vring)));
    return true;
  }

  /** As of RingsHost. */
  look(vring: Vring): void {
    this.#host.kicked(vring);
  }

  /** As of RingsHost. */
  askForRange(address: number, access: number): boolean {
    return this.session.askForRange(address, access);
  }

  talkBack(fd: number): void {
    this.#back?.close();
    this.#back = new BackChannel(this.#loop, fd);
  }

  tell(request: number, payload: Uint8Array): boolean {
    return this.#back?.tell(request, payload) ?? false;
  }

  /** As of RingsHost. */
  say(sentence: string): void {
    this.#host.say(sentence);
  }

  /** Ends the session, and then the socket. @param why in words, for the operator */
  end(why: string | undefined): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    closeAll(this.#fds);
    closeAll(this.#outFds);
    const { engine } = this.#loop;
    engine.cancel(this.token, this.#fd, true);
    this.session.close(() => {
      this.#back?.close();
      this.#back = undefined;
      // In a later turn: what was cancelled ends first.
      this.#loop.nextTurn(() =>
        this.#loop.nextTurn(() => {
          this.#loop.unregister(this);
          engine.closeSocket(this.#fd);
          this.#memory.unmap();
          this.#host.ended(why);
        }),
      );
    });
  }
}
