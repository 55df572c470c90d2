// Shared by `npm start` and `npm test`: install when the lock file changed, build when a source changed, run a program.
// It is plain JavaScript because it runs before anything is installed or compiled.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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

/** Installs the dependencies at their locked versions, unless that was done for this lock file and this Node. (Not `npm ci`: it
 * refuses a lock file that lists only the platform it was written on.) */
export function install() {
  const stamp = join(root, 'node_modules', '.clearway-installed');
  const wanted = `${process.version} ${readFileSync(join(root, 'package-lock.json'), 'utf8')}`;
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  run('npm', ['install', '--no-audit', '--no-fund', '--loglevel=error']);
  mkdirSync(join(root, 'node_modules'), { recursive: true });
  writeFileSync(stamp, wanted);
}

/** Compiles; the compiler's own build record makes this fast when nothing changed. */
export function build() {
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.json']);
}
