#!/usr/bin/env node
// The executable `clearway`: hands the command line to the dispatcher and sets the exit status.
// Nothing else is here, so that everything about the command line can be tested without a process.

import { dispatch } from './dispatch.js';

// A reader that went away (`clearway doctor | head -1`) is not a failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});

process.exitCode = await dispatch(process.argv.slice(2));
