// The command line of `clearway meter`, parsed and checked; nothing is attached here.

import { isIP } from 'node:net';
import { otlpUrl } from '../meter/export/otlp.js';
import { type Condition, ConditionError, metricNames, parseCondition, summaryNames } from '../meter/fail-if.js';
import type { Scope } from '../meter/index.js';
import { parseHostPort } from '../serve/options.js';
import { parseFlags } from './kit/flags.js';
import { optionalAddress } from './kit/optional-address.js';
import { nearest, UsageError } from './kit/usage.js';
import { timeOf } from './kit/values.js';

/** Where to listen. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** What to meter, for how long, and how to show it. */
export interface MeterCommand {
  readonly scope: Scope;
  /** The program to run and meter, with its arguments. */
  readonly command: readonly string[] | undefined;
  readonly json: boolean;
  /** Also account by socket. */
  readonly sockets: boolean;
  /** Also kernel stacks of what was reverted and linearised. */
  readonly stacks: boolean;
  readonly durationMs: number | undefined;
  readonly intervalMs: number | undefined;
  readonly failIf: readonly Condition[];
  readonly output: string | undefined;
  /** The file that readings are recorded into. */
  readonly record: string | undefined;
  /** The recording to replay instead of metering. */
  readonly replay: string | undefined;
  /** How much faster than it was recorded a replay goes. */
  readonly speed: number;
  readonly prometheus: Address | undefined;
  readonly otlp: URL | undefined;
  /** Where the dashboard listens, if it is wanted. */
  readonly open: Address | undefined;
  readonly help: boolean;
}

const options = {
  pid: { type: 'string' },
  cgroup: { type: 'string' },
  all: { type: 'boolean' },
  json: { type: 'boolean' },
  sockets: { type: 'boolean' },
  stacks: { type: 'boolean' },
  duration: { type: 'string' },
  interval: { type: 'string' },
  output: { type: 'string' },
  prometheus: { type: 'string' },
  otlp: { type: 'string' },
  open: { type: 'string' },
  speed: { type: 'string' },
  'fail-if': { type: 'string', multiple: true },
  help: { type: 'boolean', short: 'h' },
} as const;

/** The text of `clearway meter --help`. */
export const meterHelp = `Usage: clearway meter [record FILE] [--pid N | --cgroup PATH | --all | -- COMMAND ARG...] [options]
       clearway meter replay FILE [--speed N] [--json] [--fail-if EXPR] [--open]

Counts every byte the CPU copies through sockets, for any program, by process and cause. Requires root.

  --pid N            a process and its descendants, until it ends
  --cgroup PATH      a container: the directory of its cgroup (v2), with those beneath it
  --all              every process of the host (the default)
  -- COMMAND ARG...  runs a program and meters it and its descendants; the report goes to stderr
  --duration TIME    ends after a time: 10s, 500ms, 2m (default: at a signal, or when the process ends);
                     a COMMAND gets SIGTERM then, and SIGKILL 5 s later
  --interval TIME    how often the live table changes (1s); with --json, one object on a line each time
  --json             the report as JSON
  --sockets          also by socket: those that are open at the end
  --stacks           who did it: the kernel stacks on which zero-copy was reverted and buffers were linearised
  --output FILE      writes the report into a file
  --fail-if EXPR     status 1 if it holds at the end: 'amplification > 1.1', 'reverted >= 1M'; may be repeated
  --open [HOST:PORT]  the dashboard in the browser (127.0.0.1, any free port); beyond loopback it asks for a token
  --prometheus HOST:PORT   a Prometheus endpoint at /metrics
  --otlp URL         exports to an OpenTelemetry collector (OTLP/HTTP, JSON) every 10 s, or --interval
  record FILE        writes every reading into a file, as JSON lines
  replay FILE        shows a recording as it was seen: live table, report, conditions; --speed 10 goes ten times as fast
  -h, --help         print this help

Exit status: 0; that of COMMAND; 1 if a --fail-if holds or cannot be judged; 2 for wrong use; 3 if the host refuses.
`;

