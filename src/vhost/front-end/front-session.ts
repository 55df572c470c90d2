// FrontSession: what a front end of vhost-user says to its back end, whoever its driver is: a program (front-end.ts) or a guest (vmm/vhost-user-card.ts). It finds out what the other side
// can, tells it things, and knows that they were obeyed where the back end can say so. Not here: the socket (front-channel.ts), whose the rings are.

import { closeAll } from '../../kernel/pass-descriptors.js';
import { Feature, Flag, hasBit, ProtocolFeature, Request } from '../protocol.js';
import { FrontChannel, requestName } from './front-channel.js';
import { FrontEndError } from './front-end-error.js';

/** Words of 64 bits as a payload. */
export function payloadOf(words: readonly bigint[]): Uint8Array {
  const payload = new Uint8Array(words.length * 8);
  const view = new DataView(payload.buffer);
  for (const [index, word] of words.entries()) view.setBigUint64(index * 8, word, true);
  return payload;
}

/** A message of words, and the descriptors that go with it. */
interface Message {
  readonly request: number;
  readonly words: readonly bigint[];
  readonly fds: readonly number[];
}

/** A queue as its back end is told of it: the parts of its ring at addresses of the front end's process, and its events. */
interface RingSetting {
  readonly index: number;
  readonly size: number;
  /** Where it begins, as SET_VRING_BASE has it. */
  readonly position: number;
  readonly descriptors: number;
  readonly used: number;
  readonly available: number;
  readonly kick: number;
  readonly call: number;
  readonly error: number;
}

/** The messages that set a queue up, in order. @param isEnabledApart it runs only once it is enabled: where protocol features were agreed on */
export function ringMessages(ring: RingSetting, isEnabledApart: boolean): Message[] {
  const at = BigInt(ring.index);
  const [descriptors, used, available] = [ring.descriptors, ring.used, ring.available].map(BigInt) as [
    bigint,
    bigint,
    bigint,
  ];
  const message = (request: number, words: readonly bigint[], fds: readonly number[] = []) => ({ request, words, fds });
  return [
    message(Request.setVringCall, [at], [ring.call]),
    message(Request.setVringErr, [at], [ring.error]),
    message(Request.setVringNum, [at | (BigInt(ring.size) << 32n)]),
    message(Request.setVringBase, [at | (BigInt(ring.position) << 32n)]),
    message(Request.setVringAddr, [at, descriptors, used, available, 0n]),
    message(Request.setVringKick, [at], [ring.kick]),
    ...(isEnabledApart ? [message(Request.setVringEnable, [at | (1n << 32n)])] : []),
  ];
}

/** Where a queue begins that nobody has used. */
export const freshPosition = (isPacked: boolean): number => (isPacked ? 0x8000_8000 : 0);

/** See the file's head. */
export class FrontSession {
  readonly channel: FrontChannel;
  /** Features that the back end offers. */
  offered = 0n;
  /** Protocol features that both have. */
  protocol = 0n;
  /** What the back end says of its queues. */
  queueNumber = 1;

  /** @param where its socket's path, or a socket that is connected to it, which is the session's then. @throws FrontEndError */
  constructor(where: string | number, answerMs: number) {
    this.channel = new FrontChannel(where, answerMs);
  }

  /** Finds out what the back end can. @param wanted protocol features, as bits. @throws FrontEndError */
  async greet(wanted: bigint): Promise<void> {
    this.offered = await this.number(Request.getFeatures);
    if (!hasBit(this.offered, Feature.version1)) {
      throw new FrontEndError('the back end has a device of before VIRTIO 1.0: there is no queue for it here');
    }
    if (hasBit(this.offered, Feature.protocolFeatures)) {
      this.protocol = (await this.number(Request.getProtocolFeatures)) & wanted;
      await this.tell(Request.setProtocolFeatures, [this.protocol]);
    }
    await this.tell(Request.setOwner, []);
    const has = hasBit(this.protocol, ProtocolFeature.multiQueue);
    const queues = has ? await this.number(Request.getQueueNum) : 1n;
    if (queues < 1n || queues > 256n) throw new FrontEndError(`the back end says that it has ${queues} queues`);
    this.queueNumber = Number(queues);
  }

  /** Asks for a number of 64 bits. @throws FrontEndError */
  async number(request: number): Promise<bigint> {
    const { payload, fds } = await this.channel.ask(request, new Uint8Array(0), 8);
    closeAll(fds);
    return payload.getBigUint64(0, true);
  }

  /** Sends a message, and knows that it was obeyed, where the back end can say so. @throws FrontEndError */
  async tell(request: number, words: readonly bigint[], fds: readonly number[] = []): Promise<void> {
    const payload = payloadOf(words);
    const isAcknowledged = hasBit(this.protocol, ProtocolFeature.replyAck) && request !== Request.setProtocolFeatures;
    if (!isAcknowledged) {
      this.channel.send(request, payload, fds);
      return;
    }
    const answer = await this.channel.ask(request, payload, 8, fds, Flag.version | Flag.needReply);
    closeAll(answer.fds);
    if (answer.payload.getBigUint64(0, true) === 0n) return;
    throw new FrontEndError(`the back end refused ${requestName(request)}: it says why where it runs`);
  }

  /** Sends a message that nobody answers, at once: for who cannot wait. @throws FrontEndError where the back end has gone, or does not read */
  send({ request, words, fds }: Message): void {
    this.channel.send(request, payloadOf(words), fds);
  }

  /** Hangs up: the back end lets go of what it was given. */
  close(): void {
    this.channel.close();
  }
}
