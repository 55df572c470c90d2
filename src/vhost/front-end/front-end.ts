// FrontEnd: the side of vhost-user that a virtual machine is, or a program that drives a device by itself: it has the memory, negotiates, sets queues
// up, and comes back to a back end that went and was started again, with every request that was not answered. What a back end says is held to its
// form and to what was offered. Not here: messages and what is agreed on first (front-session.ts), rings (front-queue.ts), requests (block-driver.ts, net-driver.ts).

import { setTimeout as sleep } from 'node:timers/promises';
import { emptyFileStatus, fileStatus } from '../../kernel/file.js';
import { closeAll } from '../../kernel/pass-descriptors.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { wrongArgument, wrongState } from '../../text/coded.js';
import { bitsOf, exact64, Feature, Flag, hasBit, mostConfig, ProtocolFeature, Request } from '../protocol.js';
import { FrontEndError } from './front-end-error.js';
import { FrontQueue } from './front-queue.js';
import { FrontSession, freshPosition, payloadOf, ringMessages } from './front-session.js';
import { GuestMemory } from './guest-memory.js';

/** How to connect. */
export interface FrontEndOptions {
  /** Bytes of memory that is shared with the back end, for rings and requests. Default 16 MiB. */
  readonly memoryBytes?: number;
  /** How long an answer may take. Default 5000. */
  readonly answerMs?: number;
}

/** What is to be started. */
export interface StartOptions {
  /** Features of the device's kind and of rings that are wanted, as bits; what is not offered is left out. */
  readonly features: bigint;
  readonly queues: number;
  /** Entries of each queue. */
  readonly size: number;
}

/** The area in which a back end notes what is under way (INFLIGHT_SHMFD): its file, and what is said of it in messages. */
interface Inflight {
  readonly fd: number;
  readonly words: readonly bigint[];
}

const wantedProtocol = bitsOf(
  ProtocolFeature.multiQueue,
  ProtocolFeature.replyAck,
  ProtocolFeature.config,
  ProtocolFeature.inflight,
);
/** Bytes of the area of requests under way, at most: larger than any has to be. */
const mostInflightBytes = 256 * 1024 * 1024;

/** See the file's head. What is asked of it is done in order; one thing at a time. */
export class FrontEnd {
  readonly memory: GuestMemory;
  readonly queues: FrontQueue[] = [];
  /** Features that were chosen. */
  features = 0n;
  readonly #where: string | number;
  readonly #answerMs: number;
  #session: FrontSession;
  #inflight: Inflight | undefined;

  private constructor(where: string | number, { memoryBytes = 16 * 1024 * 1024, answerMs = 5000 }: FrontEndOptions) {
    this.#where = where;
    this.#answerMs = answerMs;
    this.#session = new FrontSession(where, answerMs);
    try {
      this.memory = new GuestMemory(memoryBytes);
    } catch (error) {
      this.#session.close();
      throw error;
    }
  }

  /**
   * Begins with a back end. @param where its socket's path, or a socket that is connected to it, which is the front end's then.
   * @throws FrontEndError
   */
  static async connect(where: string | number, options: FrontEndOptions = {}): Promise<FrontEnd> {
    const frontEnd = new FrontEnd(where, options);
    try {
      await frontEnd.#session.greet(wantedProtocol);
      return frontEnd;
    } catch (error) {
      frontEnd.close();
      throw error;
    }
  }

  /** Features that the back end offers. */
  get offered(): bigint {
    return this.#session.offered;
  }

  /** What the back end says of its queues: for block devices how many there are, for network devices how many pairs. */
  get queueNumber(): number {
    return this.#session.queueNumber;
  }