/** Parses the arguments. @throws UsageError */
export function parseMeterArguments(args: readonly string[]): MeterCommand {
  const separator = args.indexOf('--');
  const own = separator === -1 ? args : args.slice(0, separator);
  const command = separator === -1 ? undefined : args.slice(separator + 1);
  const { values, positionals } = parseFlags('meter', optionalAddress(own, '--open'), options, 3);
  const recording = recordingOf(values.help === true ? [] : positionals);
  if (command?.length === 0) throw new UsageError('there is no command after --');
  const chosen = [values.pid, values.cgroup, values.all, command].filter((each) => each !== undefined);
  if (chosen.length > 1) throw new UsageError('choose one of --pid, --cgroup, --all and -- COMMAND');
  if (recording.replay !== undefined) refuseWithReplay(values, chosen.length > 0);
  else if (values.speed !== undefined) throw new UsageError('--speed is for replay');
  return {
    ...recording,
    speed: values.speed === undefined ? 1 : parseSpeed(values.speed),
    prometheus: parseAddress('--prometheus', values.prometheus),
    otlp: values.otlp === undefined ? undefined : parseOtlp(values.otlp),
    open: parseAddress('--open', values.open),
    scope: scopeOf(values.pid, values.cgroup, command),
    command,
    json: values.json === true,
    sockets: values.sockets === true,
    stacks: values.stacks === true,
    durationMs: timeOf('duration', values.duration),
    intervalMs: timeOf('interval', values.interval),
    failIf: (values['fail-if'] ?? []).map(parseFailIf),
    output: values.output,
    help: values.help === true,
  };
}

function recordingOf(positionals: readonly string[]): { record: string | undefined; replay: string | undefined } {
  const [word, file, more] = positionals;
  if (word === undefined) return { record: undefined, replay: undefined };
  if (word !== 'record' && word !== 'replay') {
    const guess = nearest(word, ['record', 'replay']);
    const fix = guess === undefined ? 'a command to run stands after --' : `did you mean ${guess} FILE?`;
    throw new UsageError(`${JSON.stringify(word)} is not expected: ${fix}`);
  }
  if (file === undefined) throw new UsageError(`${word} takes a file: clearway meter ${word} FILE`);
  if (more !== undefined) throw new UsageError(`${JSON.stringify(more)} is not expected: ${word} takes one file`);
  return { record: word === 'record' ? file : undefined, replay: word === 'replay' ? file : undefined };
}

function refuseWithReplay(values: Readonly<Record<string, unknown>>, scoped: boolean): void {
  if (scoped) throw new UsageError('a replay shows what was recorded: it takes no --pid, --cgroup, --all or command');
  const one = ['prometheus', 'otlp', 'duration', 'sockets', 'stacks'].find((name) => values[name] !== undefined);
  if (one !== undefined) throw new UsageError(`--${one} is not for replay`);
}

function parseSpeed(text: string): number {
  const speed = /^\d+(\.\d+)?$/.test(text) ? Number(text) : 0;
  if (speed > 0 && speed <= 10_000) return speed;
  throw new UsageError(`--speed takes a number above 0, at most 10000, not ${JSON.stringify(text)}`);
}

function parseAddress(option: string, text: string | undefined): Address | undefined {
  try {
    const address = parseHostPort(option, text);
    if (address === undefined || isIP(address.host) !== 0 || address.host === 'localhost') return address;
  } catch {
    // Said below.
  }
  throw new UsageError(
    `${option} takes HOST:PORT with an address, such as 127.0.0.1:9100, not ${JSON.stringify(text)}`,
  );
}

function parseOtlp(text: string): URL {
  try {
    return otlpUrl(text);
  } catch {
    throw new UsageError(`--otlp takes a URL such as http://127.0.0.1:4318, not ${JSON.stringify(text)}`);
  }
}

function scopeOf(pid: string | undefined, cgroup: string | undefined, command: readonly string[] | undefined): Scope {
  if (cgroup !== undefined) return { kind: 'cgroup', path: cgroup };
  if (command !== undefined) return { kind: 'process', processId: process.pid };
  if (pid === undefined) return { kind: 'all' };
  if (!/^[1-9]\d*$/.test(pid)) throw new UsageError(`--pid takes a process id, not ${JSON.stringify(pid)}`);
  return { kind: 'process', processId: Number(pid) };
}

function parseFailIf(text: string): Condition {
  try {
    return parseCondition(text);
  } catch (error) {
    if (!(error instanceof ConditionError)) throw error;
    const guess = error.metric === undefined ? undefined : nearest(error.metric, metricNames);
    const known = `the figures are ${summaryNames.join(', ')}, and the counters of --json`;
    const hint = guess === undefined ? known : `did you mean ${guess}?`;
    const rest = error.metric === undefined ? '' : `: ${hint}`;
    throw new UsageError(`--fail-if: ${error.message}${rest}`);
  }
}
