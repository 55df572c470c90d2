// A load program under way: asks it for rounds, one at a time.

import type { ChildProcess } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { startPinned, stopChild } from '../host/child.js';
import type { Round } from './load.js';

const program = fileURLToPath(new URL('./load.js', import.meta.url));

/** One load program. */
export class Worker {
  readonly processId: number;
  private readonly lines: AsyncIterator<string>;
  private readonly reader: Interface;

  private constructor(private readonly child: ChildProcess) {
    this.processId = child.pid!;
    child.stderr?.pipe(process.stderr);
    this.reader = createInterface({ input: child.stdout! });
    this.lines = this.reader[Symbol.asyncIterator]();
  }

  /** Starts one, pinned to `cpus` where given. @throws where it ends instead */
  static async start(kind: string, cpus: string | undefined): Promise<Worker> {
    const worker = new Worker(startPinned({ cpus, niceness: 0 }, process.execPath, [program, kind]));
    await worker.line();
    return worker;
  }

  private async line(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done === true) throw new Error('the load program ended');
    return value as string;
  }

  /** One round of `timeMs`. */
  async round(timeMs: number): Promise<Round> {
    this.child.stdin!.write(`${timeMs}\n`);
    return JSON.parse(await this.line()) as Round;
  }

  async stop(): Promise<void> {
    this.reader.close();
    await stopChild(this.child);
  }
}
