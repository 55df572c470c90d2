// The one interface behind which the engines stand: io_uring, epoll, and the fake one of the fault tests.
// It is completion-based: an operation is begun with a token and ends in exactly one final event, later, in turn().
// Nothing is allocated for an operation; a token is a small integer that the caller may use again once every
// operation begun with it has ended.
//
// In whose hands each byte is: received bytes lie in a frame of the engine until the caller recycles it;
// bytes to send belong to the caller again when `sent` came for them, and may not change before.

import type { SocketAddress } from '../kernel/socket.js';
import type { FileOperations } from './file-operations.js';
import type { PairedSends } from './paired-sends.js';
import type { ZeroCopy } from './zero-copy.js';

/** Errors of events are negative errno values, as the kernel gives them. */
export interface EngineEvents {
  /** Called once a turn, after the wait and before the first event: the moment to look at the clock. */
  waited(): void;
  /** A connection: its descriptor, or -errno. `more` false: accepting ended and must be begun again. */
  accepted(token: number, result: number, more: boolean): void;
  /**
   * Bytes came (`result` of them, in `frame`, to be recycled), or the stream ended (0), or failed (-errno).
   * `more` false: receiving ended; -ENOBUFS then means that frames were short and it may be begun again.
   */
  received(token: number, result: number, frame: number, more: boolean): void;
  /** A send ended: bytes taken, which may be fewer than asked, or -errno. */
  sent(token: number, result: number): void;
  /** The socket takes bytes again (>= 0), or -errno. */
  writable(token: number, result: number): void;
  /** A range of a file was fetched into the page cache (>= 0), or -errno. */
  fetched(token: number, result: number): void;
  /** An operation on a file ({@link FileOperations}) ended: what it says of its event. */
  moved(token: number, result: number): void;
  /** A watched descriptor became readable. `more` false: watching ended. */
  readable(token: number, result: number, more: boolean): void;
}

/** In a range that is fetched, one byte of each stretch of this many is waited for: disks rarely read smaller pieces. */
export const fetchStretchBytes = 64 * 1024;

/** One facility of the kernel that moves bytes between descriptors and memory, driven from one thread. */
export interface Engine {
  readonly name: 'uring' | 'epoll' | 'bypass' | 'fake';
  /** A descriptor that polls readable when turn() has something to do: for someone else's loop. */
  readonly descriptor: number;
  /** Every receive frame; frame `f` begins at `f * receiveFrameBytes`. */
  readonly receiveBytes: Uint8Array;
  readonly receiveFrameBytes: number;
  /** Receive frames that are in the caller's hands. */
  readonly framesLent: number;
  /** Called when something waits for a turn that no event will bring: the owner must call turn(0) in `delayMs`. */
  onBegun: ((delayMs: number) => void) | undefined;

