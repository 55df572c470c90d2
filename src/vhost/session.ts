// Session: one front end, as the messages of vhost-user make it (QEMU, docs/interop/vhost-user.rst): features, the guest's memory, queues. It holds
// every message to its form, every index and address to what there is, and closes every descriptor that it does not keep. Not here: the
// socket (channel.ts), what the device does with its queues (block/).

import { closeAll } from '../kernel/pass-descriptors.js';
import { SharedMemoryError } from '../memory/shared-region.js';
import { MemoryTable } from './memory-table.js';
import {
  bitsOf,
  exact64,
  Feature,
  Flag,
  forms,
  hasBit,
  mostRegions,
  ProtocolFeature,
  Request,
  readRegion,
  regionBytes,
} from './protocol.js';
import { Vring } from './vring.js';

/** What a device is to the session: its features, its configuration space, and its queues as they start and stop. */
export interface VhostDevice {
  /** Features of the device's own kind, as bits. */
  readonly features: bigint;
  /** Queues that it has at most, and what GET_QUEUE_NUM says of them. */
  readonly queues: number;
  readonly queueNumber: number;
  /** Bytes of its configuration space, from `offset` on; undefined: there are none. */
  readConfig(offset: number, length: number): Uint8Array | undefined;
  /** Writes what may be written there. False: it may not. */
  writeConfig(offset: number, bytes: Uint8Array): boolean;
  /** The front end's choice of features. */
  negotiated(features: bigint): void;
  /** A queue runs, or may be looked at again (it was enabled, kicked). */
  started(vring: Vring, memory: MemoryTable): void;
  /** A queue is to end: `done` when every request of it that is under way has ended. */
  stop(vring: Vring, done: () => void): void;
}

/** What a session needs of whoever runs it. */
export interface SessionHost {
  /** Sends an answer. */
  answer(request: number, payload: Uint8Array): void;
  /** Watches a kick's descriptor, or no more. */
  watchKick(vring: Vring, on: boolean): boolean;
  /** Says something to the operator, in a sentence. */
  say(sentence: string): void;
}

/** A message that cannot be obeyed: why, in words. The session goes on where its front end can be told, and ends where it cannot. */
class Refusal extends Error {}

/** A message was obeyed, at once or later; with a reason: it was refused. */
type Done = (refusal?: string) => void;

/** Features of rings that are offered with every device. */
const ringFeatures = [Feature.indirect, Feature.eventIndex, Feature.version1, Feature.protocolFeatures];
const protocolFeatures = bitsOf(
  ProtocolFeature.multiQueue,
  ProtocolFeature.replyAck,
  ProtocolFeature.config,
  ProtocolFeature.resetDevice,
  ProtocolFeature.memorySlots,
);
/** Regions that may be added one by one. */
const memorySlots = 32;
/** Bytes of configuration that are asked for at once, at most. */
const mostConfig = 256;

/** How memory is accepted. */
export interface MemoryPolicy {
  /** Also memory that may become shorter. Default false. */
  readonly any?: boolean;
}

/** See the file's head. */
export class Session {
  readonly memory: MemoryTable;
  readonly vrings: readonly Vring[];
  readonly #device: VhostDevice;
  readonly #host: SessionHost;
  readonly #offered: bigint;
  #features = 0n;
  #protocol = 0n;
  /** A message waits for queues to end: no other is handled before. */
  #isBusy = false;

  constructor(device: VhostDevice, host: SessionHost, policy: MemoryPolicy = {}) {
    this.#device = device;
    this.#host = host;
    this.#offered = device.features | bitsOf(...ringFeatures);
    this.memory = new MemoryTable(policy.any);
    this.vrings = Array.from({ length: device.queues }, (_, index) => new Vring(index));
  }

  /** False while a message waits for something: the next one waits too. */
  get isReady(): boolean {
    return !this.#isBusy;
  }

