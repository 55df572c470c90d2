// Session: one front end, as the messages of vhost-user make it (QEMU, docs/interop/vhost-user.rst): features, the guest's memory. It holds
// every message to its form, every index and address to what there is, and closes every descriptor that it does not keep. Not here: the
// socket (channel.ts), queues (rings.ts), what the device does with its queues (block/).

import { closeAll } from '../kernel/pass-descriptors.js';
import { hasUnixPeer } from '../kernel/unix-socket.js';
import { Access } from '../memory/domain.js';
import { SharedMemoryError } from '../memory/shared-region.js';
import type { RingsState } from './device-state.js';
import { DirtyLog } from './dirty-log.js';
import { InflightArea } from './inflight-area.js';
import { type MemoryPolicy, MemoryTable } from './memory-table.js';
import {
  BackRequest,
  bitsOf,
  exact64,
  Feature,
  Flag,
  forms,
  hasBit,
  IotlbType,
  mostConfig,
  mostRegions,
  ProtocolFeature,
  Request,
  readRegion,
  regionBytes,
} from './protocol.js';
import { type Done, Refusal, refuse } from './refusal.js';
import { Rings, type RingsHost } from './rings.js';
import type { VhostDevice } from './vhost-device.js';

export type { VhostDevice };

/** Features that are offered with every device: of rings, and of the protocol. */
const ringFeatures = [
  Feature.logAll,
  Feature.indirect,
  Feature.eventIndex,
  Feature.version1,
  Feature.platform,
  Feature.packed,
  Feature.protocolFeatures,
];
const commonProtocolFeatures = bitsOf(
  ProtocolFeature.multiQueue,
  ProtocolFeature.logMemory,
  ProtocolFeature.replyAck,
  ProtocolFeature.backendRequests,
  ProtocolFeature.inflight,
  ProtocolFeature.resetDevice,
  ProtocolFeature.memorySlots,
);
/** A status is 8 bits; an address of Ethernet 6 bytes. */
const mostStatus = 0xff;
const macBytes = 6;
/** Regions that may be added one by one. */
const memorySlots = 32;

/** What a session needs of whoever runs it. */
export interface SessionHost extends RingsHost {
  /** The socket for what the front end is told; it is the host's then. */
  talkBack(fd: number): void;
  /** Tells the front end something. False: it cannot be told. */
  tell(request: number, payload: Uint8Array): boolean;
}

/** See the file's head. */
export class Session {
  readonly memory: MemoryTable;
  readonly #rings: Rings;
  readonly #device: VhostDevice;
  readonly #host: SessionHost;
  readonly #offered: bigint;
  readonly #offeredProtocol: bigint;
  readonly #any: boolean;
  #features = 0n;
  #status = 0;
  #protocol = 0n;
  /** A message waits for queues to end: no other is handled before. */
  #isBusy = false;
  /** Ends the session, once the message that waits is done. */
  #close: (() => void) | undefined;

  constructor(device: VhostDevice, host: SessionHost, policy: MemoryPolicy = {}) {
    this.#device = device;
    this.#host = host;
    this.#offered = device.features | bitsOf(...ringFeatures);
    this.#offeredProtocol = device.protocolFeatures | commonProtocolFeatures;
    this.#any = policy.any === true;
    this.memory = new MemoryTable(policy);
    this.#rings = new Rings(device, host, this.memory);
  }

  /** False while a message waits for something: the next one waits too. */
  get isReady(): boolean {
    return !this.#isBusy;
  }

  /** Whether a queue ran. */
  get hasRun(): boolean {
    return this.#rings.hasRun;
  }

