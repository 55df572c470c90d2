// `clearway why`: meters a command, a process or the host for a while, and says in plain sentences why bytes were copied
// and what would stop it. Not here: the rules (why/rules.ts), gathering what the host says (why/gather.ts).

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { constants } from 'node:os';
import { createMeter, type Meter, refusalSentence, ScopeError } from '../meter/index.js';
import { shortfallLines } from '../meter/report.js';
import { Watch } from '../why/gather.js';
import { whyText } from '../why/report.js';
import { explain } from '../why/rules.js';
import { parseFlags } from './kit/flags.js';
import { dressed, formOf } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { parseTime } from './meter-options.js';

/** The line for `clearway --help`. */
export const summary = 'say why bytes are copied, and what would stop it';

const help = `Usage: clearway why [--json] [--duration TIME] [--pid N | -- COMMAND ARG...]

Meters copies, looks at devices, programs, captures and sockets on the way, and says in plain sentences why bytes were
copied, what would stop it, and what that saves. Needs root.

  --pid N            a process and its descendants, until it ends
  -- COMMAND ARG...  runs a program; the answer goes to stderr
  --duration TIME    ends after a time: 10s, 500ms, 2m (default without COMMAND: 10s)
  --json             reasons and evidence as JSON

Without --pid and COMMAND it looks at every process of the host; Ctrl-C ends it early, with an answer.
Exit status: 0; that of COMMAND; 2 for wrong use; 3 if the host refuses.
`;

const endingSignals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
const sampleMs = 50;
const samplesToSockets = 6;

interface WhyCommand {
  readonly json: boolean;
  readonly processId: number | undefined;
  readonly program: readonly string[] | undefined;
  readonly durationMs: number | undefined;
}

/** Runs the command. @returns the exit status. @throws UsageError */
export async function run(args: string[]): Promise<number> {
  const command = parse(args);
  if (command === 'help') {
    process.stdout.write(dressed(help, process.stdout));
    return 0;
  }
  const { processId, program } = command;
  let meter: Meter;
  try {
    const root = processId ?? (program === undefined ? undefined : process.pid);
    const scope = root === undefined ? ({ kind: 'all' } as const) : ({ kind: 'process', processId: root } as const);
    meter = createMeter({ scope, stacks: true });
  } catch (error) {
    if (error instanceof ScopeError) throw new UsageError(error.message);
    process.stderr.write(`clearway why: ${refusalSentence(error)}\n`);
    return 3;
  }
  // Held open, so that the namespace can be entered when the process is gone.
  const namespace = openSync(`/proc/${processId ?? 'self'}/ns/net`, 'r');
  try {
    return await answer(command, meter, `/proc/self/fd/${namespace}`);
  } finally {
    meter.close();
    closeSync(namespace);
  }
}

function parse(args: readonly string[]): WhyCommand | 'help' {
  const separator = args.indexOf('--');
  const own = separator === -1 ? [...args] : args.slice(0, separator);
  const program = separator === -1 ? undefined : args.slice(separator + 1);
  const options = {
    json: { type: 'boolean' },
    pid: { type: 'string' },
    duration: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  } as const;
  const { values } = parseFlags('why', own, options, 0, 'a command to run stands after --');
  if (values.help === true) return 'help';
  if (program?.length === 0) throw new UsageError('there is no command after --');
  if (program !== undefined && values.pid !== undefined) throw new UsageError('choose one of --pid and -- COMMAND');
  if (values.pid !== undefined && !/^[1-9]\d*$/.test(values.pid)) {
    throw new UsageError(`--pid takes a process id, not ${JSON.stringify(values.pid)}`);
  }
  return {
    json: values.json === true,
    processId: values.pid === undefined ? undefined : Number(values.pid),
    program,
    durationMs: values.duration === undefined ? undefined : parseTime('--duration', values.duration),
  };
}

async function answer(command: WhyCommand, meter: Meter, namespace: string): Promise<number> {
  const { processId, program, json } = command;
  const watch = new Watch(namespace, processId ?? (program === undefined ? undefined : process.pid));
  let samples = 0;
  const sampler = setInterval(() => {
    watch.sample();
    if (++samples % samplesToSockets === 0) watch.sampleSockets();
  }, sampleMs);
  const status = await untilTheEnd(command, meter).finally(() => clearInterval(sampler));
  const reading = meter.read();
  const evidence = watch.end(reading, meter.stacks());
  const why = explain(evidence);
  const subject =
    program?.join(' ') ?? (processId === undefined ? 'all processes' : `process ${processId} and its descendants`);
  const stream = program === undefined ? process.stdout : process.stderr;
  const text = json
    ? `${JSON.stringify({ why: 'clearway', subject, ...why, evidence, unseen: reading.unseen, shortfall: reading.shortfall }, null, 2)}\n`
    : [whyText(why, evidence, subject, Math.min(110, formOf(stream).columns)), ...shortfallLines(reading)].join('\n');
  stream.write(json ? text : dressed(text, stream));
  return status;
}

/** Waits for the end of the command, of the process or of the time, or for a signal. @returns the exit status so far. */
function untilTheEnd({ program, processId, durationMs }: WhyCommand, meter: Meter): Promise<number> {
  return new Promise((resolve, reject) => {
    const timers: NodeJS.Timeout[] = [];
    let child: ChildProcess | undefined;
    let outOfTime = false;
    const stop = () => {
      for (const timer of timers) clearInterval(timer);
      for (const signal of endingSignals) process.off(signal, onSignal);
    };
    const end = (status: number) => {
      stop();
      resolve(status);
    };
    const onSignal = (signal: NodeJS.Signals) => {
      if (child === undefined) end(0);
      else if (signal !== 'SIGINT' && signal !== 'SIGQUIT') child.kill(signal);
    };
    for (const signal of endingSignals) process.on(signal, onSignal);
    const limit = durationMs ?? (program === undefined && processId === undefined ? 10_000 : undefined);
    const onTime = () => {
      outOfTime = true;
      if (child === undefined) end(0);
      else child.kill('SIGTERM');
    };
    if (limit !== undefined) timers.push(setTimeout(onTime, limit));
    if (processId !== undefined) timers.push(setInterval(() => !existsSync(`/proc/${processId}`) && end(0), 100));
    if (program === undefined) return;
    const [name = '', ...rest] = program;
    child = spawn(name, rest, { stdio: 'inherit' });
    meter.exclude(process.pid);
    child.on('error', (error: NodeJS.ErrnoException) => {
      stop();
      const why = error.code === 'ENOENT' ? 'there is no such program' : error.message;
      reject(new UsageError(`cannot run ${JSON.stringify(name)}: ${why}`));
    });
    child.on('exit', (status, signal) => end(outOfTime ? 0 : (status ?? 128 + constants.signals[signal!])));
  });
}
