// What it costs to send a response that is made of many pieces of a file, by piece length, in the three modes that serve has for that
// (transport/send-modes.ts): through the pump that serve sends with, so that its own work counts. Not here: the crossings (fit-pieces.ts).

import { setNonBlocking } from '../kernel/socket.js';
import { MappedFile } from '../memory/mapped-file.js';
import { coded } from '../text/coded.js';
import { Endpoint } from '../transport/endpoint.js';
import { noFileCounts } from '../transport/file-counts.js';
import { type ExtentEnd, ListPump } from '../transport/list-pump.js';
import { Loop } from '../transport/loop.js';
import { type FileSource, Output } from '../transport/output.js';
import type { SendLimits } from '../transport/send-modes.js';
import { costOf, type Payload, type Sink } from './measure.js';

/** Modes of sending pieces. */
export const piecesModes = ['message', 'pipe', 'sendfile'] as const;
/** One of {@link piecesModes}. */
export type PiecesMode = (typeof piecesModes)[number];

/** Lengths of pieces that are measured, in bytes. */
export const pieceSizes: readonly number[] = [2048, 8192, 16_384, 32_768, 65_536, 131_072];

/** Bytes of one response. */
const responseBytes = 2 * 1024 * 1024;
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

/** Limits by which everything leaves in one mode. */
const limitsOf: Readonly<Record<PiecesMode, SendLimits>> = {
  message: { messageBelow: Number.MAX_SAFE_INTEGER, sendfileFrom: Number.MAX_SAFE_INTEGER },
  pipe: { messageBelow: 0, sendfileFrom: Number.MAX_SAFE_INTEGER },
  sendfile: { messageBelow: 0, sendfileFrom: 0 },
};

/** The socket of a sink as the pump sees it. */
class PumpedSocket extends Endpoint {
  readonly counts = noFileCounts();
  readonly fd: number;
  sentBytes = 0;
  isSent = false;
  failure: ExtentEnd | undefined;
  readonly #pump: ListPump;

  constructor(loop: Loop, fd: number) {
    super();
    this.fd = fd;
    this.#pump = new ListPump(loop, this);
    loop.register(this);
  }

  /** Sends an output, and waits until all of it is in the socket. @throws Error when it cannot. */
  send(loop: Loop, output: Output): void {
    this.isSent = this.#pump.start(output);
    while (!this.isSent && this.failure === undefined) loop.turn(100);
    if (this.failure !== undefined)
      throw coded('CLEARWAY_CALIBRATE', new Error(`a send of the calibration failed: ${this.failure}`));
  }

  goDirect(): void {}

  listSent(): void {
    this.isSent = true;
  }

  listFailed(reason: ExtentEnd): void {
    this.failure = reason;
  }

  pumpIdle(): void {}

  override writable(result: number): void {
    this.#pump.writable(result);
  }
}

/** Processor nanoseconds a byte of sending pieces of `bytes` in one mode. */
export function measurePieces(sink: Sink, payload: Payload, mode: PiecesMode, bytes: number): number {
  const responses = new Responses(payload, bytes);
  const loop = new Loop('epoll');
  loop.sendLimits = limitsOf[mode];
  const mapping = new MappedFile(payload.file);
  const file: FileSource = { fd: payload.file, residency: { covers: () => true }, mapping, release: () => {} };
  const output = new Output();
  setNonBlocking(sink.fd, true);
  try {
    const socket = new PumpedSocket(loop, sink.fd);
    const cost = costOf(() => {
      responses.next();
      for (let index = 0; index < responses.pieces; index++)
        output.addExtent(file, responses.place(index), bytes, undefined, 0);
      socket.send(loop, output);
    }, forMs);
    return cost / (responses.pieces * bytes);
  } finally {
    loop.close();
    mapping.unmap();
    setNonBlocking(sink.fd, false);
  }
}
