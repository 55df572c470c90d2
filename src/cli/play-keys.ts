// Keys while playing, on a terminal: it is put into raw mode, and back into its own at every end of the process. Not here: what an action does (play-session.ts).

import type { ReadStream } from 'node:tty';

/** What a key asks for. */
export type PlayAction =
  | { readonly kind: 'pause' }
  | { readonly kind: 'next' }
  | { readonly kind: 'quit' }
  | { readonly kind: 'seek'; readonly seconds: number };

const keys: Readonly<Record<string, PlayAction>> = {
  ' ': { kind: 'pause' },
  n: { kind: 'next' },
  q: { kind: 'quit' },
  // Ctrl-C and Ctrl-D arrive as characters in raw mode.
  '\u0003': { kind: 'quit' },
  '\u0004': { kind: 'quit' },
  '\u001b[C': { kind: 'seek', seconds: 5 },
  '\u001b[D': { kind: 'seek', seconds: -5 },
  '\u001b[A': { kind: 'seek', seconds: 60 },
  '\u001b[B': { kind: 'seek', seconds: -60 },
  // As terminals send arrows in application mode.
  '\u001bOC': { kind: 'seek', seconds: 5 },
  '\u001bOD': { kind: 'seek', seconds: -5 },
  '\u001bOA': { kind: 'seek', seconds: 60 },
  '\u001bOB': { kind: 'seek', seconds: -60 },
};

/** The actions of what was typed, in order; what means nothing is left out. Seeks that follow each other become one. */
export function actionsOf(typed: string): PlayAction[] {
  const found: PlayAction[] = [];
  // biome-ignore lint/suspicious/noControlCharactersInRegex: keys of terminals begin with one.
  for (const [key] of typed.matchAll(/\u001b(?:\[[0-9;]*[A-Za-z~]|O[A-Za-z])|[\s\S]/g)) {
    const action = keys[key];
    const last = found.at(-1);
    if (action?.kind === 'seek' && last?.kind === 'seek')
      found[found.length - 1] = { kind: 'seek', seconds: last.seconds + action.seconds };
    else if (action !== undefined) found.push(action);
  }
  return found;
}

/** Listens to keys where the input is a terminal. @returns what ends that; also the end of the process does */
export function listenToKeys(input: ReadStream, act: (action: PlayAction) => void): () => void {
  if (input.isTTY !== true) return () => {};
  const listener = (typed: string): void => {
    for (const action of actionsOf(typed)) act(action);
  };
  // A terminal that is gone has no keys.
  const ignore = (): void => {};
  const restore = (): void => {
    process.off('exit', restore);
    input.off('data', listener);
    try {
      input.setRawMode(false);
    } catch {
      // The terminal is gone: there is nothing to restore.
    }
    input.pause();
  };
  input.setRawMode(true);
  input.setEncoding('utf8');
  input.on('data', listener);
  input.on('error', ignore);
  input.resume();
  process.on('exit', restore);
  return restore;
}
