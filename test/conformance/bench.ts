// The bench on which every engine is tested alike: an engine, sockets with a peer at their other end, and a recorder
// that holds each operation to the contract: every operation begun ends in exactly one final event.
// Not here: the tests.

import assert from 'node:assert/strict';
import { BypassEngine } from '../../src/bypass/bypass-engine.js';
import type { Engine, EngineEvents } from '../../src/engine/engine.js';
import { FakeEngine, type FakePeer } from '../../src/engine/fake.js';
import type { FileOperations } from '../../src/engine/file-operations.js';
import { EpollEngine } from '../../src/epoll/engine.js';
import { IoCall, SocketBatch } from '../../src/epoll/socket-batch.js';
import { IPPROTO, SO, SOL, TCP } from '../../src/kernel/constants.js';
import { Errno } from '../../src/kernel/errno.js';
import { platformIsLinux } from '../../src/kernel/ffi.js';
import {
  closeDescriptor,
  connectTcp,
  listenTcp,
  localAddress,
  receive,
  resetOnClose,
  send,
  setNonBlocking,
  setSocketOption,
  shutdownSending,
} from '../../src/kernel/socket.js';
import { Region } from '../../src/memory/region.js';
import { UringEngine } from '../../src/uring/engine.js';
import { JoinedStacks, nearHost } from '../support/joined-stacks.js';
import { StackPeer } from '../support/stack-peer.js';

/**
 * The engines that are tested; `listed` and `submitted` are epoll's where whatever is ready is read and answered by lists of calls, each of
 * them a system call, or all of them one.
 */
export type EngineName = 'uring' | 'epoll' | 'listed' | 'submitted' | 'bypass' | 'fake';
export const engineNames: readonly EngineName[] = ['uring', 'epoll', 'listed', 'submitted', 'bypass', 'fake'];

/** Sizes of an engine's parts; small ones make shortages. */
export interface Sizes {
  readonly frames?: number;
  readonly frameBytes?: number;
  readonly entries?: number;
}

/** Where the stack listens. */
const stackPort = 80;

