// What ends a measurement: a signal, a time, the end of the process that is followed or of the program that was run. Shared
// by the commands that measure until then (meter, journey). Not here: what they measure, and what they say at the end.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants } from 'node:os';
import { type EndingSignal, endingSignals, ignoredSignals, onSignals, statusOfSignal } from './signals.js';
import { UsageError } from './usage.js';

/** A program that did not end at SIGTERM is ended by force after this. */
const defaultGraceMs = 5000;

/** What to wait for, and what to do meanwhile. */
export interface Waiting {
  /** For messages: `clearway meter`. */
  readonly name: string;
  /** Ends after this time. A program that was run gets SIGTERM then, and after `graceMs` SIGKILL. */
  readonly durationMs?: number | undefined;
  /** The program to run, with its arguments; its standard streams are ours. */
  readonly command?: readonly string[] | undefined;
  /** The process whose end is waited for; not asked where a program is run. */
  readonly processId?: number | undefined;
  /** Called when the program runs: it was forked by this process, which need not be followed any longer. */
  started(): void;
  /** Called again and again; what it throws ends the waiting. */
  readonly tick?: { readonly intervalMs: number; run(): void } | undefined;
  readonly graceMs?: number;
}

/**
 * Waits for the end.
 * @returns the exit status of the program that was run (128 and the number of its signal); 0 where its time was up; without a
 * program that of the signal: 0 where the end was asked for (SIGINT, SIGTERM), else 128 and its number. @throws UsageError where it cannot be run; what `tick` throws
 */
export async function untilTheEnd(waiting: Waiting): Promise<number> {
  const wait = new Wait(waiting);
  try {
    return await wait.run();
  } finally {
    wait.stop();
  }
}

class Wait {
  private readonly timers: NodeJS.Timeout[] = [];
  private forgetSignals: () => void = () => {};
  private child: ChildProcess | undefined;
  private outOfTime = false;
  private end: (status: number) => void = () => {};
  private fail: (error: Error) => void = () => {};

  constructor(private readonly waiting: Waiting) {}

  run(): Promise<number> {
    const { durationMs, command, processId, tick } = this.waiting;
    return new Promise((resolve, reject) => {
      this.end = resolve;
      this.fail = reject;
      this.forgetSignals = onSignals(endingSignals, (signal) => this.onSignal(signal));
      process.stdout.on('error', this.onOutputGone);
      if (durationMs !== undefined) this.timers.push(setTimeout(() => this.endAtTime(), durationMs));
      if (tick !== undefined) this.timers.push(setInterval(() => this.tick(tick.run), tick.intervalMs));
      if (command !== undefined) this.start(command);
      else if (processId !== undefined) {
        const path = `/proc/${processId}`;
        this.timers.push(setInterval(() => !existsSync(path) && this.end(0), 100));
      } else this.timers.push(setInterval(() => {}, 60_000));
    });
  }

  stop(): void {
    for (const timer of this.timers) clearInterval(timer);
    this.forgetSignals();
    process.stdout.off('error', this.onOutputGone);
  }

  private onSignal(signal: EndingSignal): void {
    // A program of ours decides itself when to end; its end is ours.
    if (this.child === undefined) this.end(statusOfSignal(signal));
    else if (signal !== 'SIGINT' && signal !== 'SIGQUIT') this.child.kill(signal);
  }

  private readonly onOutputGone = (): void => this.end(0);

  private tick(run: () => void): void {
    try {
      run();
    } catch (error) {
      // A full disk under a recording, say: the program being run goes on, the measurement ends.
      this.fail(error as Error);
    }
  }

  private endAtTime(): void {
    this.outOfTime = true;
    const { child } = this;
    if (child === undefined) {
      this.end(0);
      return;
    }
    const { graceMs = defaultGraceMs, name } = this.waiting;
    child.kill('SIGTERM');
    const kill = (): void => {
      process.stderr.write(`${name}: the program did not end at SIGTERM within ${graceMs / 1000} s and was killed\n`);
      child.kill('SIGKILL');
    };
    this.timers.push(setTimeout(kill, graceMs));
  }

  private start(command: readonly string[]): void {
    const [program = '', ...rest] = ignoringAsWeDo(command);
    const child = spawn(program, rest, { stdio: 'inherit' });
    this.waiting.started();
    this.child = child;
    child.on('error', (error: NodeJS.ErrnoException) => {
      const words: Readonly<Record<string, string>> = {
        ENOENT: 'there is no such program',
        EACCES: 'it may not be executed: check its permissions, or name a program',
      };
      const why = words[error.code ?? ''] ?? error.message;
      this.fail(new UsageError(`cannot run ${JSON.stringify(program)}: ${why}`));
    });
    child.on('exit', (status, signal) => this.end(this.outOfTime ? 0 : (status ?? 128 + constants.signals[signal!])));
  }
}

/** Node starts programs with every signal at its default: beneath nohup a shell in between ignores what we were to ignore. */
function ignoringAsWeDo(command: readonly string[]): readonly string[] {
  const ignored = [...ignoredSignals()].map((signal) => signal.slice('SIG'.length)).join(' ');
  return ignored === '' ? command : ['sh', '-c', `trap '' ${ignored}; exec "$0" "$@"`, ...command];
}