  /** How its queues stand. */
  get state(): RingsState {
    return this.#rings.state;
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
        // Where it cannot be answered, the end says so: the front end would believe that it was done.
        const isUnheard = refusal !== undefined && !wantsAck && form.answers !== true;
        if (isUnheard) this.#host.end(`the front end ${refusal}`);
        else if (refusal !== undefined) this.#host.say(`the front end ${refusal}`);
        if (wantsAck && form.answers !== true) this.#acknowledge(request, refusal === undefined ? 0 : 1);
        if (!this.#isBusy) return;
        this.#isBusy = false;
        if (this.#close === undefined) again();
        else this.#close();
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

  /** Does what a message says. False: it is done later, and `done` is called then. */
  #obey(request: number, payload: DataView, fds: number[], done: Done): boolean {
    switch (request) {
      case Request.getFeatures:
        this.#number(request, this.#offered);
        return true;
      case Request.setFeatures:
        return this.#setFeatures(payload.getBigUint64(0, true), done);
      case Request.getProtocolFeatures:
        this.#number(request, this.#offeredProtocol);
        return true;
      case Request.setProtocolFeatures:
        this.#protocol = payload.getBigUint64(0, true);
        if ((this.#protocol & ~this.#offeredProtocol) !== 0n) refuse('chose protocol features that were not offered');
        return true;
      case Request.getQueueNum:
        this.#number(request, BigInt(this.#device.queueNumber));
        return true;
      case Request.getMaxMemorySlots:
        this.#number(request, BigInt(memorySlots));
        return true;
      case Request.getConfig:
      case Request.setConfig:
        return this.#config(request, payload);
      case Request.resetDevice:
        return this.#reset(done);
      case Request.getVringBase:
        return this.#rings.getBase(payload.getUint32(0, true), done);
      case Request.getInflight:
        this.#giveInflight(payload);
        return true;
      case Request.setInflight:
        this.#rings.noteIn(InflightArea.of(payload, fds[0]!, this.#device.queues, this.#any));
        return true;
      case Request.setMtu:
        this.#setMtu(payload);
        return true;
      case Request.announce:
        this.#device.announce?.(new Uint8Array(payload.buffer, payload.byteOffset, macBytes));
        return true;
      case Request.setStatus:
        return this.#setStatus(exact64(payload, 0), done);
      case Request.getStatus:
        this.#number(request, BigInt(this.#status));
        return true;
      case Request.setBackendFd:
        if (!hasUnixPeer(fds[0]!)) refuse('passed a descriptor for requests of ours that is no connected Unix socket');
        this.#host.talkBack(fds.splice(0)[0]!);
        return true;
      case Request.setLogFd:
      // Nobody is told that there are marks: they are looked for.
      case Request.setOwner:
      case Request.resetOwner:
        return true;
      default:
        return this.#obeyMemory(request, payload, fds, done);
    }
  }

  /** As {@link #obey}: memory, and queues. */
  #obeyMemory(request: number, payload: DataView, fds: number[], done: Done): boolean {
    switch (request) {
      case Request.setMemoryTable:
        return this.#setMemory(payload, fds, done);
      case Request.addMemoryRegion:
        if (this.memory.count >= memorySlots) refuse(`added more than ${memorySlots} regions of memory`);
        this.#addRegion(payload, 8, fds[0]!);
        this.#rings.startAll();
        return true;
      case Request.removeMemoryRegion:
        return this.#rings.stopAll(() => {
          const isGone = this.memory.remove(readRegion(payload, 8));
          this.#rings.startAll();
          done(isGone ? undefined : 'took away memory that was not there');
        });
      case Request.setLogBase:
        if (!hasBit(this.#protocol, ProtocolFeature.logMemory)) refuse('passed a log, which was not agreed on');
        this.#rings.markIn(new DirtyLog(payload, fds[0]!, this.#any));
        this.#number(request, 0n);
        return true;
      case Request.iotlb:
        return this.#setIotlb(payload, done);
      default:
        this.#rings.configure(request, payload, fds);
        return true;
    }
  }

  #setFeatures(features: bigint, done: Done): boolean {
    if ((features & ~this.#offered) !== 0n) refuse('chose features that were not offered');
    const isLogged = bitsOf(Feature.logAll);
    if (!this.#rings.isRunning) this.#agree(features);
    else if ((features & ~isLogged) !== (this.#features & ~isLogged)) refuse('changed features while queues run');
    else if (features !== this.#features) {
      // What is under way was taken without being marked, or is to be marked still.
      return this.#rings.stopAll(() => {
        this.#features = this.#rings.features = features;
        this.#rings.startAll();
        done();
      });
    }
    return true;
  }

  #agree(features: bigint): void {
    this.#features = features;
    const isOld = features !== 0n && !hasBit(features, Feature.version1);
    if (isOld) this.#host.say('the front end has an old driver (before VIRTIO 1.0): its queues do not start');
    this.#device.negotiated(features);
    this.memory.hasIotlb = hasBit(features, Feature.platform);
    this.memory.iotlb.clear();
    this.#rings.features = features;
  }

  /** Ends all queues, and lets go of what they were set up with. */
  #reset(done: Done): false {
    return this.#rings.stopAll(() => {
      this.#rings.reset();
      done();
    });
  }

  /** Takes the driver's word of how far it is (section 2.1 of VIRTIO); 0 is a reset. */
  #setStatus(status: number, done: Done): boolean {
    if (!(status <= mostStatus)) refuse(`set a status of ${status}`);
    this.#status = status;
    return status > 0 || this.#reset(done);
  }

