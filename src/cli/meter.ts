// `clearway meter`: opens a meter, shows a live table on a terminal, and ends with a report: at a signal, after a time,
// or when what it meters ends. Not here: counting (meter/) and the words of reports (meter/report.ts).

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { RefusedError } from '../bpf/refusals.js';
import { judge } from '../meter/fail-if.js';
import { createMeter, type Meter, type Reading, ScopeError, SelfTestError, type SocketRow } from '../meter/index.js';
import { jsonReport, liveFrame, socketTable, textReport } from '../meter/report.js';
import { cgroupPaths } from '../meter/scope.js';
import { type MeterCommand, meterHelp, parseMeterArguments } from './meter-options.js';
import { UsageError } from './usage.js';

/** The line for `clearway --help`. */
export const summary = 'count every byte the CPU copies through sockets, for any program';

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;

/**
 * Runs the command. @returns the exit status: 0 or the metered command's; 1 where a --fail-if holds; 3 where the host
 * refuses, after one sentence on stderr. @throws UsageError
 */
export async function run(args: string[]): Promise<number> {
  const command = parseMeterArguments(args);
  if (command.help) {
    process.stdout.write(meterHelp);
    return 0;
  }
  let meter: Meter;
  try {
    meter = createMeter({ scope: command.scope, sockets: command.sockets });
  } catch (error) {
    if (error instanceof ScopeError) throw new UsageError(error.message);
    process.stderr.write(`clearway meter: ${refusalSentence(error)}\n`);
    return 3;
  }
  try {
    return await new MeterRun(command, meter).run();
  } finally {
    meter.close();
  }
}

/** One plain sentence for why there is no meter. Throws on what is no refusal. */
function refusalSentence(error: unknown): string {
  if (error instanceof RefusedError) {
    const missing = error.reason === 'no-tracepoint' || error.reason === 'no-field' || error.reason === 'no-type';
    return `${missing ? `${error.subject}: ` : ''}${error.says}; ${error.remedy}.`;
  }
  if (error instanceof SelfTestError) return `${error.message}.`;
  throw error;
}

/** One metering, from the first frame to the report. */
class MeterRun {
  private readonly subject: string;
  private readonly live: boolean;
  private before: Reading | undefined;
  private child: ChildProcess | undefined;
  private outOfTime = false;

  constructor(
    private readonly command: MeterCommand,
    private readonly meter: Meter,
  ) {
    const { scope, command: program, json } = command;
    if (program !== undefined) this.subject = program.join(' ');
    else if (scope.kind === 'all') this.subject = 'all processes';
    else if (scope.kind === 'cgroup') this.subject = `cgroup ${scope.path}`;
    else this.subject = `process ${scope.processId} and its descendants`;
    this.live = !json && program === undefined && process.stdout.isTTY === true;
  }

  async run(): Promise<number> {
    const childStatus = await this.untilTheEnd();
    const reading = this.meter.read();
    const sockets = this.command.sockets ? this.meter.sockets() : undefined;
    this.meter.close();
    this.write(reading, true, sockets);
    const failures = this.command.failIf
      .map((condition) => judge(condition, reading))
      .filter((why) => why !== undefined);
    for (const why of failures) process.stderr.write(`clearway meter: ${why}\n`);
    if (childStatus !== 0) return childStatus;
    return failures.length > 0 ? 1 : 0;
  }

  /** Waits for whatever ends the metering. @returns the exit status of the program that was run, 0 without one. */
  private untilTheEnd(): Promise<number> {
    return new Promise((resolve, reject) => {
      const timers: NodeJS.Timeout[] = [];
      const onSignal = (signal: NodeJS.Signals) => {
        // A program of ours decides itself when to end; its end is ours.
        if (this.child === undefined) end(0);
        else if (signal !== 'SIGINT' && signal !== 'SIGQUIT') this.child.kill(signal);
      };
      const stop = () => {
        for (const timer of timers) clearInterval(timer);
        for (const signal of endingSignals) process.off(signal, onSignal);
        process.stdout.off('error', onOutputGone);
      };
      const end = (status: number) => {
        stop();
        resolve(status);
      };
      const fail = (error: Error) => {
        stop();
        reject(error);
      };
      const onOutputGone = () => end(0);
      for (const signal of endingSignals) process.on(signal, onSignal);
      process.stdout.on('error', onOutputGone);
      const { durationMs, intervalMs, scope, command } = this.command;
      if (durationMs !== undefined) timers.push(setTimeout(() => this.endAtTime(end), durationMs));
      if (this.live || intervalMs !== undefined) timers.push(setInterval(() => this.tick(), intervalMs ?? 1000));
      if (command !== undefined) this.start(command, end, fail);
      else if (scope.kind === 'process') {
        const path = `/proc/${scope.processId}`;
        timers.push(setInterval(() => !existsSync(path) && end(0), 100));
      } else timers.push(setInterval(() => {}, 60_000));
    });
  }

  private endAtTime(end: (status: number) => void): void {
    this.outOfTime = true;
    if (this.child === undefined) end(0);
    else this.child.kill('SIGTERM');
  }

  /** The child is counted because this process, its parent, is a member while it is forked. */
  private start(command: readonly string[], end: (status: number) => void, fail: (error: Error) => void): void {
    const [program = '', ...rest] = command;
    const child = spawn(program, rest, { stdio: 'inherit' });
    this.meter.exclude(process.pid);
    this.child = child;
    child.on('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'ENOENT' ? 'there is no such program' : error.message;
      fail(new UsageError(`cannot run ${JSON.stringify(program)}: ${why}`));
    });
    child.on('exit', (status, signal) => end(this.outOfTime ? 0 : (status ?? 128 + constants.signals[signal!])));
  }

  private tick(): void {
    const reading = this.meter.read();
    if (this.live) {
      const height = process.stdout.rows ?? 24;
      process.stdout.write(`\x1b[H\x1b[J${liveFrame(reading, this.before, this.subject, height)}`);
    } else if (this.command.json) this.write(reading, false);
    this.before = reading;
  }

  private write(reading: Reading, last: boolean, sockets?: readonly SocketRow[]): void {
    const { json, output, command, intervalMs } = this.command;
    const text = json
      ? this.jsonText({ ...jsonReport(reading, this.subject, cgroupPaths()), sockets, final: last })
      : `${textReport(reading, this.subject)}${sockets === undefined ? '' : `\n${socketTable(sockets)}`}`;
    if (output !== undefined) writeFileSync(output, text, { flag: last && intervalMs === undefined ? 'w' : 'a' });
    else if (command !== undefined) process.stderr.write(text);
    else process.stdout.write(`${this.live ? '\x1b[H\x1b[J' : ''}${text}`);
  }

  private jsonText(report: object): string {
    const oneLine = this.command.intervalMs !== undefined;
    return `${oneLine ? JSON.stringify(report) : JSON.stringify(report, null, 2)}\n`;
  }
}
