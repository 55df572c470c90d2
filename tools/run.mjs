// Shared by `npm start` and `npm test`: install when the lock file changed, build when a source changed, run a program.
// It is plain JavaScript because it runs before anything is installed or compiled.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

// npm passes on a signal that the whole process group already got; a server's second SIGTERM means "now".
const SAME_SIGNAL_MS = 300;
// How often it is asked whether whoever started this process is still there.
const PARENT_CHECK_MS = 200;

export const root = fileURLToPath(new URL('..', import.meta.url));

/** Runs a command in the repository's root with this terminal; ends this process with its status when it fails. */
export function run(command, args, env = {}) {
  const done = spawnSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  if (done.error) {
    console.error(`cannot run ${command}: ${done.error.message}`);
    process.exit(1);
  }
  if (done.status !== 0) process.exit(done.status ?? 1);
}

/**
 * Runs a program as this command's last act: signals are passed on to it, and its end is the end of this process, `atEnd` in between.
 */
export function become(command, args, options = {}, atEnd = () => {}) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', ...options });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1', 'SIGUSR2']) forward(signal, child);
  endWithParent(child);
  child.on('error', (error) => {
    console.error(`cannot run ${command}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (status, signal) => {
    atEnd();
    if (signal === null) process.exit(status);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

/** Sends one kind of signal on, once for a burst; a terminal sends SIGINT and SIGHUP to the child by itself. */
function forward(signal, child) {
  let lastAt = Number.NEGATIVE_INFINITY;
  process.on(signal, () => {
    const fromTerminal = process.stdin.isTTY && (signal === 'SIGINT' || signal === 'SIGHUP');
    const isRepeated = performance.now() - lastAt < SAME_SIGNAL_MS;
    lastAt = performance.now();
    if (!fromTerminal && !isRepeated) child.kill(signal);
  });
}

/**
 * npm runs a script in a shell. Most shells hand their process over to a lone command, so that npm's signals come here; where one
 * stays in between, a signal ends the shell alone, and what is left to see of it is that the parent changed.
 */
function endWithParent(child) {
  if (process.env.npm_lifecycle_event === undefined || process.platform === 'win32') return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    child.kill('SIGTERM');
  }, PARENT_CHECK_MS);
  timer.unref();
}

/**
 * Installs the dependencies at their locked versions, unless that was done for this lock file, Node and processor.
 * The lock file is read and never written. An installation that is a link belongs to somebody else and is left as it is.
 */
export function install() {
  refuseOldNode();
  const modules = join(root, 'node_modules');
  if (lstatSync(modules, { throwIfNoEntry: false })?.isSymbolicLink()) return;
  const stamp = join(modules, '.clearway-installed');
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const wanted = `${process.version} ${process.platform}-${process.arch} ${lock}`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  console.log('installing the dependencies');
  npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, wanted);
}

/** Runs npm: the one that runs this script, which needs no search of the path (on Windows npm is a batch file). */
function npm(args) {
  const program = process.env.npm_execpath;
  if (program?.endsWith('.js')) run(process.execPath, [program, ...args]);
  else run('npm', args);
}

/** Builds all that is not built yet (tools/build.mjs). */
export function build() {
  if (!existsSync(join(root, 'dist/bundle/main.js'))) console.log('building for the first time, about a minute');
  run(process.execPath, [join(root, 'tools/build.mjs')]);
}

/** The time since `startMs` (of `performance.now()`), for people: `12.3 s`. */
export function secondsSince(startMs) {
  return `${((performance.now() - startMs) / 1000).toFixed(1)} s`;
}

function refuseOldNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(`this needs Node 20.19 or later, and this is ${process.version}: install a current Node`);
  process.exit(1);
}