  get #protocol(): bigint {
    return this.#session.protocol;
  }

  /** Reads the device's configuration. @throws FrontEndError where it has none there */
  async readConfig(offset: number, length: number): Promise<DataView> {
    if (!hasBit(this.#protocol, ProtocolFeature.config)) throw new FrontEndError('the back end has no configuration');
    if (length > mostConfig) throw wrongArgument(`${length} bytes of configuration at once: ${mostConfig} at most`);
    const message = new Uint8Array(12 + length);
    const view = new DataView(message.buffer);
    view.setUint32(0, offset, true);
    view.setUint32(4, length, true);
    const { payload, fds } = await this.#session.channel.ask(Request.getConfig, message);
    closeAll(fds);
    const isWhole = payload.byteLength === 12 + length && payload.getUint32(4, true) === length;
    if (isWhole) return new DataView(payload.buffer, 12);
    throw new FrontEndError(`the back end has no ${length} bytes of configuration at ${offset}`);
  }

  /** Writes to the device's configuration. @throws FrontEndError where the back end says that it may not be */
  async writeConfig(offset: number, bytes: readonly number[]): Promise<void> {
    const header = new DataView(new ArrayBuffer(12));
    header.setUint32(0, offset, true);
    header.setUint32(4, bytes.length, true);
    const message = Uint8Array.from([...new Uint8Array(header.buffer), ...bytes]);
    if (!hasBit(this.#protocol, ProtocolFeature.replyAck)) {
      this.#session.channel.send(Request.setConfig, message);
      return;
    }
    const flags = Flag.version | Flag.needReply;
    const { payload, fds } = await this.#session.channel.ask(Request.setConfig, message, 8, [], flags);
    closeAll(fds);
    if (payload.getBigUint64(0, true) !== 0n) throw new FrontEndError(`the back end let nobody write at ${offset}`);
  }

  /**
   * Chooses features, shares the memory and sets queues up, which run from then on.
   * @throws FrontEndError, RangeError for queues of a size that there is not
   */
  async start({ features, queues, size }: StartOptions): Promise<void> {
    if (this.queues.length > 0) throw wrongState('the queues of this front end run already');
    const always = bitsOf(Feature.version1, Feature.protocolFeatures);
    this.features = (features | always) & this.offered;
    const of = {
      packed: hasBit(this.features, Feature.packed),
      indirect: hasBit(this.features, Feature.indirect),
      eventIndex: hasBit(this.features, Feature.eventIndex),
    };
    for (let index = 0; index < queues; index++) this.queues.push(new FrontQueue(index, this.memory, size, of));
    await this.#introduce();
    if (hasBit(this.#protocol, ProtocolFeature.inflight)) await this.#makeInflight(queues, size);
    for (const queue of this.queues) await this.#setUp(queue, this.#freshPosition);
    await this.#settle();
  }

  get #freshPosition(): number {
    return freshPosition(hasBit(this.features, Feature.packed));
  }

  async #introduce(): Promise<void> {
    await this.#session.tell(Request.setFeatures, [this.features]);
    const { region } = this.memory;
    const place = [this.memory.guestAddress(0), region.byteLength, this.memory.userAddress(0)].map(BigInt);
    await this.#session.tell(Request.setMemoryTable, [1n, ...place, 0n], [region.fd]);
  }

  async #makeInflight(queues: number, size: number): Promise<void> {
    const wanted = payloadOf([0n, 0n, BigInt(queues) | (BigInt(size) << 16n)]);
    const { payload, fds } = await this.#session.channel.ask(Request.getInflight, wanted, 24);
    const [fd = -1] = fds;
    const [length, offset] = [exact64(payload, 0), exact64(payload, 8)];
    const status = emptyFileStatus();
    const isThere = fds.length === 1 && length > 0 && length <= mostInflightBytes && fileStatus(fd, status) === 0;
    if (!isThere || !(offset + length <= status.size)) {
      closeAll(fds);
      throw new FrontEndError(`the back end passed ${fds.length} files for requests under way, of ${length} bytes`);
    }
    this.#inflight = {
      fd,
      words: [payload.getBigUint64(0, true), payload.getBigUint64(8, true), payload.getBigUint64(16, true)],
    };
    await this.#session.tell(Request.setInflight, this.#inflight.words, [fd]);
  }

  async #setUp({ index, driver, places, kick, call, error }: FrontQueue, position: number): Promise<void> {
    const at = (offset: number): number => this.memory.userAddress(offset);
    const [descriptors, used, available] = [at(places.descriptors), at(places.used), at(places.available)];
    const ring = { index, size: driver.size, position, descriptors, used, available, kick, call, error };
    for (const { request, words, fds } of ringMessages(ring, hasBit(this.features, Feature.protocolFeatures)))
      await this.#session.tell(request, words, fds);
    // Where nothing is acknowledged, an answer to something else says that all was read.
    if (!hasBit(this.#protocol, ProtocolFeature.replyAck)) await this.#settle();
  }

  async #settle(): Promise<void> {
    await this.#session.number(Request.getFeatures);
  }

  /** Stops a queue. Returns where it stands, as SET_VRING_BASE has it: nothing of it is under way any more. @throws FrontEndError */
  async stopQueue(index: number): Promise<number> {
    const { payload, fds } = await this.#session.channel.ask(Request.getVringBase, payloadOf([BigInt(index)]), 8);
    closeAll(fds);
    if (payload.getUint32(0, true) !== index)
      throw new FrontEndError(`the back end stopped another queue than ${index}`);
    return payload.getUint32(4, true);
  }

  /** Starts a queue that was stopped, where it stood. @throws FrontEndError */
  async resumeQueue(index: number, position: number): Promise<void> {
    const queue = this.queues[index];
    if (queue === undefined) throw wrongArgument(`there is no queue ${index}`);
    await this.#setUp(queue, position);
    await this.#settle();
    queue.kickNow();
  }

  /**
   * Connects again to a back end that went and was started again, within `limitMs`, and gives it what was not answered. A back end that
   * notes what is under way goes on where it was: nothing is done twice. Any other is asked again, in order: it may do what was done already.
   * @param where to find it: as it was found before, unless that was a socket.
   * @throws FrontEndError where none comes, or it offers less than the one before
   */
  async reconnect(limitMs: number, where: string | number = this.#where): Promise<'resumed' | 'asked again'> {
    if (where === this.#where && typeof where === 'number')
      throw wrongArgument('say where the back end is to be found', Error);
    this.#session.close();
    const deadline = performance.now() + limitMs;
    for (;;) {
      try {
        this.#session = new FrontSession(where, this.#answerMs);
        await this.#session.greet(wantedProtocol);
        break;
      } catch (error) {
        this.#session.close();
        if (!(error instanceof FrontEndError) || performance.now() > deadline) throw error;
        await sleep(50);
      }
    }
    if ((this.features & ~this.offered) !== 0n) {
      throw new FrontEndError(
        'the back end that came back offers fewer features than the one before: start the same one',
      );
    }
    if (this.queues.length === 0) return 'resumed';
    await this.#introduce();
    const isNoted = this.#inflight !== undefined && hasBit(this.#protocol, ProtocolFeature.inflight);
    if (isNoted) await this.#session.tell(Request.setInflight, this.#inflight!.words, [this.#inflight!.fd]);
    for (const queue of this.queues) {
      if (!isNoted) queue.driver.restart();
      await this.#setUp(queue, isNoted ? queue.driver.position : this.#freshPosition);
    }
    await this.#settle();
    // Whoever lost a kick or an interrupt between the two finds out.
    for (const queue of this.queues) {
      queue.driver.publish();
      queue.kickNow();
    }
    return isNoted ? 'resumed' : 'asked again';
  }

  /** Hangs up, and gives its memory back: no view of it may be used any more. What waits is told. A second call does nothing. */
  close(): void {
    this.#session.close();
    for (const queue of this.queues.splice(0)) queue.close();
    if (this.#inflight !== undefined) closeDescriptor(this.#inflight.fd);
    this.#inflight = undefined;
    this.memory.unmap();
  }
}
