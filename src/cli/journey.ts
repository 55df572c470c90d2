// `clearway journey`: opens a tracer, waits for whatever ends it (a signal, a time, the end of the process), and reports.
// Not here: measuring (meter/journey/), the command line (journey-options.ts).

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { refusalSentence, ScopeError } from '../meter/index.js';
import { pcapngBlocks } from '../meter/journey/pcapng.js';
import { jsonReport, textReport } from '../meter/journey/report.js';
import { traceOf } from '../meter/journey/trace-export.js';
import { type JourneyTracer, traceJourneys } from '../meter/journey/tracer.js';
import { type JourneyCommand, journeyHelp, parseJourneyArguments } from './journey-options.js';
import { dressed } from './terminal.js';
import { fileTrouble, UsageError } from './usage.js';

/** The line for `clearway --help`. */
export const summary = 'measure where the time of messages goes, from the call to the reader';

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Runs the command. @returns the exit status: 0 or the followed command's; 3 where the host refuses, after one sentence on
 * stderr. @throws UsageError
 */
export async function run(args: string[]): Promise<number> {
  const command = parseJourneyArguments(args);
  if (command.help) {
    process.stdout.write(journeyHelp);
    return 0;
  }
  const files = openFiles(command);
  try {
    return await follow(command, files);
  } finally {
    for (const fd of Object.values(files)) if (fd !== undefined) closeSync(fd);
  }
}

type Files = Readonly<Record<'output' | 'trace' | 'pcapng', number | undefined>>;

/** Files are opened before anything is measured: a path that cannot be written is said at once. @throws UsageError */
function openFiles(command: JourneyCommand): Files {
  const open = (option: 'output' | 'trace' | 'pcapng') => {
    const path = command[option];
    if (path === undefined) return undefined;
    try {
      return openSync(path, 'w');
    } catch (error) {
      throw new UsageError(`--${option} cannot be written: ${fileTrouble(error)}`);
    }
  };
  return { output: open('output'), trace: open('trace'), pcapng: open('pcapng') };
}

async function follow(command: JourneyCommand, files: Files): Promise<number> {
  let tracer: JourneyTracer;
  try {
    tracer = open(command);
  } catch (error) {
    if (error instanceof ScopeError) throw new UsageError(error.message);
    process.stderr.write(`clearway journey: ${refusalSentence(error)}\n`);
    return 3;
  }
  try {
    if (command.command === undefined && process.stderr.isTTY) {
      process.stderr.write('clearway journey: following messages; Ctrl-C ends with the report\n');
    }
    const status = await new Ending(command, tracer).wait();
    tracer.close();
    return report(command, tracer, files) ? status : status || 1;
  } finally {
    tracer.close();
  }
}

function open(command: JourneyCommand): JourneyTracer {
  const { processId, connection, sample } = command;
  const followed = command.command === undefined ? processId : process.pid;
  return traceJourneys({
    scope: followed === undefined ? { kind: 'all' } : { kind: 'process', processId: followed },
    ...(connection === undefined ? {} : { connection }),
    sample,
    headers: command.pcapng !== undefined,
  });
}

/** Writes the report and the files. @returns whether all could be written; where one cannot, the others still are. */
function report(command: JourneyCommand, tracer: JourneyTracer, files: Files): boolean {
  const subject = subjectOf(command);
  const reading = tracer.read();
  const journeys = tracer.journeys();
  let whole = true;
  const write = (option: keyof Files, parts: () => Iterable<string | Uint8Array>) => {
    const fd = files[option];
    if (fd === undefined) return;
    try {
      for (const part of parts()) writeFileSync(fd, part);
    } catch (error) {
      whole = false;
      process.stderr.write(`clearway journey: --${option} cannot be written: ${(error as Error).message}\n`);
    }
  };
  const text = command.json
    ? `${JSON.stringify(jsonReport(reading, journeys, subject))}\n`
    : textReport(reading, journeys, subject);
  write('output', () => [text]);
  write('trace', () => [`${JSON.stringify(traceOf(journeys, subject))}\n`]);
  write('pcapng', () => {
    const wallOffsetNs = BigInt(Date.now()) * 1_000_000n - process.hrtime.bigint();
    return pcapngBlocks(journeys, subject, wallOffsetNs);
  });
  const stream = command.command === undefined ? process.stdout : process.stderr;
  if (files.output === undefined) stream.write(command.json ? text : dressed(text, stream));
  return whole;
}

function subjectOf({ command, processId, connection }: JourneyCommand): string {
  const who =
    command?.join(' ') ?? (processId === undefined ? 'all processes' : `process ${processId} and its descendants`);
  return connection === undefined ? who : `${who}, connections with ${connection}`;
}

/** Whatever ends the following: a signal, a time, the end of the process or of the program that was run. */
class Ending {
  private readonly timers: NodeJS.Timeout[] = [];
  private child: ChildProcess | undefined;
  private outOfTime = false;

  constructor(
    private readonly command: JourneyCommand,
    private readonly tracer: JourneyTracer,
  ) {}

  /** @returns the exit status of the program that was run, 0 without one. @throws UsageError where it cannot be run */
  async wait(): Promise<number> {
    let onSignal: (signal: NodeJS.Signals) => void = () => {};
    try {
      return await new Promise((resolve, reject) => {
        onSignal = (signal) => {
          // A program of ours decides itself when to end; its end is ours.
          if (this.child === undefined) resolve(0);
          else if (signal !== 'SIGINT' && signal !== 'SIGQUIT') this.child.kill(signal);
        };
        for (const signal of endingSignals) process.on(signal, onSignal);
        const { durationMs, command, processId } = this.command;
        if (durationMs !== undefined) this.timers.push(setTimeout(() => this.atTime(resolve), durationMs));
        if (command !== undefined) this.start(command, resolve, reject);
        else if (processId !== undefined) {
          const path = `/proc/${processId}`;
          this.timers.push(setInterval(() => !existsSync(path) && resolve(0), 100));
        } else this.timers.push(setInterval(() => {}, 60_000));
      });
    } finally {
      for (const timer of this.timers) clearInterval(timer);
      for (const signal of endingSignals) process.off(signal, onSignal);
    }
  }

  private atTime(end: (status: number) => void): void {
    this.outOfTime = true;
    if (this.child === undefined) end(0);
    else this.child.kill('SIGTERM');
  }

  /** The child is in scope because this process, its parent, is while it is forked. */
  private start(command: readonly string[], end: (status: number) => void, fail: (error: Error) => void): void {
    const [program = '', ...rest] = command;
    const child = spawn(program, rest, { stdio: 'inherit' });
    this.tracer.exclude(process.pid);
    this.child = child;
    child.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'there is no such program' : error.message;
      fail(new UsageError(`cannot run ${JSON.stringify(program)}: ${why}`));
    });
    child.on('exit', (status, signal) => end(this.outOfTime ? 0 : (status ?? 128 + constants.signals[signal!])));
  }
}
