// `npm start [-- [DIR] [options]]`: from a fresh clone to a running server in one command; without DIR as the first
// argument it serves examples/site. The server runs as a child of this process: signals reach it, and its end is this
// command's end.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { build, install, root } from './run.mjs';

// npm passes on a signal that the whole process group already got; the server's second SIGTERM means "now".
const SAME_SIGNAL_MS = 300;

install();
build();
const given = process.argv.slice(2);
const directory = given[0]?.startsWith('-') === false ? [] : [join(root, 'examples/site')];
// The server keeps the directory from which npm was called, so that a relative DIR means what it says there.
const server = spawn(process.execPath, [join(root, 'dist/src/cli/main.js'), 'serve', ...directory, ...given], {
  cwd: process.env.INIT_CWD ?? process.cwd(),
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) forward(signal);
server.on('error', (error) => {
  console.error(`cannot start the server: ${error.message}`);
  process.exit(1);
});
server.on('exit', (status, signal) => {
  if (signal === null) process.exit(status);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});

/** Sends one kind of signal on, once for a burst; a terminal sends SIGINT and SIGHUP to the server by itself. */
function forward(signal) {
  let lastAt = Number.NEGATIVE_INFINITY;
  process.on(signal, () => {
    const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGHUP');
    const isRepeated = performance.now() - lastAt < SAME_SIGNAL_MS;
    lastAt = performance.now();
    if (!fromTerminal && !isRepeated) server.kill(signal);
  });
}
