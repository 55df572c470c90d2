// StackDatagrams: sockets of UDP of our own stack, as numbers, on the engine that drives it: who is told that datagrams wait, which frames are lent. Not here: their shape for
// applications (udp-socket.ts).

import type { Stack } from './stack.js';

/** Frames of received datagrams that applications may hold, of all: those that receive have to have the rest. */
const lentShare = 8;

/** Who is told. Returns whether all that waits was taken. */
export type DatagramReader = () => boolean;

/** See the file's head. */
export class StackDatagrams {
  readonly #stack: Stack;
  readonly #soon: () => void;
  readonly #readers = new Map<number, DatagramReader>();
  /** Sockets with something to read. */
  #due = new Set<number>();
  readonly #mostLent: number;
  /** Those that wait until frames are given back. */
  readonly #held = new Set<number>();
  #lent = 0;

  /** @param soon has the engine take a turn */
  constructor(stack: Stack, soon: () => void) {
    this.#stack = stack;
    this.#soon = soon;
    this.#mostLent = Math.floor(stack.frames / lentShare);
  }

  /** Whether datagrams wait to be handed out. */
  get isDue(): boolean {
    return this.#due.size > 0;
  }

  /** Opens a socket for a port (0: any free one) of an address of ours: its number, or -errno. */
  open(host: string, port: number, reader: DatagramReader): number {
    const number = this.#stack.openDatagrams(host, port);
    if (number >= 0) this.#readers.set(number, reader);
    return number;
  }

  /** Closes a socket; what waits is dropped. */
  close(number: number): void {
    this.#readers.delete(number);
    this.#due.delete(number);
    this.#held.delete(number);
    this.#stack.core.udpClose(number);
  }

  /** Something happened to a socket of the stack. Returns whether it is one of these. */
  note(number: number): boolean {
    if (!this.#readers.has(number)) return false;
    this.#due.add(number);
    return true;
  }

  /** A socket is to be read, though nothing is new. */
  readAgain(number: number): void {
    if (!this.#readers.has(number)) return;
    this.#due.add(number);
    this.#soon();
  }

  /** Has what waits be read. What a reader leaves, or throws at, is for the next turn. */
  handOut(): void {
    if (this.#due.size === 0) return;
    const due = this.#due;
    this.#due = new Set();
    try {
      for (const number of due) {
        due.delete(number);
        let isDone = false;
        try {
          isDone = this.#readers.get(number)?.() ?? true;
        } finally {
          if (!isDone) this.readAgain(number);
        }
      }
    } finally {
      for (const number of due) this.readAgain(number);
    }
  }

  /**
   * The next datagram of a socket: its length; its frame is the application's, {@link pieceAddress} says where, {@link sender} from whom. -EAGAIN: none, or too many frames are
   * lent and it goes on when some are given back; else what was said of one that was sent, once.
   */
  receive(number: number, isLent: boolean): number {
    if (isLent && this.#lent >= this.#mostLent) {
      this.#held.add(number);
      return -11;
    }
    const length = this.#stack.core.udpReceive(number);
    if (length >= 0) this.#lent++;
    return length;
  }

  /** Where the datagram is that was received last. */
  get pieceAddress(): number {
    return this.#stack.pieceAddress;
  }

  /** Who sent the datagram that was received last. */
  sender(): { readonly host: string; readonly port: number } {
    return this.#stack.sender;
  }

  /** Gives the frame of a received datagram back. */
  recycle(address: number): void {
    this.#stack.core.recycle(address);
    this.#returned();
  }

  #returned(): void {
    this.#lent--;
    if (this.#held.size === 0) return;
    for (const number of this.#held) this.readAgain(number);
    this.#held.clear();
  }

  /** Where to write a datagram, in a frame of the application's; 0: none is free. */
  frame(): number {
    return this.#stack.core.udpFrame();
  }

  /** Gives a frame that was to be filled back. */
  drop(address: number): void {
    this.#stack.core.dropFrame(address);
  }

  /** Sends what lies in a frame of the application's: 0, or -errno. In any case the frame is not the application's any more. @param isReceived it is a received one */
  send(number: number, address: number, length: number, host: string, port: number, isReceived: boolean): number {
    const result = this.#stack.sendDatagram(number, address, length, host, port);
    // EBADF, EFAULT, EINVAL, EMSGSIZE, ENETUNREACH: it was left to us.
    if (result === -9 || result === -14 || result === -22 || result === -90 || result === -101)
      this.#stack.core.recycle(address);
    if (isReceived) this.#returned();
    this.#soon();
    return result;
  }

  /** The port of a socket. */
  port(number: number): number {
    return this.#stack.core.udpPort(number);
  }
}
