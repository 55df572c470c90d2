// ListPump: moves the entries of an output that has extents of files into a socket, by direct calls: what is in memory by messages,
// extents in the mode that their length calls for (send-modes.ts). When the socket is full it waits for room, when pages are cold it
// has them fetched first. A head and a small body wait for those of others, to be sent together (pair-queue.ts). Bounded work a turn, by what is
// left of the whole response, so that a fast reader of a large file leaves room for everyone else. Bytes of files are never in this process's hands.

import { MSG } from '../kernel/constants.js';
import { Errno } from '../kernel/errno.js';
import { Ahead } from './ahead.js';
import { smallBytes } from './bulk.js';
import { copyOut, isNotSpliceable } from './copy-out.js';
import type { FileCounts } from './file-counts.js';
import { KnownPages } from './known-pages.js';
import type { Loop } from './loop.js';
import type { Output, PinnedSource, QueuedEntry } from './output.js';
import { ReferencedSend } from './referenced-send.js';
import { RunMessage } from './run-message.js';
import { chooseMode, longFrom, SendMode } from './send-modes.js';
import { Shares } from './shares.js';

/** Why a response did not leave whole: its peer is gone, a file became shorter, or an errno of a file system. */
export type ExtentEnd = 'peer' | 'truncated' | number;

/** Bytes that a pipe is filled with at first, at least, and at most, for one call to the socket. */
const firstFill = 256 * 1024;
const leastFill = 64 * 1024;
const mostFill = 1024 * 1024;
/**
 * sendfile hands a socket 64 KiB at a time. Of more, what is held to a rate is corked: its socket is empty, and an acknowledgement that comes
 * between two of them pushes the end of the first as a packet of its own. On loopback that was every second packet, of 53 bytes, and the
 * call cost 1.4 times as much. What may leave as fast as it can fills the socket; corked, a mebibyte cost a tenth more there.
 */
const corkAbove = 64 * 1024;

/** Where the next extent is, and a walk from there: within one step. */
const here = new Ahead();
const ahead = new Ahead();

/** The connection as its pump sees it. */
interface PumpOwner {
  readonly token: number;
  readonly fd: number;
  sentBytes: number;
  /** Makes the socket ready for direct calls. */
  goDirect(): void;
  readonly counts: FileCounts;
  /** See Connection; none without it. */
  readonly rate?: number;
  /** Everything left, later than at once. */
  listSent(): void;
  /** @param reason what ended the response: see {@link ExtentEnd}. */
  listFailed(reason: ExtentEnd): void;
  pumpIdle(): void;
}

/** One per connection, used for each response in turn. */
export class ListPump {
  /** True while an operation of the engine is under way for the pump, or a turn or the time of a share is awaited. */
  waiting = false;
  readonly #loop: Loop;
  readonly #owner: PumpOwner;
  readonly #known = new KnownPages();
  #output: Output | undefined;
  /** The descriptor that is corked, -1: none. */
  #corked = -1;
  /** A pipe cannot be sent to this socket; and by reference nothing can, or not without a copy. */
  #isPipeless = false;
  #isCopied = false;
  /** How many sockets it was used for. */
  #uses = 0;
  /** What the socket took of the pipe lately: filling it with more would be for nothing. */
  #fill = firstFill;
  /** The place of its head and body among those that are sent together; -1: it has none there. */
  #pair = -1;
  /** The file of which pieces left by a message. */
  #mapped: unknown;
  /** What may still be sent in the loop's turn of this number. */
  #turn = -1;
  #budget = 0;
  #onTurn: (() => void) | undefined;
  /** What may leave by now of a response that is held to a rate, and when more may, if that is what is waited for. */
  readonly #shares = new Shares();
  #dueMs = Number.POSITIVE_INFINITY;

  constructor(loop: Loop, owner: PumpOwner) {
    this.#loop = loop;
    this.#owner = owner;
  }

