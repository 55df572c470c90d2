// The calls of an engine that are made on the spot, not begun: the same for every engine of the kernel. Not here: what is begun and
// ends later (uring/, epoll/).

import { MSG } from '../kernel/constants.js';
import {
  corkSocket,
  discardReceived,
  hasPeer,
  peerAddress,
  type SocketAddress,
  send,
  sendFile,
  sendMessage,
  setPacingRate,
  shutdownListening,
  shutdownSending,
  unsentBytes,
} from '../kernel/socket.js';
import { ListedPairs } from './listed-pairs.js';
import { SendPipe } from './send-pipe.js';

/** What an engine of the kernel begins with; see {@link Engine} for each call. */
export class DirectCalls {
  readonly #pipe = new SendPipe();
  /** Made when they are asked for; null where there are none. */
  #pairs: ListedPairs | null | undefined;

  /** As {@link Engine.pairs}. */
  get pairs(): ListedPairs | undefined {
    if (this.#pairs === undefined) this.#pairs = ListedPairs.open() ?? null;
    return this.#pairs ?? undefined;
  }

  /** Gives back what the calls need; the engine calls it at its end. */
  protected closeCalls(): void {
    this.#pipe.close();
    this.#pairs?.close();
  }

  /** As {@link Engine.stopListening}. */
  stopListening(fd: number): void {
    shutdownListening(fd);
  }

  /** As {@link Engine.sendNow}. */
  sendNow(fd: number, address: number, length: number, flags: number): number {
    return send(fd, address, length, flags | MSG.DONTWAIT);
  }

  /** As {@link Engine.sendFile}. */
  sendFile(fd: number, file: number, offset: number, length: number): number {
    return sendFile(fd, file, offset, length);
  }

  /** As {@link Engine.sendMessageNow}. */
  sendMessageNow(fd: number, header: number, flags: number): number {
    return sendMessage(fd, header, flags | MSG.DONTWAIT);
  }

  /** As {@link Engine.fillPipe}. */
  fillPipe(file: number, offset: number, length: number): number {
    return this.#pipe.fill(file, offset, length);
  }

  /** As {@link Engine.sendPipe}. */
  sendPipe(fd: number, more: boolean): number {
    return this.#pipe.send(fd, more);
  }

  /** As {@link Engine.cork}. */
  cork(fd: number, on: boolean): void {
    corkSocket(fd, on);
  }

  /** As {@link Engine.unacknowledged}. */
  unacknowledged(fd: number): number {
    return unsentBytes(fd);
  }

  /** As {@link Engine.finish}. */
  finish(fd: number): void {
    shutdownSending(fd);
  }

  /** As {@link Engine.discard}. */
  discard(fd: number, length: number): number {
    return discardReceived(fd, length);
  }

  /** As {@link Engine.peerAddress}. @throws SystemError */
  peerAddress(fd: number): SocketAddress {
    return peerAddress(fd);
  }

  /** As {@link Engine.isConnected}. */
  isConnected(fd: number): boolean {
    return hasPeer(fd);
  }

  /** As {@link Engine.pace}. */
  pace(fd: number, bytesPerSecond: number): void {
    setPacingRate(fd, bytesPerSecond);
  }
}
