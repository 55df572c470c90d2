// What a command says on a standard stream while its main thread serves: a reader who stands still (a pipe that nobody reads, a terminal that is
// stopped) must hold up neither what is served nor the end. Not here: warnings that are lost then (serve.ts).

import { takesOutput } from '../../kernel/event.js';

/** At most 4096 bytes, which a pipe that has room at all takes whole (pipe(7), PIPE_BUF): a character of UTF-16 has up to three in UTF-8. */
const pieceCharacters = 1024;
const retryMs = 250;

/** What nobody took yet. */
const waiting = { stdout: '', stderr: '' };

/** Says it as soon as it is taken without waiting, piece by piece and in order, and at once where it can be. What nobody took by the end is lost. */
export function sayWhenTaken(stream: keyof typeof waiting, text: string): void {
  const isBehind = waiting[stream] !== '';
  waiting[stream] += text;
  if (!isBehind) sayWaiting(stream);
}

function sayWaiting(stream: keyof typeof waiting): void {
  while (waiting[stream] !== '') {
    if (!takesOutput(stream === 'stdout' ? 1 : 2)) {
      setTimeout(() => sayWaiting(stream), retryMs).unref();
      return;
    }
    const text = waiting[stream];
    // A character of two units stays whole.
    const isCut = text.codePointAt(pieceCharacters - 1)! > 0xffff;
    const length = isCut ? pieceCharacters - 1 : pieceCharacters;
    waiting[stream] = text.slice(length);
    process[stream].write(text.slice(0, length));
  }
}
