// How fast responses leave: each connection at the server's own rate, by the kernel's pacing of the socket (SO_MAX_PACING_RATE), and a
// stretch of media at the rate it is played at, in a share each second: the kernel's timers would cost more, one for each 64 KiB and on
// long ways for each packet. The first pieces of a stretch are free: a player fills its buffer, at the start and wherever it seeks.
// Not here: what the rates are (options.ts, media/), sending in shares (transport/shares.ts).

import type { PeeredConnection } from '../transport/peer.js';

/** A stretch of media: what a player asks for one piece after the other. */
export interface MediaPace {
  /** Bytes a second. */
  readonly rate: number;
  /** The piece's number, in the order in which it is played. */
  readonly number: number;
}

/** Pieces of a stretch that leave as fast as they can. */
const freePieces = 2;
/** A player that goes on asks for the next piece; with several connections each sees some of them. */
const mostAhead = 3;

/** What a connection's state keeps for it. */
export interface PaceState {
  /** Bytes a second that the socket is held to; 0: no limit. */
  pace: number;
  /** The last piece of media, and how many it went on from without a break. */
  piece: number;
  piecesInRow: number;
}

/** A connection, as far as its pace goes. */
export interface PacedConnection extends PeeredConnection {
  readonly state: PaceState;
  /** See Connection. */
  rate: number;
}

/** Nothing was sent yet. */
export function freshPace(state: PaceState): void {
  state.pace = 0;
  state.piece = Number.NEGATIVE_INFINITY;
  state.piecesInRow = 0;
}

/** Holds a connection to so many bytes a second; 0: no limit. One call of the kernel, where that is another than before. */
export function paceTo(connection: PacedConnection, rate: number): void {
  const { state } = connection;
  connection.rate = 0;
  if (state.pace === rate) return;
  state.pace = rate;
  // Where a socket cannot be paced (a Unix socket) it is not.
  connection.owner.loop.engine.pace(connection.fd, rate === 0 ? -1 : rate);
}

/** Holds a response with a piece of media to its rate; the first ones are free. */
export function paceMedia(connection: PacedConnection, { rate, number }: MediaPace): void {
  const { state } = connection;
  const ahead = number - state.piece;
  if (ahead < 0 || ahead > mostAhead) state.piecesInRow = 0;
  else if (ahead > 0) state.piecesInRow++;
  state.piece = number;
  if (state.piecesInRow >= freePieces) connection.rate = rate;
}