  /**
   * Handles a message. `fds` came with it, and are the session's.
   * @param again called when {@link isReady} is true again. @returns why the session cannot go on; undefined when it can.
   */
  handle(request: number, flags: number, payload: DataView, fds: number[], again: () => void): string | undefined {
    const wantsAck = (flags & Flag.needReply) !== 0 && hasBit(this.#protocol, ProtocolFeature.replyAck);
    const form = forms.get(request);
    try {
      if (form === undefined) throw new Refusal(`sent a request of number ${request}, which was not offered`);
      this.#checkForm(request, payload, fds);
      let isOver = false;
      const done: Done = (refusal) => {
        isOver = true;
        if (refusal !== undefined) this.#host.say(`the front end ${refusal}`);
        if (wantsAck && form.answers !== true) this.#acknowledge(request, refusal === undefined ? 0 : 1);
        if (!this.#isBusy) return;
        this.#isBusy = false;
        again();
      };
      if (this.#obey(request, payload, fds, done)) done();
      else this.#isBusy = !isOver;
      return undefined;
    } catch (error) {
      if (!(error instanceof Refusal) && !(error instanceof SharedMemoryError)) throw error;
      const sentence = `the front end ${error.message}`;
      if (!wantsAck || form?.answers === true) return sentence;
      this.#host.say(sentence);
      this.#acknowledge(request, 1);
      return undefined;
    } finally {
      closeAll(fds);
    }
  }

  #acknowledge(request: number, value: number): void {
    const payload = new Uint8Array(8);
    payload[0] = value;
    this.#host.answer(request, payload);
  }

  #number(request: number, value: bigint): void {
    const payload = new Uint8Array(8);
    new DataView(payload.buffer).setBigUint64(0, value, true);
    this.#host.answer(request, payload);
  }

  #checkForm(request: number, payload: DataView, fds: readonly number[]): void {
    const form = forms.get(request)!;
    const { byteLength } = payload;
    if (form.isOpen === true ? byteLength < form.bytes : byteLength !== form.bytes)
      throw new Refusal(`sent ${byteLength} bytes with request ${request}, which takes ${form.bytes}`);
    const regions = form.fds === 'regions' ? payload.getUint32(0, true) : 0;
    if (form.fds === 'regions' && (regions > mostRegions || byteLength !== 8 + regions * regionBytes))
      throw new Refusal(`sent a memory table of ${regions} regions in ${byteLength} bytes`);
    const isRight =
      form.fds === 'none'
        ? fds.length === 0
        : form.fds === 'one'
          ? fds.length === 1
          : form.fds === 'perhaps'
            ? fds.length <= 1
            : fds.length === regions;
    if (!isRight) throw new Refusal(`sent ${fds.length} descriptors with request ${request}`);
  }

