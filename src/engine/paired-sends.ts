// PairedSends: bytes from memory and the range of a file behind them, to many sockets at once: the answers of small files that are in no frame.
// Not here: how an engine makes the calls (listed-pairs.ts), whose they are (transport/pair-queue.ts).

/** A part of an engine that has it. */
export interface PairedSends {
  /** Pairs that there is room for. */
  readonly most: number;
  /** Writes a pair: what {@link Engine.sendNow} does with MSG_MORE, and, if that took everything, {@link Engine.sendFile}. The socket is for direct calls. */
  set(pair: number, fd: number, address: number, bytes: number, file: number, offset: number, length: number): void;
  /** Makes a pair send nothing. */
  drop(pair: number): void;
  /** Makes the calls of the first `count` pairs, in order, each whatever those before it gave. */
  run(count: number): void;
  /** What a pair of the last {@link run} sent: bytes of both; -errno where the first call took nothing. Why less than all was taken is not said. */
  taken(pair: number): number;
}