/** Why an engine cannot be tested here, or false. */
export function skipReason(name: EngineName): string | false {
  if (!platformIsLinux) return 'needs Linux';
  if (name === 'listed' || name === 'submitted') {
    const batch = SocketBatch.open(IoCall.read, name);
    batch?.close();
    return batch === undefined && 'this host has no such lists of calls';
  }
  if (name !== 'uring') return false;
  try {
    new UringEngine().close();
    return false;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The peer's end of a connection. Nothing it does waits. */
export interface Peer {
  /** Writes as much as is taken now. Returns the bytes. */
  write(bytes: Uint8Array): number;
  /** Reads what is there, at most `most` bytes. */
  read(most?: number): Uint8Array;
  /** True after the end of the stream was read. */
  readonly ended: boolean;
  /** Ends its sending direction. */
  end(): void;
  close(): void;
  reset(): void;
}

const peerMemory = platformIsLinux ? new Region(256 * 1024) : undefined;

class RealPeer implements Peer {
  ended = false;
  #closed = false;
  readonly fd: number;

  constructor(fd: number) {
    this.fd = fd;
    setNonBlocking(fd, true);
    // What it writes is there at once, whatever was acknowledged of what it wrote before.
    setSocketOption(fd, IPPROTO.TCP, TCP.NODELAY, 1);
  }

  write(bytes: Uint8Array): number {
    let written = 0;
    while (written < bytes.length) {
      const part = bytes.subarray(written, written + peerMemory!.byteLength);
      peerMemory!.bytes.set(part);
      const result = send(this.fd, peerMemory!.address, part.length, 0);
      if (result === -Errno.EAGAIN) break;
      assert.ok(result > 0, `the peer's send: ${result}`);
      written += result;
    }
    return written;
  }

  read(most = Number.POSITIVE_INFINITY): Uint8Array {
    const parts: Uint8Array[] = [];
    let length = 0;
    while (length < most) {
      const result = receive(this.fd, peerMemory!.address, Math.min(peerMemory!.byteLength, most - length));
      if (result === -Errno.EAGAIN) break;
      if (result <= 0) {
        this.ended = true;
        break;
      }
      parts.push(Uint8Array.from(peerMemory!.bytes.subarray(0, result)));
      length += result;
    }
    return Buffer.concat(parts);
  }

  end(): void {
    shutdownSending(this.fd);
  }

  close(): void {
    // Once: the number may be someone else's by the second time.
    if (!this.#closed) closeDescriptor(this.fd);
    this.#closed = true;
  }

  reset(): void {
    resetOnClose(this.fd);
    this.close();
  }
}

class FakeEnd implements Peer {
  readonly #peer: FakePeer;
  #read = 0;

  constructor(peer: FakePeer) {
    this.#peer = peer;
    peer.room = 64 * 1024;
  }

  write(bytes: Uint8Array): number {
    this.#peer.write(bytes);
    return bytes.length;
  }

  read(most = Number.POSITIVE_INFINITY): Uint8Array {
    const got = this.#peer.got.bytes.subarray(this.#read);
    const taken = got.subarray(0, Math.min(most, got.length));
    this.#read += taken.length;
    this.#peer.room += taken.length;
    return Uint8Array.from(taken);
  }

  get ended(): boolean {
    return this.#peer.sawEnd && this.#read === this.#peer.got.length;
  }

  end(): void {
    this.#peer.end();
  }

  close(): void {
    this.#peer.close();
  }

  reset(): void {
    this.#peer.reset();
  }
}

/** One event as it came. */
export interface Recorded {
  readonly kind: Kind;
  readonly token: number;
  readonly result: number;
  readonly more: boolean;
}

type Kind = 'accept' | 'receive' | 'send' | 'writable' | 'fetch' | 'moved' | 'watch';

/** Begins operations, records their events, and fails when one ends twice or without having been begun. */
export class Recorder implements EngineEvents {
  readonly engine: Engine;
  readonly events: Recorded[] = [];
  /** Bytes received, by token. */
  readonly parts = new Map<number, Uint8Array[]>();
  /** While true, frames are kept instead of being given back. */
  holdFrames = false;
  readonly held: number[] = [];
  /** Called within each event. */
  on: ((event: Recorded) => void) | undefined;
  /** Called between the engine's wait and what comes of it. */
  onWaited: (() => void) | undefined;
  readonly #under = new Map<string, number>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  #begin(kind: Kind, token: number): void {
    const key = `${kind} ${token}`;
    this.#under.set(key, (this.#under.get(key) ?? 0) + 1);
  }

  #event(kind: Kind, token: number, result: number, more: boolean): void {
    const key = `${kind} ${token}`;
    const under = this.#under.get(key) ?? 0;
    assert.ok(under > 0, `${key}: an event (${result}) without an operation under way`);
    if (!more) this.#under.set(key, under - 1);
    const event = { kind, token, result, more };
    this.events.push(event);
    this.on?.(event);
  }

  /** True while an operation of this kind and token has not ended. */
  isUnderWay(kind: Kind, token: number): boolean {
    return (this.#under.get(`${kind} ${token}`) ?? 0) > 0;
  }

  /** Operations that have not ended. */
  get underWay(): number {
    let sum = 0;
    for (const count of this.#under.values()) sum += count;
    return sum;
  }

  accept(token: number, fd: number): void {
    this.#begin('accept', token);
    this.engine.accept(token, fd);
  }

  receive(token: number, fd: number, once = false): void {
    this.#begin('receive', token);
    this.engine.receive(token, fd, once);
  }

  send(token: number, fd: number, address: number, length: number, flags = 0): void {
    this.#begin('send', token);
    this.engine.send(token, fd, address, length, flags);
  }

  sendMessage(token: number, fd: number, header: number, flags = 0): void {
    this.#begin('send', token);
    this.engine.sendMessage(token, fd, header, flags);
  }

  awaitWritable(token: number, fd: number): void {
    this.#begin('writable', token);
    this.engine.awaitWritable(token, fd);
  }

  fetch(token: number, file: number, offset: number, length: number): void {
    this.#begin('fetch', token);
    this.engine.fetch(token, file, offset, length);
  }

  /** Begins an operation on a file. */
  file(token: number, begin: (files: FileOperations) => void): void {
    this.#begin('moved', token);
    begin(this.engine.files!);
  }

  watch(token: number, fd: number): void {
    this.#begin('watch', token);
    this.engine.watch(token, fd);
  }

  waited(): void {
    this.onWaited?.();
  }

  accepted(token: number, result: number, more: boolean): void {
    this.#event('accept', token, result, more);
  }

  received(token: number, result: number, frame: number, more: boolean): void {
    if (result > 0) {
      const start = frame * this.engine.receiveFrameBytes;
      const bytes = Uint8Array.from(this.engine.receiveBytes.subarray(start, start + result));
      const parts = this.parts.get(token) ?? [];
      parts.push(bytes);
      this.parts.set(token, parts);
      if (this.holdFrames) this.held.push(frame);
      else this.engine.recycle(frame);
    }
    this.#event('receive', token, result, more);
  }

  sent(token: number, result: number): void {
    this.#event('send', token, result, false);
  }

  writable(token: number, result: number): void {
    this.#event('writable', token, result, false);
  }

  fetched(token: number, result: number): void {
    this.#event('fetch', token, result, false);
  }

  moved(token: number, result: number): void {
    this.#event('moved', token, result, false);
  }

  readable(token: number, result: number, more: boolean): void {
    this.#event('watch', token, result, more);
  }

  /** Gives the frames back that were kept. */
  recycleHeld(): void {
    for (const frame of this.held.splice(0)) this.engine.recycle(frame);
  }

  /** What a token received so far. */
  bytes(token: number): Buffer {
    return Buffer.concat(this.parts.get(token) ?? []);
  }

  /** How many bytes a token received so far. */
  length(token: number): number {
    return (this.parts.get(token) ?? []).reduce((sum, part) => sum + part.length, 0);
  }

  /** The events of one kind and token. */
  of(kind: Kind, token: number): Recorded[] {
    return this.events.filter((event) => event.kind === kind && event.token === token);
  }

  /** The last event of one kind and token. */
  last(kind: Kind, token: number): Recorded | undefined {
    return this.of(kind, token).at(-1);
  }

  /** Turns until the condition holds. @throws AssertionError after twenty seconds. */
  until(condition: () => boolean, what: string): void {
    const limit = performance.now() + 20_000;
    while (!condition()) {
      if (performance.now() > limit) assert.fail(`${what}: not within 20 s; ${JSON.stringify(this.events.slice(-5))}`);
      this.engine.turn(1, this);
    }
  }

  /** Lets a few turns pass in which nothing more is expected. */
  settle(): void {
    for (let turns = 0; turns < 5; turns++) this.engine.turn(1, this);
  }
}

/** An engine with a listening socket, connections to it, and everything's end. */
export class Bench {
  readonly name: EngineName;
  readonly engine: Engine;
  readonly recorder: Recorder;
  readonly listening: number;
  readonly #peers: Peer[] = [];
  readonly #sockets = new Set<number>();
  readonly #joined: JoinedStacks | undefined;

  constructor(name: EngineName, sizes: Sizes = {}) {
    this.name = name;
    this.#joined = name === 'bypass' ? new JoinedStacks(new EpollEngine()) : undefined;
    this.engine =
      this.#joined?.near ??
      (name === 'uring' ? new UringEngine(sizes) : name === 'fake' ? fake(sizes) : epoll(name, sizes));
    this.recorder = new Recorder(this.engine);
    this.listening =
      this.engine instanceof FakeEngine
        ? this.engine.listen()
        : this.engine instanceof BypassEngine
          ? this.engine.listen(nearHost, stackPort, 1024)
          : listenTcp({ host: '127.0.0.1', port: 0, nonBlocking: this.engine.nonBlockingSockets });
  }

  /** A peer connects; its socket is to be accepted. */
  dial(smallBuffers = false): Peer {
    const peer = this.#dial(smallBuffers);
    this.#peers.push(peer);
    return peer;
  }

  #dial(smallBuffers: boolean): Peer {
    if (this.engine instanceof FakeEngine) return new FakeEnd(this.engine.connect(this.listening));
    if (this.#joined !== undefined) return new StackPeer(this.#joined, this.#joined.dial(stackPort));
    const fd = connectTcp(localAddress(this.listening));
    if (smallBuffers) setSocketOption(fd, SOL.SOCKET, SO.RCVBUF, 16 * 1024);
    return new RealPeer(fd);
  }

  /** Connections, accepted with token `token`: the sockets' descriptors and their peers. */
  connect(count = 1, token = 1000): Array<{ readonly fd: number; readonly peer: Peer }> {
    const { recorder } = this;
    const before = recorder.of('accept', token).length;
    const under = recorder.underWay;
    recorder.accept(token, this.listening);
    const peers = Array.from({ length: count }, () => this.dial());
    const accepted = (): number[] =>
      recorder
        .of('accept', token)
        .slice(before)
        .filter(({ result }) => result >= 0)
        .map(({ result }) => result);
    recorder.until(() => {
      // Accepting ends when the rings are full (io_uring), and is begun again.
      if (recorder.last('accept', token)?.more === false && accepted().length < count && recorder.underWay === under) {
        recorder.accept(token, this.listening);
      }
      return accepted().length === count;
    }, 'accepted connections');
    if (recorder.last('accept', token)?.more === false) recorder.accept(token, this.listening);
    this.engine.cancel(token, this.listening);
    recorder.until(() => recorder.last('accept', token)?.more === false, 'the end of accepting');
    return accepted().map((fd, index) => {
      this.#sockets.add(fd);
      return { fd, peer: peers[index]! };
    });
  }

  /** One connection. */
  pair(): { readonly fd: number; readonly peer: Peer } {
    return this.connect()[0]!;
  }

  /** Closes a socket; its operations have ended. */
  closeSocket(fd: number): void {
    this.#sockets.delete(fd);
    this.engine.closeSocket(fd);
  }

  /** Cancels what is left, and holds the engine to having ended everything and lent nothing. */
  end(): void {
    const { recorder } = this;
    recorder.on = undefined;
    recorder.recycleHeld();
    recorder.holdFrames = false;
    for (const fd of this.#sockets) this.engine.cancel(0, fd);
    this.engine.cancel(0, this.listening);
    recorder.until(() => recorder.underWay === 0, 'the end of every operation');
    recorder.settle();
    assert.equal(this.engine.framesLent, 0, 'frames are back');
    for (const fd of this.#sockets) this.engine.closeSocket(fd);
    this.engine.close();
    if (!(this.engine instanceof FakeEngine)) {
      if (this.#joined === undefined) closeDescriptor(this.listening);
      for (const peer of this.#peers) peer.close();
    }
  }
}

function epoll(name: EngineName, sizes: Sizes): EpollEngine {
  if (name === 'epoll') return new EpollEngine({ ...sizes, batchFrom: Number.POSITIVE_INFINITY });
  return new EpollEngine({ ...sizes, batchFrom: 1, batchForm: name === 'listed' ? 'listed' : 'submitted' });
}

function fake(sizes: Sizes): FakeEngine {
  return new FakeEngine({ frames: 64, frameBytes: 4096, ...sizes });
}

/** Parts that are gathered, with their sum. */
export class Gathered {
  readonly #parts: Uint8Array[] = [];
  length = 0;

  add(part: Uint8Array): void {
    if (part.length > 0) this.#parts.push(part);
    this.length += part.length;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

/** Bytes in mapped memory that differ from place to place. */
export function patternRegion(length: number): Region {
  const region = new Region(length);
  for (let index = 0; index < length; index++) region.bytes[index] = (index * 7 + (index >>> 8) * 13) & 0xff;
  return region;
}

/** Such bytes in ordinary memory. */
export function pattern(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let index = 0; index < length; index++) bytes[index] = (index * 11 + (index >>> 9) * 5) & 0xff;
  return bytes;
}
