// The body of one of Node's responses, from a list. Over a plain socket on Linux its segments leave by sendmsg and its
// files by sendfile, past Node, on a duplicate of the socket's descriptor (node/socket-body.ts); everywhere else Node is given
// views of the segments, corked, and streams of the files. Either way the bytes of segments are not copied in user space.

import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { SgList } from '../memory/sg-list.js';
import { holdEnd } from '../node/half-close.js';
import { isGone, isPlainResponse, keepsBytes, uncorkAll } from '../node/node-socket.js';
import type { Outcome } from '../node/outcome.js';
import { nodeRuntime, type SharedLoop } from '../node/runtime.js';
import { SocketBody } from '../node/socket-body.js';
import type { Transfer } from '../node/transfer.js';
import { lendStream } from '../node/tree.js';
import { coded } from '../text/coded.js';
import type { OpenPageFile } from './page-files.js';

/** How a list left, and how that ended. */
export interface GatherOutcome {
  /** `gather`: by sendmsg and sendfile; `stream`: through Node's own streams, because of `reason`. */
  readonly way: 'gather' | 'stream';
  readonly reason: string | undefined;
  readonly outcome: Outcome;
}

/** Past Node. Used for one body. */
class GatherBody extends SocketBody {
  readonly #list: SgList<OpenPageFile>;
  readonly #done: (outcome: Outcome) => void;
  #next = 0;

  constructor(
    shared: SharedLoop,
    response: ServerResponse,
    list: SgList<OpenPageFile>,
    done: (outcome: Outcome) => void,
  ) {
    super(shared, response);
    this.#list = list;
    this.#done = done;
  }

  begin(): void {
    this.response.flushHeaders();
    uncorkAll(this.response);
    this.start();
  }

  /** A run of mapped segments and files, or a piece of the heap, which Node sends. */
  protected override sendNext(): void {
    const list = this.#list;
    if (this.#next === list.length) {
      this.finish();
      return;
    }
    const region = list.regions[this.#next];
    if (region !== undefined && Number.isNaN(region.address)) {
      const offset = list.offsets[this.#next]!;
      this.response.write(region.bytes.subarray(offset, offset + list.lengths[this.#next]!));
      this.#next++;
      this.goOnWhenWritten();
      return;
    }
    const transfer = this.transfer();
    if (transfer !== undefined) this.#sendRun(transfer);
  }

  /** Files and mapped segments, up to the next piece of the heap. */
  #sendRun(transfer: Transfer): void {
    const list = this.#list;
    for (; this.#next < list.length; this.#next++) {
      const region = list.regions[this.#next];
      const offset = list.offsets[this.#next]!;
      const length = list.lengths[this.#next]!;
      if (region === undefined) this.output.addExtent(list.files[this.#next]!, offset, length, undefined, 0);
      else if (!Number.isNaN(region.address)) this.output.addSegment(region.address + offset, length, undefined, 0);
      else break;
    }
    transfer.send(this.output);
  }

  /** What was promised cannot be taken back, and Node's streams would need a descriptor as well. */
  protected override noDescriptor(): void {
    this.fail('aborted');
  }

  protected override tell(outcome: Outcome): void {
    this.#done(outcome);
  }

  protected override letGo(): void {
    this.#list.release();
  }
}

/**
 * Gives Node a view of each segment and a stream of each file, in order. Does not end the response. Resolves when the kernel
 * has it all. Where somebody took the place of `write` (compressing middleware) nobody need say when that is: then the list
 * is kept until the response is over, and not waited for.
 */
export async function streamList(response: ServerResponse, list: SgList<OpenPageFile>): Promise<void> {
  if (isGone(response)) {
    list.release();
    throw coded('CLEARWAY_RESPONSE_CLOSED', new Error('the response was closed'));
  }
  uncorkAll(response);
  if (!keepsBytes(response)) {
    void isFinished(response).then(() => list.release());
    await giveParts(response, list);
    return;
  }
  try {
    await giveParts(response, list);
    // The views are the kernel's until Node has nothing left of them.
    await written(response);
  } finally {
    list.release();
  }
}

async function giveParts(response: ServerResponse, list: SgList<OpenPageFile>): Promise<void> {
  let at = 0;
  while (at < list.length) {
    response.cork();
    for (; at < list.length && list.regions[at] !== undefined; at++) {
      const offset = list.offsets[at]!;
      const { bytes } = list.regions[at]!;
      response.write(bytes.subarray(offset, offset + list.lengths[at]!));
    }
    response.uncork();
    if (at < list.length) await streamFile(response, list.files[at]!, list.offsets[at]!, list.lengths[at++]!);
  }
}

/** Resolves when a response is over: true when all of it went out, false when it was closed before. */
function isFinished(response: ServerResponse): Promise<boolean> {
  return new Promise((resolve) => {
    response.once('finish', () => resolve(true));
    response.once('close', () => resolve(response.writableFinished));
  });
}

/** Ends a response whose parts were given by {@link streamList}. True when they went out, false when its client left before. */
export async function endStreamed(response: ServerResponse): Promise<boolean> {
  if (isGone(response)) return false;
  const finished = keepsBytes(response) ? true : isFinished(response);
  response.end();
  return finished;
}

async function streamFile(response: ServerResponse, file: OpenPageFile, start: number, length: number): Promise<void> {
  const stream = lendStream(file, file.fd, start, start + length - 1);
  await pipeline(stream, response, { end: false });
  if (stream.bytesRead !== length)
    throw coded('CLEARWAY_FILE_SHRANK', new Error(`${file.path} became shorter while it was sent`));
}

/** Resolves when Node has given everything to the kernel; rejects when the response closed before. */
function written(response: ServerResponse): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(coded('CLEARWAY_RESPONSE_CLOSED', new Error('the response was closed')));
    if (response.destroyed) {
      closed();
      return;
    }
    response.once('close', closed);
    response.write('', (error) => {
      response.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
  });
}

/** Why a list cannot go past Node; undefined when it can. */
function whyStream(response: ServerResponse, byteLength: number): string | undefined {
  const { shared, reason } = nodeRuntime();
  if (shared === undefined) return reason ?? 'there is no loop to send with';
  if (!isPlainResponse(response)) return 'the response is not one of node:http over a plain socket';
  if (response.chunkedEncoding || Number(response.getHeader('content-length')) !== byteLength)
    return 'the length was not promised in the head';
  return undefined;
}

/** Sends a list as the whole body and ends the response. The head is set; its list is released in any case. */
export async function sendGathered(response: ServerResponse, list: SgList<OpenPageFile>): Promise<GatherOutcome> {
  const releaseEnd = holdEnd(response);
  let reason = whyStream(response, list.byteLength);
  if (reason === undefined) {
    // Listeners of the head may change what it promises: then the bytes are Node's to frame.
    response.flushHeaders();
    reason = whyStream(response, list.byteLength);
  }
  try {
    if (reason === undefined) {
      const outcome = await new Promise<Outcome>((resolve) => {
        new GatherBody(nodeRuntime().shared!, response, list, resolve).begin();
      });
      return { way: 'gather', reason, outcome };
    }
    await streamList(response, list);
    return { way: 'stream', reason, outcome: (await endStreamed(response)) ? 'sent' : 'aborted' };
  } catch {
    const outcome = response.destroyed ? 'aborted' : 'truncated';
    response.destroy();
    return { way: 'stream', reason, outcome };
  } finally {
    releaseEnd();
  }
}
