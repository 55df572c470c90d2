#!/bin/sh
// 2>/dev/null; [ "$1" != serve ] || unset NODE_EXTRA_CA_CERTS; [ ! -r /proc/$$/status ] || while read -r name value; do [ "$name" != SigIgn: ] || export CLEARWAY_IGNORED_SIGNALS="$value"; done </proc/$$/status; exec node "$0" "$@"

// The executable `clearway`: hands the command line to the dispatcher and sets the exit status.
// Nothing else is here, so that everything about the command line can be tested without a process.
//
// The second line is a comment to Node and a program to the shell, which still sees which signals were ignored at the start
// (nohup): Node forgets them before any JavaScript runs (kit/signals.ts). Started as `node main.js` it runs without the shell.
// Certificates named by NODE_EXTRA_CA_CERTS are parsed at every start of Node, 46 ms for a distribution's bundle; a server that
// makes no TLS connections does without.

import { commands } from './commands.js';
import { dispatch } from './kit/dispatch.js';
import { keepIgnoredSignals } from './kit/signals.js';
import { dressed } from './kit/terminal.js';
import { isTerminalGone, outliveTerminals } from './kit/vanished-terminal.js';
import { packageVersion } from './kit/version.js';

/** What becomes of a command whose output has gone. */
function watchOutput(): void {
  // A reader that went away (`clearway doctor | head -1`) is not a failure; a full disk is, and one sentence says so.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit();
    if (isTerminalGone(error, process.stdout)) return;
    process.stderr.write(`clearway: standard output cannot be written: ${error.message}\n`);
    process.exit(1);
  });
  // Where nobody reads stderr any more, there is nobody left to tell; whatever runs goes on.
  process.stderr.on('error', () => {});
}

// No await at the top: the bundle is CommonJS (tools/bundle.mjs).
void Promise.resolve()
  .then(() => {
    // Behind the command's first steps, but before any error of theirs is told: a pipe has Node load its sockets, for which a
    // server's first answer need not wait.
    process.nextTick(watchOutput);
    const ended = dispatch(process.argv.slice(2), {
      commands,
      version: packageVersion,
      out: (text) => process.stdout.write(dressed(text, process.stdout)),
      error: (text) => process.stderr.write(text),
    });
    // Before the command runs, which has only been begun to be loaded.
    keepIgnoredSignals();
    outliveTerminals();
    return ended;
  })
  .then((status) => {
    process.exitCode = status;
  });
