// A back end of the tests: `clearway disk` or `clearway net` as a process that can be killed and started again. Not here: the machine
// that uses it (machine.ts).

import { setTimeout as sleep } from 'node:timers/promises';
import { program } from '../support/program.js';
import { endTied, startTied, type Tied } from './tied.js';

/** It prints the lines that QEMU needs once it listens. */
const listening = 'QEMU, add';
const limitMs = 20_000;

/** See the file's head. */
export class BackEnd {
  readonly #args: readonly string[];
  readonly #launcher: readonly string[];
  #process: Tied;
  #said = '';
  /** How much it had written when it was started. */
  #begunAt = 0;

  private constructor(args: readonly string[], launcher: readonly string[]) {
    this.#args = args;
    this.#launcher = launcher;
    this.#process = this.#begin();
  }

  /** Starts one, with the command's arguments, and waits until it listens. @param launcher words before it, as `ip netns exec NAME` */
  static async start(args: readonly string[], launcher: readonly string[] = []): Promise<BackEnd> {
    const backEnd = new BackEnd(args, launcher);
    await backEnd.hears(listening);
    return backEnd;
  }

  /** What it wrote, since its beginning. */
  get said(): string {
    return this.#said;
  }

  #begin(): Tied {
    this.#begunAt = this.#said.length;
    const [command, ...rest] = [...this.#launcher, process.execPath, program, ...this.#args];
    const child = startTied(command!, rest);
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (text: Buffer) => {
        this.#said += text.toString();
      });
    }
    return child;
  }

  /** Waits until it has written this since it was started; ends it where it does not. @throws Error */
  async hears(text: string): Promise<void> {
    for (const startedMs = Date.now(); !this.#said.includes(text, this.#begunAt); ) {
      if (this.#process.exitCode !== null || Date.now() - startedMs > limitMs) {
        // Whoever waits for it knows of none that could be ended; and the test's process lasts as long as it does.
        await endTied(this.#process);
        throw new Error(`clearway ${this.#args.join(' ')} does not say ${text}: ${this.#said}`);
      }
      await sleep(20);
    }
  }

  /** Kills it, so that it can do nothing more, and starts another in its place. */
  async restart(): Promise<void> {
    await endTied(this.#process);
    this.#process = this.#begin();
    await this.hears(listening);
  }

  /** Has it look at its files again. */
  hangUp(): void {
    this.#process.kill('SIGHUP');
  }

  /** Ends it as an operator does. Returns its exit status. */
  end(): Promise<number | string> {
    return endTied(this.#process, 'SIGTERM');
  }
}