  /** What the guest's IOMMU allows, or no more: that is answered when nothing is under way over it, since pages are used for something else then. */
  #setIotlb(payload: DataView, done: Done): boolean {
    const [start, length, user] = [0, 8, 16].map((at) => exact64(payload, at)) as [number, number, number];
    const [access, type] = [payload.getUint8(24), payload.getUint8(25)];
    const answer = (refusal?: string): void => {
      this.#number(Request.iotlb, refusal === undefined ? 0n : 1n);
      done(refusal);
    };
    const isRange = length > 0 && Number.isSafeInteger(start + length);
    if (!this.memory.hasIotlb) answer('spoke of an IOMMU, which was not agreed on');
    else if (!isRange || (type !== IotlbType.update && type !== IotlbType.invalidate))
      answer(`sent a message about an IOMMU that makes no sense (type ${type}, ${length} bytes)`);
    else {
      const { iotlb } = this.memory;
      const isReached = type === IotlbType.invalidate ? iotlb.mayReach(start, length) : iotlb.overlaps(start, length);
      if (!isReached) {
        answer(this.#allow(type, [start, length, user, access]));
        return false;
      }
      this.#rings.whenIdle(start, length, () => {
        this.memory.iotlb.invalidate(start, length);
        answer(this.#allow(type, [start, length, user, access]));
      });
    }
    return false;
  }

  /** Returns why it cannot be allowed. */
  #allow(type: number, [start, length, user, access]: readonly [number, number, number, number]): string | undefined {
    if (type !== IotlbType.update) return undefined;
    const isAllowed = access > 0 && access <= Access.both && Number.isSafeInteger(user + length);
    if (!isAllowed || !this.memory.allow(start, length, user, access))
      return `allowed ${length} bytes at ${start} that are not in the memory it passed`;
    this.#rings.known();
    return undefined;
  }

  /** As of RingsHost: asks for a range that is missing. */
  askForRange(address: number, access: number): boolean {
    if (!hasBit(this.#protocol, ProtocolFeature.backendRequests)) return false;
    const payload = new Uint8Array(32);
    const view = new DataView(payload.buffer);
    view.setBigUint64(0, BigInt(address), true);
    view.setUint8(24, access);
    view.setUint8(25, IotlbType.miss);
    return this.#host.tell(BackRequest.iotlb, payload);
  }

  #setMtu(payload: DataView): void {
    const bytes = exact64(payload, 0);
    if (this.#device.setMtu?.(bytes) !== true) refuse(`set packets of ${bytes} bytes, which the device does not take`);
  }

  #setMemory(payload: DataView, fds: number[], done: Done): boolean {
    // Kept until the queues have ended.
    const kept = fds.splice(0);
    const regions = payload.getUint32(0, true);
    return this.#rings.stopAll(() => {
      let refusal: string | undefined;
      try {
        this.memory.clear();
        for (let index = 0; index < regions; index++) this.#addRegion(payload, 8 + index * regionBytes, kept[index]!);
        this.#rings.startAll();
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

  /** The device's configuration has changed: the front end is told. False: it cannot be. */
  configChanged(): boolean {
    const needed = [ProtocolFeature.backendRequests, ProtocolFeature.config];
    return (
      needed.every((bit) => hasBit(this.#protocol, bit)) &&
      this.#host.tell(BackRequest.configChanged, new Uint8Array(0))
    );
  }

  /** Makes memory in which the front end keeps requests in flight, and gives it away. */
  #giveInflight(payload: DataView): void {
    const { fd, answer } = InflightArea.make(payload, this.#device.queues, this.#rings.isPacked);
    this.#host.answer(Request.getInflight, answer, fd);
  }

  #config(request: number, payload: DataView): boolean {
    const [offset, size, flags] = [0, 4, 8].map((at) => payload.getUint32(at, true)) as [number, number, number];
    const isWhole = size <= mostConfig && payload.byteLength === 12 + size;
    if (request === Request.setConfig) {
      const bytes = new Uint8Array(payload.buffer, payload.byteOffset + 12, isWhole ? size : 0);
      if (!isWhole || !this.#device.writeConfig(offset, bytes))
        refuse(`wrote ${size} bytes of configuration at ${offset}`);
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

  /** Ends the session: queues, then descriptors and memory. @param done when nothing is under way any more. */
  close(done: () => void): void {
    this.#close = () =>
      this.#rings.stopAll(() => {
        this.#rings.close();
        this.memory.clear();
        done();
      });
    // A message that waits for queues to end still needs what they were set up with.
    if (!this.#isBusy) this.#close();
  }
}