  /** It is used for another socket, of which nothing is known. */
  renew(): void {
    this.#uses++;
    this.#isPipeless = false;
    this.#isCopied = false;
    this.#fill = firstFill;
  }

  /**
   * Begins to send everything that is in an output, and what is added meanwhile. True when all of it was sent at once; else it ends in
   * the owner's listSent or listFailed, the latter perhaps before this returns.
   */
  start(output: Output): boolean {
    this.#output = output;
    this.#known.reset();
    this.#mapped = undefined;
    this.#shares.begin(this.#owner.rate ?? 0, output.left, this.#loop.nowMs);
    return this.#run();
  }

  /** Sends as far as it goes now. True when everything is gone. */
  #run(): boolean {
    const output = this.#output!;
    // A lender that was just released may have stopped the pump.
    while (this.#output === output && !output.empty) {
      if (!this.#hasShare() || !this.#hasTurn(output)) return false;
      if (!this.#sendNext(output)) return false;
    }
    if (this.#output !== output) return false;
    this.#leave();
    return true;
  }

  /** Whether the response may go on by its rate; else its time is waited for. */
  #hasShare(): boolean {
    const shares = this.#shares;
    if (shares.left > 0) return true;
    const { dueMs } = shares;
    if (dueMs <= this.#loop.nowMs) {
      shares.next();
      return true;
    }
    // What is less than a packet waits, corked, until the kernel's timer sends it 200 ms later: sent at once it would be one more behind the
    // others, which BBR sent up to 20 ms late. Behind the last share nothing waits.
    this.waiting = true;
    this.#dueMs = dueMs;
    this.#loop.whenDue(this, dueMs);
    return false;
  }

  /** Whether there is something left of what may be sent in this turn; else a later one is waited for. */
  #hasTurn({ left }: Output): boolean {
    if (this.#turn !== this.#loop.turns) {
      this.#turn = this.#loop.turns;
      this.#budget = this.#loop.bulk.share(Math.min(left, this.#shares.left));
    }
    if (this.#budget > 0) return true;
    this.#waitTurn();
    return false;
  }

  /** The time of a share has come, perhaps of one that is not waited for any more. */
  due(nowMs: number): void {
    const dueMs = this.#dueMs;
    if (dueMs === Number.POSITIVE_INFINITY) return;
    if (nowMs < dueMs) this.#loop.whenDue(this, dueMs);
    else {
      this.#dueMs = Number.POSITIVE_INFINITY;
      this.#goOn();
    }
  }

  get #isHeldToRate(): boolean {
    return (this.#owner.rate ?? 0) > 0;
  }

  /** Bytes that may leave by one call, about. */
  get #most(): number {
    return Math.min(this.#budget, this.#shares.left);
  }

  /** One step. False: something is waited for, or it failed. */
  #sendNext(output: Output): boolean {
    const first = output.first!;
    here.begin(first, output.done);
    while (here.file === undefined) if (!here.next()) return this.#sendMessage(output, first, false);
    const mode = chooseMode(here, this.#loop.sendLimits, this.#mapped === here.file);
    if (mode === SendMode.sendfile && this.#isPaired(output, first)) return false;
    if (first.file === undefined) return this.#sendMessage(output, first, mode === SendMode.message);
    const isWhole = mode === SendMode.sendfile || (mode === SendMode.pipe && this.#isPipeless);
    const pinned = isWhole && !this.#isCopied ? first.file?.pinned : undefined;
    if (pinned !== undefined && this.#sendPinned(output, first, pinned)) return false;
    if (isWhole) return this.#sendFile(output, first);
    if (!this.#known.covers(here, here.length, this.#loop.nowMs)) return this.#fetch();
    return mode === SendMode.pipe ? this.#sendPieces(output, first) : this.#sendMessage(output, first, true);
  }

  /** Has a head and a small body, which are all that is to be sent, sent with those of others. False: they are sent alone. */
  #isPaired(output: Output, first: QueuedEntry): boolean {
    const { next } = first;
    const file = next?.file;
    const { left } = output;
    if (first.file !== undefined || file === undefined || next?.next !== undefined || next?.rest !== undefined)
      return false;
    if (output.done > 0 || left > smallBytes || left > this.#most || !this.#loop.isInTurn) return false;
    // It takes more than one step of a sendfile.
    if (here.length > corkAbove) return false;
    const { nowMs, pairs, engine } = this.#loop;
    const sends = engine.pairs;
    if (sends === undefined || (file.pinned !== undefined && !this.#isCopied && engine.zeroCopy !== undefined))
      return false;
    // Where it has to be fetched, its head leaves first.
    if (pairs.isFull || !this.#known.covers(here, here.length, nowMs)) return false;
    const { fd } = this.#owner;
    this.#owner.goDirect();
    this.#pair = pairs.add(sends, this, fd, first.place, first.length, file.fd, next!.place, next!.length);
    this.waiting = true;
    return true;
  }

  /** A head and a body were sent with those of others, as far as the socket took them. What stood in the way of the rest is found by calls of its own. */
  pairSent(result: number): void {
    this.#pair = -1;
    this.waiting = false;
    const output = this.#output;
    if (output === undefined) {
      if (result > 0) this.#owner.sentBytes += result;
      this.#owner.pumpIdle();
      return;
    }
    if (result <= 0) {
      if (this.#waits(result, 'peer')) this.#resume();
      return;
    }
    const ofMemory = Math.min(result, output.length);
    this.#count(SendMode.message, ofMemory);
    this.#count(SendMode.sendfile, result - ofMemory);
    output.take(result);
    this.#resume();
  }

  /** Sends segments, and with `extents` also short pieces of one file among and behind them, by one call. */
  #sendMessage(output: Output, first: QueuedEntry, extents: boolean): boolean {
    const { engine, nowMs } = this.#loop;
    const { fd } = this.#owner;
    const isSingle =
      first.file === undefined && (first.next === undefined || (first.next.file !== undefined && !extents));
    if (isSingle) return this.#sendSegment(output, first);
    const known = extents ? this.#known : undefined;
    const message = RunMessage.write(output, this.#most, this.#loop.sendLimits, known, nowMs);
    // No frame for a message, no addresses for the file, or it does not reach that far any more: sendfile says which.
    if (message === undefined)
      return first.file === undefined ? this.#sendSegment(output, first) : this.#sendFile(output, first);
    const { file, end } = message;
    const result = engine.sendMessageNow(fd, message.header, this.#more(message.bytes, output));
    message.release();
    if (file !== undefined) this.#mapped = file;
    if (result === -Errno.EFAULT) {
      // A page that is not there: beyond the file's end, or its disk failed.
      const isShort = file?.mapping?.reaches(end) === false;
      return this.#fail(file === undefined ? 'peer' : isShort ? 'truncated' : Errno.EIO);
    }
    return this.#took(output, SendMode.message, result) || this.#waits(result, 'peer');
  }

  #sendSegment(output: Output, { place, length }: QueuedEntry): boolean {
    const { done } = output;
    const flags = this.#more(length - done, output);
    const result = this.#loop.engine.sendNow(this.#owner.fd, place + done, length - done, flags);
    return this.#took(output, SendMode.message, result) || this.#waits(result, 'peer');
  }

  /** Sends what the output begins with, an extent, and the ones behind it through the pipe. */
  #sendPieces(output: Output, first: QueuedEntry): boolean {
    const { engine } = this.#loop;
    this.#owner.goDirect();
    const most = Math.min(this.#fill, this.#most);
    const filled = this.#fillPipe(most);
    // sendfile says why nothing of it can be had.
    if (filled === 0) return this.#sendFile(output, first);
    const result = engine.sendPipe(this.#owner.fd, this.#more(filled, output) !== 0);
    if (result === filled) this.#fill = Math.min(mostFill, Math.max(this.#fill, filled * 2));
    else if (result > 0) this.#fill = Math.max(leastFill, result);
    if (this.#took(output, SendMode.pipe, result)) return true;
    if (this.#isOfPeer(-result)) return this.#waits(result, 'peer');
    this.#isPipeless = true;
    return true;
  }

  /** Fills the pipe with up to `most` bytes of an extent and of those behind it that are in memory. Returns the bytes. */
  #fillPipe(most: number): number {
    const { engine, nowMs, sendLimits } = this.#loop;
    let filled = 0;
    ahead.from(here);
    do {
      const { file, place, length } = ahead;
      if (file === undefined || length >= longFrom(sendLimits) || !this.#known.covers(ahead, length, nowMs)) break;
      const asked = Math.min(length, most - filled);
      const result = engine.fillPipe(file.fd, place, asked);
      if (result > 0) filled += result;
      if (result < asked) break;
    } while (filled < most && ahead.next());
    return filled;
  }

  /** Sends what the output begins with, an extent, by sendfile. */
  #sendFile(output: Output, first: QueuedEntry): boolean {
    const { engine, nowMs } = this.#loop;
    const { fd } = this.#owner;
    const file = first.file!;
    const { done } = output;
    const offset = first.place + done;
    if (!this.#known.covers(here, Math.min(here.length, leastFill), nowMs)) return this.#fetch();
    const ask = Math.min(first.length - done, this.#known.room(file, offset, nowMs), this.#most);
    this.#owner.goDirect();
    if (output.extents > 1 || first.rest !== undefined || (ask > corkAbove && this.#isHeldToRate)) this.#cork(fd);
    let result = engine.sendFile(fd, file.fd, offset, ask);
    if (isNotSpliceable(result)) {
      result = copyOut(engine, fd, file.fd, offset, ask);
    }
    if (this.#took(output, SendMode.sendfile, result)) return true;
    // 0: the file ended before its extent did. Nothing may follow on this connection, or it would be read as body.
    return this.#waits(result, result === 0 ? 'truncated' : this.#isOfPeer(-result) ? 'peer' : -result);
  }

  /** Begins to send what the output begins with, an extent that is pinned in memory, by reference. False: there is no such call. */
  #sendPinned(output: Output, first: QueuedEntry, pinned: PinnedSource): boolean {
    const { zeroCopy } = this.#loop.engine;
    if (zeroCopy === undefined) return false;
    const { token, fd } = this.#owner;
    const offset = first.place + output.done;
    const ask = Math.min(first.length - output.done, pinned.room(offset), this.#most);
    const uses = this.#uses;
    const { references } = this.#owner.counts;
    const flags = this.#more(ask, output);
    const send = new ReferencedSend(pinned, offset, ask, flags, (copied) => {
      references[copied ? 1 : 0]!++;
      if (copied && uses === this.#uses) this.#isCopied = true;
    });
    this.waiting = true;
    // Of this turn, though it ends in another one.
    this.#loop.bulk.count(ask);
    zeroCopy.sendByReference(token, fd, send);
    return true;
  }

  /** A send by reference ended. */
  sent(result: number): void {
    this.waiting = false;
    const output = this.#output;
    if (output === undefined) this.#owner.pumpIdle();
    else if (this.#took(output, SendMode.reference, result) || this.#isRetried(result)) this.#resume();
  }

  /** What becomes of a send by reference that sent nothing. True: it is tried again at once, in another mode perhaps. */
  #isRetried(result: number): boolean {
    if (
      result === -Errno.EOPNOTSUPP ||
      result === -Errno.EINVAL ||
      result === -Errno.EFAULT ||
      result === -Errno.ENOMEM
    )
      this.#isCopied = true;
    else return this.#waits(result, 'peer');
    return true;
  }

  /** The flag that says that more follows at once: not behind the end of a share. */
  #more(bytes: number, output: Output): number {
    return bytes < Math.min(output.left, this.#shares.left) ? MSG.MORE : 0;
  }

  /** Takes note of what a call sent. False when it sent nothing. */
  #took(output: Output, mode: number, result: number): boolean {
    if (result <= 0) return false;
    this.#count(mode, result);
    output.take(result);
    return true;
  }

  /** Counts bytes that left. */
  #count(mode: number, bytes: number): void {
    this.#budget -= bytes;
    this.#shares.count(bytes);
    if (mode !== SendMode.reference) this.#loop.bulk.count(bytes);
    this.#owner.sentBytes += bytes;
    this.#owner.counts.modeBytes[mode]! += bytes;
  }

  /** A call gives the socket's errors and the file's alike: one whose socket is still connected is the file's. */
  #isOfPeer(errno: number): boolean {
    if (isTransient(-errno) || errno === Errno.EPIPE || errno === Errno.ECONNRESET) return true;
    return !this.#loop.engine.isConnected(this.#owner.fd);
  }

  /** What becomes of a call that sent nothing. True: it is made again at once. */
  #waits(result: number, reason: ExtentEnd): boolean {
    if (result === -Errno.EINTR) return true;
    if (result === -Errno.EAGAIN) {
      this.waiting = true;
      this.#loop.engine.awaitWritable(this.#owner.token, this.#owner.fd);
    } else if (result === -Errno.ENOBUFS) {
      this.#waitTurn();
    } else {
      this.#fail(reason);
    }
    return false;
  }

  #fetch(): false {
    this.waiting = true;
    this.#owner.counts.coldFetches++;
    this.#known.fetch(this.#loop, this.#owner.token, here);
    return false;
  }

  #fail(reason: ExtentEnd): false {
    this.#leave();
    this.#owner.listFailed(reason);
    return false;
  }

  #waitTurn(): void {
    this.waiting = true;
    this.#onTurn ??= () => this.#resume();
    this.#loop.whenBulk(this.#onTurn);
  }

  #cork(fd: number): void {
    if (this.#corked >= 0) return;
    this.#corked = fd;
    this.#loop.engine.cork(fd, true);
  }

  /** The output is not the pump's any more, and what is in the socket leaves. */
  #leave(): void {
    this.#output = undefined;
    this.#uncork();
  }

  #uncork(): void {
    if (this.#corked >= 0) this.#loop.engine.cork(this.#corked, false);
    this.#corked = -1;
  }

  /** The socket takes bytes again. */
  writable(_result: number): void {
    this.#goOn();
  }

  /** Goes on after a while, in which the file may have become another. */
  #goOn(): void {
    let entry = this.#output?.first;
    while (entry !== undefined && entry.file === undefined) entry = entry.next;
    if (entry?.file?.isChanged === true) {
      this.waiting = false;
      this.#fail('truncated');
    } else this.#resume();
  }

  /** A cold window arrived, or could not be read: then sendfile says why. */
  fetched(_result: number): void {
    this.#resume();
  }

  /** An awaited event came; the pump may have been stopped meanwhile. */
  #resume(): void {
    this.waiting = false;
    if (this.#output === undefined) this.#owner.pumpIdle();
    else if (this.#run()) this.#owner.listSent();
  }

  /** Gives the output up. If {@link waiting}, the owner's pumpIdle is called when the last operation has ended. */
  stop(): void {
    if (this.#output !== undefined) this.#leave();
    if (this.#pair >= 0) this.#loop.pairs.drop(this, this.#pair);
    if (this.#dueMs === Number.POSITIVE_INFINITY) return;
    this.#dueMs = Number.POSITIVE_INFINITY;
    this.waiting = false;
  }
}

function isTransient(result: number): boolean {
  return result === -Errno.EAGAIN || result === -Errno.EINTR || result === -Errno.ENOBUFS;
}
