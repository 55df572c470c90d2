// Where `clearway play` writes its lines, events and complaints: to a reader that may stop reading, which must neither hold playing up nor fill the memory. What waits for it is
// bounded: beyond that lines are left out, and how many is said once it reads again. Not here: what they say (play-session.ts).

import type { Writable } from 'node:stream';
import { counted } from '../text/units.js';

/** A stream that keeps what its reader has not taken (a pipe, a socket). */
export type LineStream = Pick<Writable, 'write' | 'writableLength'>;

/** Bytes that may wait for the reader before lines are left out: some thousand events. */
const mostWaitingBytes = 1024 * 1024;

/** See the file's head. */
export class PlayLines {
  readonly #out: LineStream;
  readonly #isJson: boolean;
  #leftOut = 0;

  /** @param isJson each line is an event, and so is what is said of those that are left out */
  constructor(out: LineStream, isJson: boolean) {
    this.#out = out;
    this.#isJson = isJson;
  }

  /** Writes a line, or leaves it out where too much waits. @param line without its newline */
  write(line: string): void {
    if (this.#out.writableLength > mostWaitingBytes) this.#leftOut++;
    else this.writeLast(line);
  }

  /** Writes a line that is never left out, such as the report; before it stands how many were. */
  writeLast(line: string): void {
    const events = this.#leftOut;
    this.#leftOut = 0;
    const words = `${counted(events, 'line')} left out: nobody read them`;
    const missed = this.#isJson ? JSON.stringify({ event: 'missed', events }) : words;
    this.#out.write(`${events > 0 ? `${missed}\n` : ''}${line}\n`);
  }
}
