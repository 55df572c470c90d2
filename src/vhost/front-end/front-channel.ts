// FrontChannel: the socket from a front end to a back end (vhost-user): messages with descriptors go out, answers come in, one at a time, each held
// to its form. Nothing waits for ever: a back end that does not answer or does not read is one that cannot be used. Not here: what messages
// mean (front-end.ts).

import { Errno, errnoName } from '../../kernel/errno.js';
import { closeAll, receiveWithDescriptors, sendWithDescriptors } from '../../kernel/pass-descriptors.js';
import { closeDescriptor } from '../../kernel/socket.js';
import { connectUnix } from '../../kernel/unix-socket.js';
import { Region } from '../../memory/region.js';
import { Flag, headerBytes, mostPayload, Request } from '../protocol.js';
import { FrontEndError } from './front-end-error.js';
import { Readiness } from './readiness.js';

/** Descriptors that are taken with one answer before the back end is let go of. */
const mostDescriptors = 8;

/** An answer: its payload, and the descriptors that came with it, which are the caller's. */
interface Answer {
  readonly payload: DataView;
  readonly fds: number[];
}

/** The name of a request, for sentences. */
export const requestName = (request: number): string =>
  Object.entries(Request).find(([, number]) => number === request)?.[0] ?? `request ${request}`;

function whyNoConnection(path: string, errno: number): string {
  const why =
    errno === Errno.ENOENT || errno === Errno.ECONNREFUSED
      ? 'nobody listens there: start the back end first'
      : errno === Errno.EACCES
        ? 'you may not: its socket has to be writable for you'
        : errno === Errno.EAGAIN
          ? 'others wait there already: a back end serves one front end at a time'
          : errnoName(errno);
  return `cannot connect to ${path}: ${why}`;
}

/** See the file's head. */
export class FrontChannel {
  /** Its socket. */
  readonly fd: number;
  readonly #answerMs: number;
  readonly #readiness: Readiness;
  /** A message that goes out; behind it, one that comes in. */
  readonly #memory = new Region(2 * (headerBytes + mostPayload));
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  /**
   * @param where the path to connect to, or a socket that is connected, which is the channel's then. @param answerMs how long an answer may take.
   * @throws FrontEndError
   */
  constructor(where: string | number, answerMs: number) {
    const fd = typeof where === 'string' ? connectUnix(where) : where;
    if (typeof where === 'string' && fd < 0) {
      this.#memory.unmap();
      throw new FrontEndError(whyNoConnection(where, -fd));
    }
    this.fd = fd;
    this.#answerMs = answerMs;
    this.#readiness = new Readiness(fd);
  }

  /** Sends a message that has no answer. The descriptors stay the caller's. @throws FrontEndError */
  send(request: number, payload: Uint8Array, fds: readonly number[] = [], flags: number = Flag.version): void {
    this.#checkOpen();
    const { bytes, data } = this.#memory;
    data.setUint32(0, request, true);
    data.setUint32(4, flags, true);
    data.setUint32(8, payload.length, true);
    for (let index = 0; index < payload.length; index++) bytes[headerBytes + index] = payload[index]!;
    this.#sendMessage(request, headerBytes + payload.length, fds);
  }

  #sendMessage(request: number, length: number, fds: readonly number[]): void {
    const result = sendWithDescriptors(this.fd, this.#memory.address, length, fds);
    if (result === length) return;
    const why = result === -Errno.EAGAIN || result >= 0 ? 'does not read' : 'has gone';
    throw new FrontEndError(`the back end ${why} (${requestName(request)}): it says why where it runs`);
  }

  /** Sends a message and takes its answer, of so many bytes where that is known, and with one descriptor or none. @throws FrontEndError */
  ask(
    request: number,
    payload: Uint8Array,
    bytes?: number,
    fds: readonly number[] = [],
    flags?: number,
  ): Promise<Answer> {
    const answer = this.#turn.then(async () => {
      this.send(request, payload, fds, flags);
      const answered = await this.answer(request);
      if (bytes === undefined || answered.payload.byteLength === bytes) return answered;
      closeAll(answered.fds);
      throw new FrontEndError(
        `the back end answered ${requestName(request)} with ${answered.payload.byteLength} bytes, and ${bytes} belong there`,
      );
    });
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** The next answer, which has to be to this request. One at a time. @throws FrontEndError */
  async answer(request: number): Promise<Answer> {
    const fds: number[] = [];
    try {
      const deadline = performance.now() + this.#answerMs;
      const start = headerBytes + mostPayload;
      const { data, bytes } = this.#memory;
      await this.#fill(start, headerBytes, { request, fds, deadline });
      this.#checkOpen();
      const [answered, flags, size] = [0, 4, 8].map((at) => data.getUint32(start + at, true)) as [
        number,
        number,
        number,
      ];
      if (answered !== request || (flags & ~Flag.needReply) !== (Flag.version | Flag.reply) || size > mostPayload) {
        throw new FrontEndError(
          `the back end answered ${requestName(request)} with a message of number ${answered}, flags ${flags} and ${size} bytes`,
        );
      }
      await this.#fill(start + headerBytes, size, { request, fds, deadline });
      this.#checkOpen();
      const payload = new DataView(new ArrayBuffer(size));
      for (let index = 0; index < size; index++) payload.setUint8(index, bytes[start + headerBytes + index]!);
      return { payload, fds };
    } catch (error) {
      closeAll(fds);
      throw error;
    }
  }

  /** Reads so many bytes to a place in memory. */
  async #fill(
    at: number,
    length: number,
    { request, fds, deadline }: { readonly request: number; readonly fds: number[]; readonly deadline: number },
  ): Promise<void> {
    for (let have = 0; have < length; ) {
      this.#checkOpen();
      const result = receiveWithDescriptors(this.fd, this.#memory.address + at + have, length - have, fds);
      if (fds.length > mostDescriptors)
        throw new FrontEndError('the back end sent more descriptors than any answer has');
      if (result > 0) have += result;
      else if (result === -Errno.EAGAIN) {
        if (await this.#readiness.wait(deadline - performance.now())) continue;
        throw new FrontEndError(`the back end did not answer ${requestName(request)} within ${this.#answerMs} ms`);
      } else if (result !== -Errno.EINTR) {
        throw new FrontEndError(`the back end hung up (${requestName(request)}): it says why where it runs`);
      }
    }
  }

  /** Before its memory is touched, which has gone with it. @throws FrontEndError */
  #checkOpen(): void {
    if (this.#isClosed) throw new FrontEndError('the front end has let go of its back end');
  }

  /** Hangs up; what was asked is not answered any more. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#readiness.close();
    closeDescriptor(this.fd);
    this.#memory.unmap();
  }
}
