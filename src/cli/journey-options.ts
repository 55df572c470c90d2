// The command line of `clearway journey`, parsed and checked; nothing is attached here.

import { ConnectionFilterError, parseConnectionFilter } from '../journey/connection-filter.js';
import { parseFlags } from './kit/flags.js';
import { UsageError } from './kit/usage.js';
import { timeOf } from './kit/values.js';

/** What to follow, for how long, and where it is written. */
export interface JourneyCommand {
  readonly processId: number | undefined;
  /** The program to run and follow, with its arguments. */
  readonly command: readonly string[] | undefined;
  readonly connection: string | undefined;
  /** One message in so many. */
  readonly sample: number;
  readonly durationMs: number | undefined;
  readonly json: boolean;
  readonly output: string | undefined;
  readonly trace: string | undefined;
  readonly pcapng: string | undefined;
  readonly help: boolean;
}

const options = {
  pid: { type: 'string' },
  conn: { type: 'string' },
  sample: { type: 'string' },
  duration: { type: 'string' },
  json: { type: 'boolean' },
  output: { type: 'string' },
  trace: { type: 'string' },
  pcapng: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const;

/** The text of `clearway journey --help`. */
export const journeyHelp = `Usage: clearway journey [--pid N | -- COMMAND ARG...] [options]

Follows TCP messages through the kernel, from the sender's call to the reader's return, and says where the time went:
every stage with p50, p99 and max, the time line of an ordinary message, the slowest ones. Requires root.

  --pid N            messages that a process or its descendants send or receive, until it ends (default: all of the host)
  -- COMMAND ARG...  runs a program and follows its messages; the report goes to stderr
  --conn FILTER      only connections with this end: 10.0.0.7, :443, 10.0.0.7:443, [::1]:80
  --sample 1/N       one message in N, by chance (1/1); on each connection one at a time is followed
  --duration TIME    ends after a time: 10s, 500ms, 2m (default: at a signal, or when the process ends);
                     a COMMAND gets SIGTERM then, and SIGKILL 5 s later
  --json             the report as JSON
  --output FILE      writes the report into a file
  --trace FILE       a trace for Perfetto (ui.perfetto.dev) or chrome://tracing, as JSON
  --pcapng FILE      the headers of the packets, each with the stages of its message as a comment, for Wireshark
  -h, --help         print this help

Exit status: 0; that of COMMAND; 2 for wrong use; 3 if the host refuses.
\`clearway plan\` predicts the same times from a model; this command measures them.
`;

/** Parses the arguments. @throws UsageError */
export function parseJourneyArguments(args: readonly string[]): JourneyCommand {
  const separator = args.indexOf('--');
  const own = separator === -1 ? args : args.slice(0, separator);
  const command = separator === -1 ? undefined : args.slice(separator + 1);
  const { values } = parseFlags('journey', own, options, 0, 'a command to run stands after --');
  if (command?.length === 0) throw new UsageError('there is no command after --');
  if (command !== undefined && values.pid !== undefined) throw new UsageError('choose one of --pid and -- COMMAND');
  if (values.conn !== undefined) checkConnection(values.conn);
  return {
    processId: values.pid === undefined ? undefined : parseProcess(values.pid),
    command,
    connection: values.conn,
    sample: values.sample === undefined ? 1 : parseSample(values.sample),
    durationMs: timeOf('duration', values.duration),
    json: values.json === true,
    output: values.output,
    trace: values.trace,
    pcapng: values.pcapng,
    help: values.help === true,
  };
}

function parseProcess(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text);
  throw new UsageError(`--pid takes a process id, not ${JSON.stringify(text)}`);
}

function checkConnection(text: string): void {
  try {
    parseConnectionFilter(text);
  } catch (error) {
    if (error instanceof ConnectionFilterError) throw new UsageError(`--conn: ${error.message}`);
    throw error;
  }
}

function parseSample(text: string): number {
  const sample = Number(/^1\/([1-9]\d{0,8})$/.exec(text)?.[1] ?? (text === '1' ? 1 : 0));
  if (sample >= 1) return sample;
  throw new UsageError(`--sample takes one message in so many, such as 1/100, not ${JSON.stringify(text)}`);
}
