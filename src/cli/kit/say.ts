// What a command says on a standard stream while its main thread serves: a reader who stands still (a pipe that nobody reads, a terminal that is
// stopped) must hold up neither what is served nor the end. Not here: warnings that are lost then (serve.ts).

import { takesOutput } from '../../kernel/event.js';

/** At most 4096 bytes, which a pipe that has room at all takes whole (pipe(7), PIPE_BUF): a character of UTF-16 has up to three in UTF-8. */
const pieceCharacters = 1024;
const retryMs = 250;

/** Says it as soon as it is taken without waiting, piece by piece, and at once where it can be. What nobody took by the end is lost. */
export function sayWhenTaken(stream: 'stdout' | 'stderr', text: string): void {
  for (let at = 0; at < text.length; at += pieceCharacters) {
    if (!takesOutput(stream === 'stdout' ? 1 : 2)) {
      const left = text.slice(at);
      setTimeout(() => sayWhenTaken(stream, left), retryMs).unref();
      return;
    }
    process[stream].write(text.slice(at, at + pieceCharacters));
  }
}