  #vringOf(index: number): Vring {
    return this.vrings[index] ?? this.#refuse(`named queue ${index} of ${this.vrings.length}`);
  }

  #refuse(why: string): never {
    throw new Refusal(why);
  }

  /** Does what a message says. False: it is done later, and `done` is called then. */
  #obey(request: number, payload: DataView, fds: number[], done: Done): boolean {
    switch (request) {
      case Request.getFeatures:
        this.#number(request, this.#offered);
        return true;
      case Request.setFeatures:
        this.#setFeatures(payload.getBigUint64(0, true));
        return true;
      case Request.getProtocolFeatures:
        this.#number(request, protocolFeatures);
        return true;
      case Request.setProtocolFeatures:
        this.#protocol = payload.getBigUint64(0, true);
        if ((this.#protocol & ~protocolFeatures) !== 0n) this.#refuse('chose protocol features that were not offered');
        return true;
      case Request.getQueueNum:
        this.#number(request, BigInt(this.#device.queueNumber));
        return true;
      case Request.getMaxMemorySlots:
        this.#number(request, BigInt(memorySlots));
        return true;
      case Request.setMemoryTable:
        return this.#setMemory(payload, fds, done);
      case Request.addMemoryRegion:
        if (this.memory.count >= memorySlots) this.#refuse(`added more than ${memorySlots} regions of memory`);
        this.#addRegion(payload, 8, fds[0]!);
        this.#startAll();
        return true;
      case Request.removeMemoryRegion:
        return this.#stopAll(() => {
          const isGone = this.memory.remove(readRegion(payload, 8));
          this.#startAll();
          done(isGone ? undefined : 'took away memory that was not there');
        });
      case Request.getConfig:
      case Request.setConfig:
        return this.#config(request, payload);
      case Request.resetDevice:
        return this.#stopAll(() => {
          this.#closeVrings();
          done();
        });
      case Request.getVringBase:
        return this.#getBase(payload.getUint32(0, true), done);
      case Request.setOwner:
      case Request.resetOwner:
        return true;
      default:
        this.#setVring(request, payload, fds);
        return true;
    }
  }

  #setFeatures(features: bigint): void {
    if ((features & ~this.#offered) !== 0n) this.#refuse('chose features that were not offered');
    const isRunning = this.vrings.some(({ queue }) => queue !== undefined);
    if (isRunning && features !== this.#features) this.#refuse('changed features while queues run');
    this.#features = features;
    const isOld = features !== 0n && !hasBit(features, Feature.version1);
    if (isOld) this.#host.say('the front end has an old driver (before VIRTIO 1.0): its queues do not start');
    this.#device.negotiated(features);
    // Without the bit there is no message that enables a queue.
    if (!hasBit(features, Feature.protocolFeatures)) for (const vring of this.vrings) vring.isEnabled = true;
  }

  #setMemory(payload: DataView, fds: number[], done: Done): boolean {
    // Kept until the queues have ended.
    const kept = fds.splice(0);
    const regions = payload.getUint32(0, true);
    return this.#stopAll(() => {
      let refusal: string | undefined;
      try {
        this.memory.clear();
        for (let index = 0; index < regions; index++) this.#addRegion(payload, 8 + index * regionBytes, kept[index]!);
        this.#startAll();
      } catch (error) {
        if (!(error instanceof SharedMemoryError)) throw error;
        this.memory.clear();
        refusal = error.message;
      } finally {
        closeAll(kept);
      }
      done(refusal);
    });
  }

  #addRegion(payload: DataView, at: number, fd: number): void {
    const message = readRegion(payload, at);
    try {
      this.memory.add(message, fd);
    } catch (error) {
      if (!(error instanceof SharedMemoryError)) throw error;
      throw new SharedMemoryError(`passed memory that ${error.message}`);
    }
  }

  #config(request: number, payload: DataView): boolean {
    const [offset, size, flags] = [0, 4, 8].map((at) => payload.getUint32(at, true)) as [number, number, number];
    const isWhole = size <= mostConfig && payload.byteLength === 12 + size;
    if (request === Request.setConfig) {
      const bytes = new Uint8Array(payload.buffer, payload.byteOffset + 12, isWhole ? size : 0);
      if (!isWhole || !this.#device.writeConfig(offset, bytes))
        this.#refuse(`wrote ${size} bytes of configuration at ${offset}`);
      return true;
    }
    const bytes = isWhole ? this.#device.readConfig(offset, size) : undefined;
    const answer = new Uint8Array(12 + (bytes?.length ?? 0));
    const view = new DataView(answer.buffer);
    view.setUint32(0, offset, true);
    // 0 says that it failed.
    view.setUint32(4, bytes?.length ?? 0, true);
    view.setUint32(8, flags, true);
    for (const [index, byte] of (bytes ?? []).entries()) answer[12 + index] = byte;
    this.#host.answer(request, answer);
    return true;
  }

  #setVring(request: number, payload: DataView, fds: number[]): void {
    const first = payload.getUint32(0, true);
    const second = payload.getUint32(4, true);
    if (request === Request.setVringKick || request === Request.setVringCall || request === Request.setVringErr) {
      this.#setDescriptor(request, first, second, fds);
      return;
    }
    const vring = this.#vringOf(first);
    if (request === Request.setVringEnable) {
      if (second > 1) this.#refuse(`enabled queue ${first} with ${second}`);
      vring.isEnabled = second === 1;
    } else {
      if (vring.queue !== undefined) this.#refuse(`changed queue ${first} while it runs`);
      if (request === Request.setVringNum) {
        if (!Vring.isSize(second)) this.#refuse(`made a queue of ${second} entries`);
        vring.size = second;
      } else if (request === Request.setVringBase) vring.base = second;
      else {
        const [descriptors, used, available] = [8, 16, 24].map((at) => exact64(payload, at)) as [
          number,
          number,
          number,
        ];
        vring.addresses = { descriptors, used, available };
      }
    }
    this.#startAll();
  }

  #setDescriptor(request: number, low: number, high: number, fds: number[]): void {
    const isNone = (low & 0x100) !== 0;
    if (high !== 0 || low > 0x1ff || isNone !== (fds.length === 0))
      this.#refuse(`sent ${fds.length} descriptors for a queue's events, and said otherwise`);
    const vring = this.#vringOf(low & 0xff);
    const [fd = -1] = fds.splice(0);
    if (request === Request.setVringCall) vring.setDescriptor('call', fd);
    else if (request === Request.setVringErr) vring.setDescriptor('error', fd);
    else {
      this.#host.watchKick(vring, false);
      vring.setDescriptor('kick', fd);
      vring.hasKick = true;
      if (fd >= 0 && !this.#host.watchKick(vring, true)) {
        vring.setDescriptor('kick', -1);
        vring.hasKick = false;
        this.#refuse('passed a kick that cannot be waited for');
      }
    }
    if (vring.queue !== undefined) this.#device.started(vring, this.memory);
    else this.#startAll();
  }

  /** Starts the queues of which everything is there. */
  #startAll(): void {
    if (this.memory.count === 0) return;
    for (const vring of this.vrings) {
      if (vring.queue === undefined) {
        if (!vring.isComplete || !hasBit(this.#features, Feature.version1)) continue;
        const features = {
          indirect: hasBit(this.#features, Feature.indirect),
          eventIndex: hasBit(this.#features, Feature.eventIndex),
        };
        const why = vring.start(this.memory, features);
        if (why !== undefined) {
          // Said once: what it was set up with is no more.
          vring.addresses = undefined;
          this.#host.say(`the front end's ${why}`);
          continue;
        }
      }
      if (vring.isEnabled) this.#device.started(vring, this.memory);
    }
  }

  /** Ends all queues for a while: their places are kept. `done` is called when nothing is under way any more, at once perhaps. */
  #stopAll(done: () => void): false {
    const running = this.vrings.filter(({ queue }) => queue !== undefined);
    let left = running.length;
    if (left === 0) done();
    for (const vring of running) {
      this.#device.stop(vring, () => {
        vring.base = vring.queue?.position ?? vring.base;
        vring.queue = undefined;
        if (--left === 0) done();
      });
    }
    return false;
  }

  #getBase(index: number, done: Done): boolean {
    const vring = this.#vringOf(index);
    const answer = (): void => {
      vring.base = vring.queue?.position ?? vring.base;
      const payload = new Uint8Array(8);
      const view = new DataView(payload.buffer);
      view.setUint32(0, index, true);
      view.setUint32(4, vring.base, true);
      this.#host.watchKick(vring, false);
      vring.reset();
      this.#host.answer(Request.getVringBase, payload);
      done();
    };
    if (vring.queue === undefined) answer();
    else this.#device.stop(vring, answer);
    return false;
  }

  /** Lets go of what queues were set up with; they have ended. */
  #closeVrings(): void {
    for (const vring of this.vrings) {
      this.#host.watchKick(vring, false);
      vring.close();
    }
  }

  /** Ends the session: queues, then descriptors and memory. @param done when nothing is under way any more. */
  close(done: () => void): void {
    this.#stopAll(() => {
      this.#closeVrings();
      this.memory.clear();
      done();
    });
  }
}
