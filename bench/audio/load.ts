// The load under which pumps are measured: a busy loop on each processor, a process that collects garbage without end, and one that reads a disk past the page cache. All of it ends with
// whoever started it. Not here: what is measured.

import type { ChildProcess } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { startPinned } from '../host/child.js';

const churn = `
  let kept = [];
  for (;;) { kept.push(new Array(256).fill(kept.length)); if (kept.length > 20000) kept = []; }`;

const busy = 'trap "exit" TERM; while :; do :; done';

/** A load that runs. */
export class Load {
  readonly #children: ChildProcess[] = [];

  /** @param garbage a process of its own collects garbage: for what has no process that does. @param file is read by O_DIRECT again and again; none: no disk is read */
  constructor(garbage: boolean, file: string | undefined) {
    const start = (command: string, args: readonly string[]): void => {
      const child = startPinned({ cpus: undefined, niceness: 0 }, command, args);
      child.stdout?.resume();
      child.stderr?.resume();
      this.#children.push(child);
    };
    for (let each = 0; each < availableParallelism(); each++) start('sh', ['-c', busy]);
    if (garbage) start(process.execPath, ['-e', churn]);
    if (file === undefined) return;
    start('sh', [
      '-c',
      `trap "exit" TERM; while dd if="$0" of=/dev/null bs=1M iflag=direct 2>/dev/null; do :; done`,
      file,
    ]);
  }

  /** Ends it, and waits for that. */
  async end(): Promise<void> {
    const ended = this.#children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of this.#children) child.kill('SIGKILL');
    await Promise.all(ended);
  }
}
