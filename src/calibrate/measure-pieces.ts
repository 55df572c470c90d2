// What it costs to send a response that is made of many pieces of a file, by piece length, in the three modes that serve has for that
// (transport/send-modes.ts): one message out of a mapping, references through a pipe, sendfile for each. Not here: the crossings (fit-pieces.ts).

import { SendPipe } from '../engine/send-pipe.js';
import { sendFile, sendMessage } from '../kernel/socket.js';
import { MappedFile } from '../memory/mapped-file.js';
import { finishMessage, leaseMessage, messageAddress, releaseMessage, setIovec } from '../transport/gather.js';
import { costOf, type Payload, type Sink } from './measure.js';

/** Modes of sending pieces. */
export const piecesModes = ['message', 'pipe', 'sendfile'] as const;
/** One of {@link piecesModes}. */
export type PiecesMode = (typeof piecesModes)[number];

/** Lengths of pieces that are measured, in bytes. */
export const pieceSizes: readonly number[] = [2048, 8192, 16_384, 32_768, 65_536, 131_072];

/** Bytes of one response. */
const responseBytes = 256 * 1024;
/** Processor milliseconds of one measurement. */
const forMs = 30;

/** Responses in turn through the whole of a payload: their pieces have a packet of another track between them, and begin at no page's. */
class Responses {
  readonly pieces: number;
  readonly #bytes: number;
  readonly #most: number;
  #base = 0;

  constructor(payload: Payload, bytes: number) {
    this.#bytes = bytes;
    this.pieces = Math.max(1, Math.floor(responseBytes / bytes));
    this.#most = payload.bytes - this.place(this.pieces);
  }

  /** Where a piece of the response is. */
  place(index: number): number {
    return this.#base + 100 + index * (this.#bytes + 400);
  }

  /** Another response. */
  next(): void {
    const base = this.#base + this.pieces * (this.#bytes + 400);
    this.#base = base > this.#most ? 0 : base;
  }
}

function sent(result: number): number {
  if (result <= 0) throw new Error(`a send of the calibration failed: ${result}`);
  return result;
}

/** Processor nanoseconds a byte of sending pieces of `bytes` in one mode. */
export function measurePieces(sink: Sink, payload: Payload, mode: PiecesMode, bytes: number): number {
  const responses = new Responses(payload, bytes);
  const cost = { message: byMessage, pipe: byPipe, sendfile: bySendfile }[mode](sink, payload, responses, bytes);
  return cost / (responses.pieces * bytes);
}

function bySendfile(sink: Sink, payload: Payload, responses: Responses, bytes: number): number {
  return costOf(() => {
    responses.next();
    for (let index = 0; index < responses.pieces; index++) {
      const place = responses.place(index);
      for (let done = 0; done < bytes; ) done += sent(sendFile(sink.fd, payload.file, place + done, bytes - done));
    }
  }, forMs);
}

function byPipe(sink: Sink, payload: Payload, responses: Responses, bytes: number): number {
  const pipe = new SendPipe();
  try {
    return costOf(() => {
      responses.next();
      for (let index = 0; index < responses.pieces; index++) {
        const place = responses.place(index);
        let done = 0;
        while (done < bytes) {
          const taken = pipe.fill(payload.file, place + done, bytes - done);
          // Full: what is in it leaves first. The socket waits for room.
          if (taken > 0) done += taken;
          else sent(pipe.send(sink.fd, true));
        }
      }
      sent(pipe.send(sink.fd, false));
    }, forMs);
  } finally {
    pipe.close();
  }
}

function byMessage(sink: Sink, payload: Payload, responses: Responses, bytes: number): number {
  const mapped = new MappedFile(payload.file);
  const message = leaseMessage(responses.pieces);
  try {
    return costOf(() => {
      responses.next();
      for (let index = 0; index < responses.pieces; index++)
        setIovec(message, index, mapped.address(responses.place(index)), bytes);
      finishMessage(message, responses.pieces);
      // The socket waits for room: a message is taken whole.
      sent(sendMessage(sink.fd, messageAddress(message), 0));
    }, forMs);
  } finally {
    releaseMessage(message);
    mapped.unmap();
  }
}
