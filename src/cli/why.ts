// `clearway why`: meters a command, a process or the host for a while, and says in plain sentences why bytes were copied
// and what would stop it. Not here: the rules (why/rules.ts), gathering what the host says (why/gather.ts).

import { closeSync, openSync } from 'node:fs';
import { createMeter, type Meter, refusalSentence, ScopeError } from '../meter/index.js';
import { shortfallLines } from '../meter/report.js';
import { Watch } from '../why/gather.js';
import { whyText } from '../why/report.js';
import { explain } from '../why/rules.js';
import { untilTheEnd } from './kit/ending.js';
import { parseFlags } from './kit/flags.js';
import { dressed, formOf } from './kit/terminal.js';
import { UsageError } from './kit/usage.js';
import { timeOf } from './kit/values.js';

const help = `Usage: clearway why [--json] [--duration TIME] [--pid N | -- COMMAND ARG...]

Meters copies, inspects network devices, BPF programs, packet captures and sockets, and explains in plain sentences why
bytes were copied, how to avoid it, and what that saves. Requires root.

  --pid N            a process and its descendants, until it ends
  -- COMMAND ARG...  runs a program; the answer goes to stderr
  --duration TIME    ends after a time: 10s, 500ms, 2m (default without --pid and COMMAND: 10s)
  --json             reasons and evidence as JSON
  -h, --help         print this help

Without --pid and COMMAND it looks at every process of the host; Ctrl-C ends it early, with an answer.
Exit status: 0; that of COMMAND; 2 for wrong use; 3 if the host refuses.
`;

/** How long it looks where nothing else ends it. */
const defaultDurationMs = 10_000;
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
    durationMs: timeOf('duration', values.duration),
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
  const status = await untilTheEnd({
    name: 'clearway why',
    durationMs:
      command.durationMs ?? (program === undefined && processId === undefined ? defaultDurationMs : undefined),
    command: program,
    processId,
    started: () => meter.exclude(process.pid),
  }).finally(() => clearInterval(sampler));
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
