// A measurement that leaves nothing behind: whatever ends it, what it made is taken away. Shared by the commands that make namespaces (lab, bypass). Not here: what is
// made.

import { constants } from 'node:os';
import { endingSignals, onSignals } from './signals.js';

/** Runs `use` so that `close` is called whatever ends it: its return, an exception, a signal (exit status 128 and its number), the process's exit. */
export async function cleanly(close: () => void, use: () => Promise<number>): Promise<number> {
  // Broken off, whatever the signal: there is no result.
  const forgetSignals = onSignals(endingSignals, (signal) => {
    close();
    process.exit(128 + constants.signals[signal]);
  });
  process.on('exit', close);
  try {
    return await use();
  } finally {
    close();
    forgetSignals();
    process.off('exit', close);
  }
}