  /** Accepts connections on a listening socket until cancelled. */
  accept(token: number, fd: number): void;
  /**
   * Takes one connection that waits on a listening socket which is not being accepted on, and goes on to the next by the
   * next call. Its descriptor, or -errno (-EAGAIN: none waits).
   */
  acceptNow(fd: number): number;
  /** Ends listening: whoever connects from now on is refused by the kernel. The descriptor stays its owner's. */
  stopListening(fd: number): void;
  /**
   * Receives from a stream until it ends, fails, or is stopped; with `once` until something came, which is then the final
   * event: a connection that is closed after its first request has nothing to cancel.
   */
  receive(token: number, fd: number, once?: boolean): void;
  /** Ends receiving; bytes on their way may still come before the final event (-ECANCELED). */
  stopReceive(token: number, fd: number): void;
  /** Sends bytes at an address. `flags` adds MSG bits (MSG_MORE). One send a token at a time. */
  send(token: number, fd: number, address: number, length: number, flags: number): void;
  /** As {@link send}, of a msghdr at an address; the header and its iovecs stay until `sent`. */
  sendMessage(token: number, fd: number, header: number, flags: number): void;
  /** Waits until the socket takes bytes. Not at the same time as a send of the same token. */
  awaitWritable(token: number, fd: number): void;
  /** Brings a range of a file into the page cache without blocking this thread. */
  fetch(token: number, file: number, offset: number, length: number): void;
  /**
   * Watches a descriptor for input until cancelled. There is an event when input comes, not as long as some is left:
   * whoever is told reads until nothing is there.
   */
  watch(token: number, fd: number): void;
  /**
   * Ends every operation on a descriptor, each with its final event (-ECANCELED or what it had reached).
   * @param closing the descriptor is closed as soon as they came, and nothing is begun on it before.
   */
  cancel(token: number, fd: number, closing?: boolean): void;
  /**
   * Makes a socket ready for {@link sendFile}, which must not block (on), or for {@link receive} to be begun on it
   * (off). While it is on, a send may end early or with -EAGAIN; so may a receive that was begun in the same turn, just
   * before, and it can be begun again after off.
   */
  directCalls(fd: number, on: boolean): void;
  /** Sends bytes now, as far as the socket takes them; `flags` adds MSG bits. Bytes taken or -errno (-EAGAIN: full). */
  sendNow(fd: number, address: number, length: number, flags: number): number;
  /** sendfile(2) now, while {@link directCalls} is on. Bytes taken, 0 where the file ends, or -errno. */
  sendFile(fd: number, file: number, offset: number, length: number): number;
  /**
   * As {@link sendNow}, of a msghdr at an address. -EFAULT: none of the bytes at its beginning is there (a mapped file that became
   * shorter).
   */
  sendMessageNow(fd: number, header: number, flags: number): number;
  /**
   * Takes a range of a file into the engine's one pipe, by reference. Bytes taken (fewer: the pipe is full), 0 where the file ends,
   * or -errno (-EAGAIN: the pipe is full). Whoever fills it calls {@link sendPipe} before anybody else fills it.
   */
  fillPipe(file: number, offset: number, length: number): number;
  /**
   * Sends what is in the pipe, while {@link directCalls} is on; `more` says that more follows at once. The pipe is empty afterwards
   * in any case. Bytes taken or -errno.
   */
  sendPipe(fd: number, more: boolean): number;
  /** While it is on, bytes that fill no packet wait for what follows; off sends them. For {@link sendFile}, which cannot say so. */
  cork(fd: number, on: boolean): void;
  /** Bytes given to a socket that its peer has not acknowledged; 0 when it cannot be told. */
  unacknowledged(fd: number): number;
  /** Ends the sending direction: the peer reads what was sent, then the end. */
  finish(fd: number): void;
  /**
   * Throws away up to `length` bytes that have arrived on a socket that is not being received from. Returns how many, 0
   * when the peer ended its side, or -errno (-EAGAIN: nothing is there).
   */
  discard(fd: number, length: number): number;
  /** Who is at the other end of a socket. @throws SystemError where nobody is any more. */
  peerAddress(fd: number): SocketAddress;
  /** Whether a socket still has a peer: false when that is gone for good. */
  isConnected(fd: number): boolean;
  /** Holds a socket to so many bytes a second; -1: no limit. A socket that cannot be paced is not. */
  pace(fd: number, bytesPerSecond: number): void;
  /** Closes a socket; every operation on it must have ended. Within a turn it may be closed at its end, with others. */
  closeSocket(fd: number): void;
  /** How a socket must be opened for this engine. */
  readonly nonBlockingSockets: boolean;
  /** A send with these flags is a call of its own now: {@link sendNow} costs less, since nobody has to be told of it later. It may change from event to event. */
  sendsAtOnce(flags: number): boolean;
  /** Sending out of memory that stays where it is; undefined where the engine has no such calls. */
  readonly zeroCopy?: ZeroCopy;
  /** Heads and bodies of many sockets, sent together now; undefined where the engine has no such calls. */
  readonly pairs?: PairedSends | undefined;
  /** Operations on files that end later; undefined where the engine has no such calls. */
  readonly files?: FileOperations;
  /** Gives a receive frame back. */
  recycle(frame: number): void;

  /** Hands over to the kernel what was begun, where that is not done at once: it need not wait for the next turn. */
  flush(): void;
  /**
   * Submits what was begun, waits for events at most `waitMs` milliseconds (0: not at all; -1: without end),
   * and hands each event to the sink. Returns the number of events.
   */
  turn(waitMs: number, events: EngineEvents): number;
  /**
   * Ends the engine, outside of {@link turn}. Descriptors given to it stay open and are free of it when this returns;
   * operations under way are dropped without events, and connections that it accepted and nobody was told of are closed.
   * A second call does nothing.
   */
  close(): void;
}
